import Addressing
import Journal

/// Finds atoms of the parent update by name. Costs a few index look-ups a name, whatever the size of the image.
final class AtomDirectory {
  let store: JournalStore
  let parent: Digest
  let base: BaseImage
  private var globals: [String: KnownAtom?] = [:]
  private var units: [UnitKey: [String: [BaseSymbol]]] = [:]
  private var globalNames: [UnitKey: [String]] = [:]
  /// What has been asked of the journal: an object names most of what it refers to many times.
  private var placements: [String: [PlacedAtom]] = [:]
  private var symbols: [String: [BaseSymbol]] = [:]
  private var writableConstants: WritableConstants?

  private struct UnitKey: Hashable {
    let name: String
    let ordinal: UInt32
  }

  init(store: JournalStore, parent: Digest) {
    self.store = store
    self.parent = parent
    base = store.base
  }

  /// Looks names up that will be asked for, all at once.
  ///
  /// - Parameter globals: those among them that other files see. A local name may stand in the image once for each of its
  ///   units, and is asked for by its unit.
  func prepare(_ names: Set<String>, globals: Set<String>) throws(LinkError) {
    try preparePlacements(names)
    let known = try fromJournal { () throws(JournalError) in try store.baseSymbols(named: globals) }
    for name in globals { symbols[name] = known[name] ?? [] }
  }

  private func preparePlacements(_ names: Set<String>) throws(LinkError) {
    let placed = try fromJournal { () throws(JournalError) in
      try store.placements(named: names, at: parent, includingRemoved: true)
    }
    for name in names { placements[name] = placed[name] ?? [] }
  }

  /// The atom that a reference from another file to this name means; nil where the image does not define it.
  func global(named name: String) throws(LinkError) -> KnownAtom? {
    if let known = globals[name] { return known }
    let found = try findGlobal(named: name)
    globals[name] = .some(found)
    return found
  }

  private func findGlobal(named name: String) throws(LinkError) -> KnownAtom? {
    let placed = try placements(named: name).filter { $0.identity.unit == nil && $0.kind != .importStub }
    let newest = placed.max { $0.update < $1.update }
    if let newest, newest.update != .base { return KnownAtom(newest) }
    var atom = try baseGlobal(named: name)
    if let newest { atom?.isRemoved = !newest.isCurrent }
    return atom
  }

  private func baseGlobal(named name: String) throws(LinkError) -> KnownAtom? {
    // The loader finds out what an indirect function is: that makes it an import.
    let symbols = try baseSymbols(named: name).filter { $0.kind != .indirectFunction }
    if let symbol = symbols.first(where: { $0.binding != .local }) { return try atom(symbol) }
    guard base.format == .elf, try hidesGlobals(), var only = symbols.first else { return nil }
    guard symbols.count == 1 else {
      throw LinkError(
        .ambiguousSymbol, symbol: name, detail: "\(symbols.count) symbols of that name, all of them local in the image")
    }
    only.unit = nil
    only.unitOrdinal = 0
    return try atom(only)
  }

  /// Mold makes every symbol local that other images need not find, `main` among them.
  private func hidesGlobals() throws(LinkError) -> Bool {
    try !baseSymbols(named: "main").contains { $0.binding != .local }
  }

  /// Every variant of a function or variable by exact identity name, those that are removed included.
  func placements(named name: String) throws(LinkError) -> [PlacedAtom] {
    if let known = placements[name] { return known }
    try preparePlacements([name])
    return placements[name] ?? []
  }

  /// The local symbols of one compilation unit of the base image by their names there.
  func baseLocals(unit: String, ordinal: UInt32) throws(LinkError) -> [String: [BaseSymbol]] {
    let key = UnitKey(name: unit, ordinal: ordinal)
    if let known = units[key] { return known }
    let symbols = try fromJournal { () throws(JournalError) in try store.baseSymbols(inUnit: unit, ordinal: ordinal) }
    let byName = Dictionary(grouping: symbols.filter { $0.binding == .local }, by: \.name)
    units[key] = byName
    globalNames[key] = symbols.filter { $0.binding == .global }.map(\.name)
    return byName
  }

  /// The global symbols that are known to be a unit's own.
  func baseGlobals(unit: String, ordinal: UInt32) throws(LinkError) -> [String] {
    _ = try baseLocals(unit: unit, ordinal: ordinal)
    return globalNames[UnitKey(name: unit, ordinal: ordinal)] ?? []
  }

  /// What updates have placed of a unit's own.
  func placedLocals(unit: String, ordinal: UInt32) throws(LinkError) -> [PlacedAtom] {
    try fromJournal { () throws(JournalError) in try store.placements(inUnit: unit, ordinal: ordinal, at: parent) }
  }

  /// What updates have placed that other files see, and that an object of this unit defined last.
  func placedGlobals(unit: String, ordinal: UInt32) throws(LinkError) -> [PlacedAtom] {
    let unit = CompilationUnit(name: unit, ordinal: ordinal)
    return try fromJournal { () throws(JournalError) in try store.placements(definedBy: unit, at: parent) }
  }

