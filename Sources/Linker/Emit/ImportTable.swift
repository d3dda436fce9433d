import Addressing
import Journal

/// Leads references to other images' symbols through cells that the dynamic loader fills: the base image's own where
/// it has one, a new one in the arena else.
struct ImportTable {
  private let directory: AtomDirectory
  private let libraries: LibraryDirectory
  private var stubs: [String: VirtualAddress] = [:]
  private var cells: [String: VirtualAddress] = [:]

  /// What an import is answered with.
  enum Answer {
    case value(FixupValue)
    /// The word itself is to be bound.
    case bind(ImportedSymbol)
  }

  init(directory: AtomDirectory) {
    self.directory = directory
    libraries = LibraryDirectory(store: directory.store)
  }

  /// - Parameter isWord: an 8-byte pointer in data, which the loader can fill by itself.
  mutating func resolve(
    _ name: String, isWeak: Bool, need: FixupNeed, isWord: Bool, into emitter: inout EmitterState
  ) throws(LinkError) -> Answer {
    let slots = try directory.baseImports(named: name)
    if let copy = slots.first(where: { $0.kind == .copy }) {
      guard case .gotCell(isRelaxable: false) = need else { return .value(.address(copy.slot)) }
      return .value(.cell(try emitter.gotCell(to: copy.slot)))
    }
    guard let symbol = try symbol(name, slots, need) else {
      guard isWeak else { throw LinkError(.undefinedSymbol, symbol: name) }
      // A cell that nothing ever fills holds 0.
      guard case .gotCell(isRelaxable: false) = need else { return .value(.absolute(0)) }
      return .value(.cell(try emitter.allocator.cell()))
    }
    if isWord { return .bind(symbol) }
    switch need {
    case .call: return .value(.address(try stub(symbol, slots, &emitter)))
    case .gotCell: return .value(.cell(try cell(symbol, slots, &emitter)))
    case .address:
      guard try isFunction(name) else { throw LinkError(.directReferenceToImport, symbol: name) }
      return .value(.address(try stub(symbol, slots, &emitter)))
    default: throw LinkError(.importedThreadLocal, symbol: name)
    }
  }

  private func symbol(
    _ name: String, _ slots: [BaseImport], _ need: FixupNeed
  ) throws(LinkError) -> ImportedSymbol? {
    if let slot = slots.first { return slot.symbol }
    guard let found = try libraries.symbol(named: name) else { return nil }
    guard !found.isThreadLocal else { throw LinkError(.importedThreadLocal, symbol: name) }
    return found.symbol
  }

  private func isFunction(_ name: String) throws(LinkError) -> Bool {
    try libraries.symbol(named: name)?.isFunction ?? false
  }

  /// Where a call goes: `jmp *cell(%rip)` in the arena.
  private mutating func stub(
    _ symbol: ImportedSymbol, _ slots: [BaseImport], _ emitter: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    if let known = stubs[symbol.name] { return known }
    let identity = Self.identity(symbol.name, "stub")
    if let placed = try directory.placed(identity) {
      stubs[symbol.name] = placed.placement.body.start
      return placed.placement.body.start
    }
    // A lazily bound slot is as good for calls: it leads to the resolver the first time.
    let lazy = slots.first { $0.kind == .jumpSlot }?.slot
    let cell = if let lazy { lazy } else { try cell(symbol, slots, &emitter) }
    let place = try emitter.addSlot(to: cell, identity: identity, kind: .importStub)
    stubs[symbol.name] = place
    return place
  }

  /// A cell that holds the symbol's address.
  private mutating func cell(
    _ symbol: ImportedSymbol, _ slots: [BaseImport], _ emitter: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    if let slot = slots.first(where: { $0.kind == .globalData }) { return slot.slot }
    if let known = cells[symbol.name] { return known }
    let identity = Self.identity(symbol.name, "cell")
    if let placed = try directory.placed(identity), let cell = placed.placement.cell {
      cells[symbol.name] = cell
      return cell
    }
    let cell = try emitter.addBoundCell(symbol, identity: identity)
    cells[symbol.name] = cell
    return cell
  }

  private static func identity(_ name: String, _ variant: String) -> AtomIdentity {
    AtomIdentity(name: name, variant: "import \(variant)")
  }
}
