import Addressing
import Journal

/// Leads references to other images' symbols through cells that the dynamic loader fills: the base image's own where
/// it has one, a new one in the arena else.
struct ImportTable {
  private let directory: AtomDirectory
  private let memory: PlacedMemory
  private let libraries: LibraryDirectory
  private var stubs: [String: VirtualAddress] = [:]
  private var cells: [String: VirtualAddress] = [:]
  private var veneers: [VirtualAddress: VirtualAddress] = [:]

  /// What an import is answered with.
  enum Answer {
    case value(FixupValue)
    /// The word itself is to be bound.
    case bind(ImportedSymbol)
  }

  init(directory: AtomDirectory, memory: PlacedMemory) {
    self.directory = directory
    self.memory = memory
    libraries = LibraryDirectory(store: directory.store)
  }

  /// - Parameter isWord: an 8-byte pointer in data, which the loader can fill by itself.
  mutating func resolve(
    _ name: String, isWeak: Bool, need: FixupNeed, isWord: Bool, into emitter: inout EmitterState
  ) throws(LinkError) -> Answer {
    let slots = try directory.baseImports(named: name).filter { $0.kind != .word }
    if try directory.isIndirectFunction(name) { return .value(try indirect(name, slots, need, &emitter)) }
    if let copy = slots.first(where: { $0.kind == .copy }) {
      return .value(try emitter.value(of: copy.slot, for: need))
    }
    if let stub = slots.first(where: { $0.kind == .canonicalStub }) {
      return .value(try emitter.value(of: stub.slot, for: need))
    }
    guard let symbol = try symbol(name, slots, need) else {
      guard isWeak else { throw undefined(name) }
      if need == .cellOffset { return .value(.cellOffset(try emitter.emptyTableOffset())) }
      // A cell that nothing ever fills holds 0.
      guard case .gotCell(isRelaxable: false) = need else { return .value(.absolute(0)) }
      return .value(.cell(try emitter.allocator.cell()))
    }
    if isWord { return .bind(symbol) }
    switch need {
    case .call: return .value(.address(try stub(symbol, slots, &emitter)))
    case .gotCell: return .value(.cell(try cell(symbol, slots, &emitter)))
    case .cellOffset: return .value(.cellOffset(try emitter.tableOffset(to: symbol)))
    case .address:
      guard let isFunction = try libraries.symbol(named: name)?.isFunction else {
        guard isWeak else { throw LinkError(.undefinedSymbol, symbol: name) }
        return .value(.absolute(0))
      }
      guard isFunction else { throw LinkError(.directReferenceToImport, symbol: name) }
      return .value(.address(try stub(symbol, slots, &emitter)))
    default: throw LinkError(.importedThreadLocal, symbol: name)
    }
  }

  private func undefined(_ name: String) -> LinkError {
    LinkError(
      .undefinedSymbol, symbol: name,
      detail: directory.base.format == .machO
        ? "what describes its libraries is told to init (--libraries SDK)" : nil)
  }

  /// A function of the image's own that the loader chooses: through the slot that it has filled.
  private mutating func indirect(
    _ name: String, _ slots: [BaseImport], _ need: FixupNeed, _ emitter: inout EmitterState
  ) throws(LinkError) -> FixupValue {
    guard let slot = slots.first else {
      throw LinkError(
        .undefinedSymbol, symbol: name, detail: "an indirect function (ifunc) that no code of the image goes through")
    }
    switch need {
    case .call, .address: return .address(try stub(slot.symbol, slots, &emitter))
    case .gotCell: return .cell(slot.slot)
    default: throw LinkError(.unsupportedRelocation, symbol: name, detail: "to an indirect function (ifunc)")
    }
  }

  /// An island of its own for each place, for it jumps back there.
  mutating func island(
    _ detour: Detour, returningTo next: VirtualAddress, into emitter: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    let slots = try directory.baseImports(named: detour.name).filter { $0.kind != .word }
    guard let symbol = try symbol(detour.name, slots, .gotCell(isRelaxable: false)) else {
      throw LinkError(.undefinedSymbol, symbol: detour.name)
    }
    let cell = try cell(symbol, slots, &emitter)
    let room = try emitter.allocator.code(Detour.roomByteCount, alignment: 16)
    let island = detour.island(at: room.start, cell: cell, returningTo: next)
    emitter.addFresh(island.bytes, at: room.start, fixups: island.fixups)
    return room.start
  }

  /// Code in the arena that goes on to a place which branches there cannot reach: one for each place.
  mutating func veneer(
    to target: VirtualAddress, into emitter: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    if let known = veneers[target] { return known }
    let identity = AtomIdentity(name: "", variant: "veneer to \(target)")
    if let placed = try directory.placed(identity) {
      veneers[target] = placed.placement.body.start
      return placed.placement.body.start
    }
    let place = try emitter.addVeneer(to: target, identity: identity)
    veneers[target] = place
    return place
  }

  private func symbol(
    _ name: String, _ slots: [BaseImport], _ need: FixupNeed
  ) throws(LinkError) -> ImportedSymbol? {
    if let slot = slots.first { return slot.symbol }
    guard let found = try libraries.symbol(named: name) else { return nil }
    guard !found.isThreadLocal else { throw LinkError(.importedThreadLocal, symbol: name) }
    return found.symbol
  }

  /// Where a call goes: a slot of the arena.
  private mutating func stub(
    _ symbol: ImportedSymbol, _ slots: [BaseImport], _ emitter: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    if let known = stubs[symbol.name] { return known }
    let identity = Self.identity(symbol.name, "stub")
    if let placed = try directory.placed(identity) {
      stubs[symbol.name] = placed.placement.body.start
      return placed.placement.body.start
    }
    let lazy = try lazySlot(slots)
    let cell = if let lazy { lazy } else { try cell(symbol, slots, &emitter) }
    let place = try emitter.addSlot(to: cell, identity: identity, kind: .importStub)
    stubs[symbol.name] = place
    return place
  }

  /// A lazily bound slot that is as good for calls: it leads to the resolver the first time.
  private func lazySlot(_ slots: [BaseImport]) throws(LinkError) -> VirtualAddress? {
    guard let slot = slots.first(where: { $0.kind == .jumpSlot })?.slot else { return nil }
    let way = try memory.bytes(from: VirtualAddress(try memory.word(at: slot)), atMost: 5)
    return memory.machine.servesSlots(lazilyBound: way) ? slot : nil
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