  func unitOrdinals(named unit: String) throws(LinkError) -> [UInt32] {
    try fromJournal { () throws(JournalError) in try store.units(named: unit) }
  }

  /// A local atom of a unit: placed by an update, or in the base image.
  func local(named name: String, unit: String, ordinal: UInt32) throws(LinkError) -> KnownAtom? {
    let placed = try placements(named: name).filter {
      $0.identity.unit == unit && $0.identity.unitOrdinal == ordinal && $0.identity.enclosingFunction == nil
    }
    let newest = placed.max { $0.update < $1.update }
    if let newest, newest.update != .base { return KnownAtom(newest) }
    let symbols = try baseLocals(unit: unit, ordinal: ordinal)[name] ?? []
    guard symbols.count <= 1 else {
      throw LinkError(.ambiguousLocal, symbol: name, detail: "\(symbols.count) local symbols of that name in \(unit)")
    }
    guard let symbol = symbols.first else { return nil }
    var atom = try atom(symbol)
    if let newest { atom?.isRemoved = !newest.isCurrent }
    return atom
  }

  /// The base image's own atom of that identity, whatever updates made of it.
  func base(_ identity: AtomIdentity) throws(LinkError) -> KnownAtom? {
    guard let unit = identity.unit else { return try baseGlobal(named: identity.name) }
    guard let symbol = try baseLocals(unit: unit, ordinal: identity.unitOrdinal)[identity.name]?.first else {
      return nil
    }
    return try atom(symbol)
  }

  /// Hand-written assembly leaves sizes out: such a function reaches to the next symbol.
  func atom(_ symbol: BaseSymbol) throws(LinkError) -> KnownAtom? {
    var symbol = symbol
    if symbol.byteCount == 0, symbol.kind == .function || symbol.kind == .label {
      symbol.byteCount = try distanceToNextSymbol(from: symbol.address)
    }
    return KnownAtom(symbol, isReadOnly: try isReadOnly(symbol.address))
  }

  private func distanceToNextSymbol(from address: VirtualAddress) throws(LinkError) -> UInt64 {
    guard let segment = base.segments.first(where: { $0.range.contains(address) }) else { return 0 }
    let byteCount = min(4096, segment.range.end.rawValue - address.rawValue)
    let range = AddressRange(start: address, byteCount: byteCount)
    let next = try baseSymbols(overlapping: range).map(\.address).filter { $0 > address }.min()
    return next.map { $0.rawValue - address.rawValue } ?? byteCount
  }

  /// Whether the program does not write there once the loader is done.
  func isReadOnly(_ address: VirtualAddress) throws(LinkError) -> Bool {
    guard let segment = base.segments.first(where: { $0.range.contains(address) }) else { return false }
    if !segment.protection.contains(.write) { return true }
    let constants = if let writableConstants { writableConstants } else { try WritableConstants(store) }
    writableConstants = constants
    return constants.contains(address)
  }

  func baseSymbols(named name: String) throws(LinkError) -> [BaseSymbol] {
    if let known = symbols[name] { return known }
    let found = try fromJournal { () throws(JournalError) in try store.baseSymbols(named: name) }
    symbols[name] = found
    return found
  }

  /// The symbols that share a function's bytes in the base image.
  func baseSymbols(overlapping range: AddressRange) throws(LinkError) -> [BaseSymbol] {
    try fromJournal { () throws(JournalError) in try store.baseSymbols(overlapping: range) }
  }

  func types(named name: String) throws(LinkError) -> [TypeLayout] {
    try fromJournal { () throws(JournalError) in try store.types(named: name, at: parent) }
  }

  func baseImports(named name: String) throws(LinkError) -> [BaseImport] {
    try fromJournal { () throws(JournalError) in try store.baseImports(named: name) }
  }

  /// Whether the loader asks the image's own code where the function is (STT_GNU_IFUNC).
  func isIndirectFunction(_ name: String) throws(LinkError) -> Bool {
    try baseSymbols(named: name).contains { $0.kind == .indirectFunction }
  }

  /// An atom that an update placed, by its whole identity.
  func placed(_ identity: AtomIdentity) throws(LinkError) -> PlacedAtom? {
    try fromJournal { () throws(JournalError) in try store.placement(of: identity, at: parent) }
  }
}

extension AtomDirectory {
  /// Every body that a function has had up to the parent update: in the base image first.
  func bodies(of atom: KnownAtom) throws(LinkError) -> [AddressRange] {
    var bodies: [AddressRange] = []
    if atom.identity.variant == nil, let original = try base(atom.identity) { bodies.append(original.placement.body) }
    let placed = try fromJournal { () throws(JournalError) in try store.bodies(ofFunction: atom.identity, at: parent) }
    for body in placed.map(\.placement.body) where !bodies.contains(body) { bodies.append(body) }
    return bodies
  }
}

/// Runs a look-up in the journal, and says so where it fails.
func fromJournal<Value>(_ body: () throws(JournalError) -> Value) throws(LinkError) -> Value {
  do {
    return try body()
  } catch {
    throw LinkError(.journal, cause: error)
  }
}
