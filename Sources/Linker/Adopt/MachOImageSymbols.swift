import Addressing
import Journal
import ObjectFile

/// What names a Mach-O image gives to its places, and the words that the loader binds.
///
/// Names are those of the symbol table, with the underscore that C's have. A symbol has no size: it reaches to the next
/// atom, padding included.
struct MachOImageSymbols {
  private(set) var symbols: [BaseSymbol] = []
  private(set) var imports: [BaseImport] = []
  private(set) var switchesStacks = false
  /// Whether it is known to which unit local symbols belong.
  let knowsUnits: Bool

  private let file: MachOFile

  /// - Parameter objects: those that the image was linked from, with their paths; or none.
  init(_ file: MachOFile, objects: [(path: String, file: MachOFile)]) throws(ObjectFileError) {
    self.file = file
    guard let table = try file.symbolTable() else {
      knowsUnits = false
      return
    }
    let units = try MachOUnits(table, objects: objects)
    knowsUnits = !units.isEmpty
    try readSymbols(table, units)
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
      var unit: MachOUnits.Unit?
      if isLocal {
        unit = units.unit(of: name, at: symbol.value, ordinal: counts[name, default: 0])
        counts[name, default: 0] += 1
      }
      symbols.append(
        BaseSymbol(
          name: name, address: VirtualAddress(symbol.value), byteCount: range.byteCount,
          kind: symbol.isResolver ? .indirectFunction : section.attributes.hasInstructions ? .function : .data,
          binding: isLocal ? .local : symbol.isWeakDefinition ? .weak : .global,
          unit: isLocal ? unit?.name ?? (units.isEmpty ? "" : nil) : nil, unitOrdinal: unit?.ordinal ?? 0))
    }
  }

  /// The assembler's labels and those that only linkers should see; they are left in images by some.
  private static func isPrivate(_ name: String) -> Bool { name.hasPrefix("L") || name.hasPrefix("l") }

  /// - Parameter own: what the image defines for others: a word that is bound to it, for another image may override it,
  ///   is taken for a pointer to it.
  private mutating func readImports(_ own: Set<String>) throws(ObjectFileError) {
    let libraries = try file.libraries().map(\.name)
    for (address, target) in try MachOBoundWords(file).words.sorted(by: { $0.key < $1.key })
    where !own.contains(target.symbol) {
      let number = target.library.rawValue
      let library = number >= 1 && number <= libraries.count ? libraries[number - 1] : nil
      imports.append(
        BaseImport(
          symbol: ImportedSymbol(
            name: target.symbol, version: nil, library: library, addend: target.addend),
          slot: address, kind: kind(of: address)))
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
