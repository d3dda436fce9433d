import Addressing
import Journal

/// What every step of emitting adds to: the draft, the arena's room, the loader's tables.
struct EmitterState {
  var draft: UpdateDraft
  var allocator: ArenaAllocator
  var loader: any LoaderRecords
  let machine: any Machine
  private var gotCells: [VirtualAddress: VirtualAddress] = [:]
  var offsetTable = OffsetTable()

  init(base: BaseImage, allocator: ArenaAllocator, loader: any LoaderRecords) {
    draft = UpdateDraft(base: base)
    machine = base.machine
    self.allocator = allocator
    self.loader = loader
  }

  // MARK: Cells

  /// A new cell that leads to `target`.
  mutating func addCell(to target: VirtualAddress) throws(LinkError) -> (cell: VirtualAddress, operation: Int) {
    let cell = try allocator.cell()
    return (cell, try addFreshPointer(at: cell, to: target, initial: nil))
  }

  /// A pointer in room that nothing uses yet.
  mutating func addFreshPointer(
    at cell: VirtualAddress, to target: VirtualAddress, initial: InitialRoom?
  ) throws(LinkError) -> Int {
    draft.add(
      .pointer(
        PointerOperation(
          cell: cell, before: nil, after: target, wordBefore: 0, wordAfter: target.rawValue,
          records: try loader.setPointer(at: cell, to: target), initial: initial, isFresh: initial == nil)))
  }

  /// The cell for a reference that only a cell can answer: one for each address and update.
  mutating func gotCell(to target: VirtualAddress) throws(LinkError) -> VirtualAddress {
    if let known = gotCells[target] { return known }
    let cell = try addCell(to: target).cell
    gotCells[target] = cell
    return cell
  }

  /// What answers a reference to a place of the image: a cell where nothing else will do.
  mutating func value(of address: VirtualAddress, for need: FixupNeed) throws(LinkError) -> FixupValue {
    switch need {
    case .gotCell(isRelaxable: false): .cell(try gotCell(to: address))
    case .cellOffset: .cellOffset(try tableOffset(to: address))
    default: .address(address)
    }
  }

  mutating func addBoundCell(_ symbol: ImportedSymbol, identity: AtomIdentity) throws(LinkError) -> VirtualAddress {
    let cell = try allocator.cell()
    let operation = try addBind(at: cell, to: symbol, initial: nil)
    let place = AddressRange(start: cell, byteCount: 8)
    draft.add(
      AtomChange(
        atom: identity, atomKind: .importStub, change: .added, before: nil,
        after: Placement(body: place, capacity: 8, cell: cell), operations: [operation]))
    return cell
  }

  mutating func addBind(
    at cell: VirtualAddress, to symbol: ImportedSymbol, initial: InitialRoom?
  ) throws(LinkError) -> Int {
    draft.add(
      .bind(
        BindOperation(
          cell: cell, before: nil, after: symbol, records: try loader.setBind(at: cell, to: symbol), initial: initial,
          isFresh: initial == nil)))
  }

  // MARK: Slots

  /// A slot of the arena that jumps through a cell.
  mutating func addSlot(
    to cell: VirtualAddress, identity: AtomIdentity, kind: AtomKind
  ) throws(LinkError) -> VirtualAddress {
    let (room, operation) = try addSlot(to: cell)
    draft.add(
      AtomChange(
        atom: identity, atomKind: kind, change: .added, before: nil,
        after: Placement(body: room, capacity: room.byteCount, entry: room.start, cell: cell),
        operations: [operation]))
    return room.start
  }

  mutating func addSlot(to cell: VirtualAddress) throws(LinkError) -> (room: AddressRange, operation: Int) {
    let room = try allocator.code(UInt64(machine.slotByteCount), alignment: 16)
    let stub = try machine.slot(at: room.start, cell: cell)
    return (
      AddressRange(start: room.start, byteCount: UInt64(stub.bytes.count)),
      addFresh(stub.bytes, at: room.start, fixups: stub.fixups)
    )
  }

  mutating func addVeneer(
    to target: VirtualAddress, identity: AtomIdentity
  ) throws(LinkError) -> VirtualAddress {
    // The room is known before the bytes are: every veneer of a machine has the same length.
    let byteCount = UInt64(try machine.veneer(at: target, to: target).bytes.count)
    let room = try allocator.code(byteCount, alignment: 16)
    let code = try machine.veneer(at: room.start, to: target)
    let body = AddressRange(start: room.start, byteCount: byteCount)
    let operation = addFresh(code.bytes, at: room.start, fixups: code.fixups)
    draft.add(
      AtomChange(
        atom: identity, atomKind: .importStub, change: .added, before: nil,
        after: Placement(body: body, capacity: body.byteCount, entry: body.start), operations: [operation]))
    return room.start
  }

  /// Bytes in room of the arena that nothing uses yet.
  @discardableResult
  mutating func addFresh(_ bytes: [UInt8], at start: VirtualAddress, fixups: [Fixup]) -> Int {
    draft.add(
      .write(
        WriteOperation(
          place: .virtual(start), before: [UInt8](repeating: 0, count: bytes.count), after: bytes, fixups: fixups,
          isFresh: true)))
  }
}
