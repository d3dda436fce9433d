import Addressing
import Journal
import ObjectFile

/// What names a Mach-O image gives to its places, and the words that the loader binds.
///
/// Names are those of the symbol table, with the underscore that C's have. A symbol has no size: it reaches to the next
/// atom, padding included, and in an image over what has no name there; how long a constant is, objects tell.
struct MachOImageSymbols {
  private(set) var symbols: [BaseSymbol] = []
  private(set) var imports: [BaseImport] = []
  private(set) var switchesStacks = false
  /// Whether it is known to which unit local symbols belong.
  let knowsUnits: Bool

  private let file: MachOFile
  private let types: MachOTypes
  private let sizes: MachOConstantSizes

  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(
    _ file: MachOFile, objects: [(path: String, file: MachOFile)], types: MachOTypes
  ) throws(ObjectFileError) {
    self.file = file
    self.types = types
    sizes = try MachOConstantSizes(objects)
    guard let table = try file.symbolTable() else {
      knowsUnits = false
      return
    }
    let units = try MachOUnits(table, objects: objects)
    knowsUnits = !units.isEmpty
    try readSymbols(table, units)
    addHeader()
    try readImports(Set(symbols.lazy.filter { $0.binding != .local }.map(\.name)))
  }

  private mutating func readSymbols(_ table: MachOSymbolTable, _ units: MachOUnits) throws(ObjectFileError) {
    let atoms = try file.atoms()
    var counts: [String: Int] = [:]
    for symbol in table where symbol.isDefined {
      guard let ordinal = symbol.sectionOrdinal, let range = atoms.range(of: symbol, in: file) else { continue }
      let section = try file.section(ordinal: ordinal)
      let name = try table.name(of: symbol)
      guard !name.isEmpty, !Self.isPrivate(name) else { continue }
      // What was private to an image may be referred to by any object of it (nlist.h, N_PEXT).
      let isLocal = !symbol.isExternal && !symbol.isPrivateExternal
      let binding = Self.binding(symbol, isLocal: isLocal)
      var unit = binding == .global ? units.unit(ofGlobal: name) : nil
      if isLocal {
        unit = units.unit(of: name, at: symbol.value, ordinal: counts[name, default: 0])
        counts[name, default: 0] += 1
      }
      var byteCount = range.byteCount
      if section.holdsConstants, !section.attributes.hasInstructions,
        let size = sizes.byteCount(of: name, isLocal: isLocal, unit: unit?.name)
      {
        byteCount = min(byteCount, size)
      }
      symbols.append(
        BaseSymbol(
          name: name, address: VirtualAddress(symbol.value), byteCount: byteCount,
          kind: symbol.isResolver ? .indirectFunction : section.attributes.hasInstructions ? .function : .data,
          binding: binding, unit: unit?.name ?? (isLocal && units.isEmpty ? "" : nil), unitOrdinal: unit?.ordinal ?? 0,
          typeDigest: types.digest(of: name, isLocal: isLocal, unit: unit?.name)))
    }
  }

  /// What linkers define by themselves, for whoever asks: both names are the header's (ld64, src/ld/Resolver.cpp). Destructors
  /// of a program's objects are registered with the second.
  private mutating func addHeader() {
    guard let header = file.headerAddress else { return }
    let known = Set(symbols.map(\.name))
    for name in ["__mh_execute_header", "___dso_handle"] where !known.contains(name) {
      symbols.append(
        BaseSymbol(
          name: name, address: header, byteCount: 0, kind: .data, binding: .weak, unit: nil, unitOrdinal: 0,
          typeDigest: nil))
    }
  }

  /// Linkers do not say of what was private to an image whether it was weak: it is taken to have been.
  private static func binding(_ symbol: MachOSymbol, isLocal: Bool) -> BaseSymbol.Binding {
    guard !isLocal else { return .local }
    return symbol.isWeakDefinition || !symbol.isExternal ? .weak : .global
  }

  /// The assembler's labels and those that only linkers should see; they are left in images by some.
  private static func isPrivate(_ name: String) -> Bool { name.hasPrefix("L") || name.hasPrefix("l") }

  /// - Parameter own: what the image defines for others: a word that is bound to it, for another image may override it,
  ///   is taken for a pointer to it.
  private mutating func readImports(_ own: Set<String>) throws(ObjectFileError) {
    let libraries = try file.libraries().map(\.name)
    for (address, target) in try MachOBoundWords(file).words.sorted(by: { $0.key < $1.key })
    where !own.contains(target.symbol) {
      imports.append(
        BaseImport(symbol: ImportedSymbol(target, libraries: libraries), slot: address, kind: kind(of: address)))
      if ["_makecontext", "_swapcontext"].contains(target.symbol) { switchesStacks = true }
    }
  }

  private func kind(of slot: VirtualAddress) -> BaseImport.Kind {
    switch file.section(containing: slot)?.type {
    case .lazyPointers: .jumpSlot
    case .nonLazyPointers: .globalData
    default: .word
    }
  }
}

extension ImportedSymbol {
  /// - Parameter libraries: those that the image loads, by install name; any of them may have what is looked up in none.
  init(_ target: MachOBindTarget, libraries: [String]) {
    let number = target.library.rawValue
    self.init(
      name: target.symbol, version: nil,
      library: number >= 1 && number <= libraries.count ? libraries[number - 1] : nil, addend: target.addend)
  }
}
