import Addressing
import Journal
import ObjectFile

/// What names an image gives to its places, and the slots that the loader fills.
struct ImageSymbols {
  private(set) var symbols: [BaseSymbol] = []
  private(set) var imports: [BaseImport] = []
  /// Names of functions that a program switches stacks with.
  private(set) var switchesStacks = false

  private let file: ELFFile
  /// By the name of `STT_FILE` symbols.
  private var unitCounts: [String: UInt32] = [:]
  private let types: ImageTypes

  init(_ file: ELFFile, types: ImageTypes, units: GlobalUnits) throws(LinkError) {
    self.file = file
    self.types = types
    do throws(ObjectFileError) {
      if let table = try file.symbolTable(.static) { try readSymbols(table) }
      let found = try ImageImports(file, symbols: symbols)
      imports = found.imports
      switchesStacks = found.switchesStacks
    } catch {
      throw LinkError(.objectFile, object: file.name, cause: error)
    }
    units.assign(to: &symbols, unitCounts)
    guard !symbols.isEmpty else { throw LinkError(.imageWithoutSymbols, object: file.name) }
  }

  // MARK: Symbols

  private mutating func readSymbols(_ table: ELFSymbolTable) throws(ObjectFileError) {
    symbols.reserveCapacity(table.count)
    let threadBlock = threadBlockOffset()
    var unit: String?
    var ordinal: UInt32 = 0
    for symbol in table {
      if symbol.kind == .file {
        let name = try table.name(of: symbol)
        // Linkers put local symbols of no file behind a STT_FILE symbol without a name.
        unit = name.isEmpty ? nil : name
        ordinal = unitCounts[name, default: 0]
        unitCounts[name] = ordinal + 1
        continue
      }
      // Linkers make hidden symbols local, but any object may refer to them (gABI, Symbol Visibility).
      let isLocal = symbol.binding == .local && symbol.visibility == .default
      guard let kind = Self.kind(symbol), symbol.isDefined, symbol.place != .absolute || !isLocal else { continue }
      let name = try table.name(of: symbol)
      guard !SymbolNaming.isMark(name) else { continue }
      symbols.append(
        BaseSymbol(
          name: Self.unversioned(name),
          address: address(symbol, threadBlock), byteCount: symbol.byteCount, kind: kind,
          binding: Self.binding(symbol, isLocal: isLocal && unit != nil),
          unit: isLocal ? unit : nil, unitOrdinal: isLocal ? ordinal : 0,
          typeDigest: types.digest(at: symbol.value, isThreadLocal: kind == .threadLocal)))
    }
  }

  /// What was hidden may have been weak: nobody can tell any more. Unique is weak too: each object may have a definition, and the
  /// linker takes any of them (static locals of inline functions, by GCC).
  private static func binding(_ symbol: ELFSymbol, isLocal: Bool) -> BaseSymbol.Binding {
    guard !isLocal else { return .local }
    return [.weak, .unique, .local].contains(symbol.binding) ? .weak : .global
  }

  private static func kind(_ symbol: ELFSymbol) -> BaseSymbol.Kind? {
    switch symbol.kind {
    case .function: .function
    case .object, .common: .data
    case .threadLocal: .threadLocal
    case .indirectFunction: .indirectFunction
    case .none: symbol.binding == .local ? nil : .label
    case .section, .file, .other: nil
    }
  }

  /// GNU ld appends the version of what it copied or imports: `stdout@GLIBC_2.2.5`.
  private static func unversioned(_ name: String) -> String {
    guard let at = name.firstIndex(of: "@"), at != name.startIndex else { return name }
    return String(name[..<at])
  }

  /// What to add to the value of a thread-local symbol to get its offset from the thread pointer. In variant II that is
  /// the end of the block, rounded up (ELF Handling For Thread-Local Storage, 3.4.6). In variant I the block follows two
  /// words at the thread pointer, as its alignment asks (3.4.1; lld, Symbols.cpp, getTlsTpOffset).
  private func threadBlockOffset() -> UInt64 {
    guard let segment = file.segments.first(of: .threadLocal) else { return 0 }
    let mask = max(1, segment.alignment) &- 1
    switch file.header.machine {
    case .aarch64: return 16 &+ ((segment.range.start.rawValue &- 16) & mask)
    default: return 0 &- ((segment.memoryByteCount &+ mask) & ~mask)
    }
  }

  private func address(_ symbol: ELFSymbol, _ threadBlock: UInt64) -> VirtualAddress {
    VirtualAddress(symbol.kind == .threadLocal ? symbol.value &+ threadBlock : symbol.value)
  }
}
