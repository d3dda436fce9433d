import ObjectFile

/// A symbol of an object file, decoded.
struct ObjectSymbol {
  enum Place {
    case undefined
    case absolute
    case common
    case section(Int)

    var isCommon: Bool {
      if case .common = self { true } else { false }
    }
  }

  let name: String
  let value: UInt64
  let place: Place
  let isWeak: Bool
  let isSection: Bool
}

/// A named place in a section.
struct PieceSymbolAt {
  let name: String
  /// In bytes from the section's start; for a common symbol its alignment.
  let value: UInt64
  let byteCount: UInt64
  let isLocal: Bool
  let isWeak: Bool
  let isFunction: Bool
  let symbolIndex: Int

  var end: UInt64 { value.addingReportingOverflow(byteCount).overflow ? .max : value + byteCount }

  func relative(to start: UInt64) -> PieceSymbol {
    PieceSymbol(
      name: name, offset: value &- start, byteCount: byteCount, isLocal: isLocal, isWeak: isWeak,
      isFunction: isFunction, symbolIndex: symbolIndex)
  }
}

/// A function that the loader asks for when the program starts (`STT_GNU_IFUNC`).
struct IndirectFunction {
  let name: String
  let section: Int
  /// Where the code starts that tells which function it is, in bytes from the section's start.
  let resolver: UInt64
}

/// The symbol table of an object file by section.
struct ObjectSymbols {
  let unit: String
  let common: [PieceSymbolAt]
  let indirect: [IndirectFunction]
  private let bySection: [Int: [PieceSymbolAt]]
  private let table: ELFSymbolTable?

  init(_ file: ELFFile) throws(ObjectFileError) {
    table = try file.symbolTable(.static)
    var unit = ""
    var common: [PieceSymbolAt] = []
    var bySection: [Int: [PieceSymbolAt]] = [:]
    var indirect: [IndirectFunction] = []
    if let table {
      for symbol in table {
        if symbol.kind == .file, unit.isEmpty { unit = try table.name(of: symbol) }
        if symbol.kind == .indirectFunction, case .section(let section) = symbol.place {
          indirect.append(
            IndirectFunction(name: try table.name(of: symbol), section: section, resolver: symbol.value))
        }
        guard let named = try Self.named(symbol, in: table) else { continue }
        if symbol.place == .common { common.append(named) }
        if case .section(let section) = symbol.place { bySection[section, default: []].append(named) }
      }
    }
    self.unit = unit
    self.common = common
    self.indirect = indirect
    self.bySection = bySection.mapValues { $0.sorted { ($0.value, $0.symbolIndex) < ($1.value, $1.symbolIndex) } }
  }

  /// A symbol that names an atom; nil for sections, files and the assembler's labels.
  private static func named(_ symbol: ELFSymbol, in table: ELFSymbolTable) throws(ObjectFileError) -> PieceSymbolAt? {
    switch symbol.kind {
    // An indirect function is its resolver under another name; what others call, the loader finds out.
    case .section, .file, .indirectFunction: return nil
    case .none where symbol.binding == .local: return nil
    default: break
    }
    let name = try table.name(of: symbol)
    guard !name.isEmpty, !SymbolNaming.isMark(name) else { return nil }
    return PieceSymbolAt(
      name: name, value: symbol.value, byteCount: symbol.byteCount, isLocal: symbol.binding == .local,
      isWeak: isReplaceable(symbol),
      isFunction: symbol.kind == .function || symbol.kind == .none,
      symbolIndex: symbol.index)
  }

  /// Whether another file's definition may stand for this one.
  private static func isReplaceable(_ symbol: ELFSymbol) -> Bool {
    symbol.binding == .weak || symbol.binding == .unique
  }

  /// The names of what other files may refer to and no other file may define.
  var strongDefinitions: Set<String> {
    Set((bySection.values.joined() + common).filter { !$0.isLocal && !$0.isWeak }.map(\.name))
  }

  /// Ascending by value.
  func defined(in section: Int) -> ArraySlice<PieceSymbolAt> { bySection[section, default: []][...] }

  func symbol(_ index: Int) throws -> ObjectSymbol {
    guard let table, index >= 0, index < table.count else {
      throw LinkError(.malformedRelocation, detail: "it names symbol \(index), which the table does not have")
    }
    let symbol = table[index]
    let place: ObjectSymbol.Place =
      switch symbol.place {
      case .undefined: .undefined
      // What is meant is told by name alone: the linker may have taken another file's definition.
      case _ where Self.isReplaceable(symbol) || symbol.kind == .indirectFunction: .undefined
      case .common: .common
      case .section(let section): .section(section)
      default: .absolute
      }
    return ObjectSymbol(
      name: symbol.kind == .section ? "" : try table.name(of: symbol), value: symbol.value, place: place,
      isWeak: symbol.binding == .weak && !symbol.isDefined, isSection: symbol.kind == .section)
  }
}
