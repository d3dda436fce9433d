import Addressing
import Journal

/// Gives every function of the placed pieces its way in: the entry stub and cell that it has, or new ones.
struct EntryPlanner {
  private let identities: AtomIdentities
  private let memory: PlacedMemory
  private let disassembler: Disassembler
  private let staying: Set<LinkSet.Definition>
  /// Cells and stubs that this update has already seen to: aliases share them.
  private var settledCells: Set<VirtualAddress> = []
  private var settledEntries: [VirtualAddress: VirtualAddress] = [:]
  private(set) var entries: [LinkSet.Definition: VirtualAddress] = [:]

  /// - Parameter staying: the functions that go on in their old bodies.
  init(identities: AtomIdentities, memory: PlacedMemory, staying: Set<LinkSet.Definition>) {
    self.identities = identities
    self.memory = memory
    disassembler = Disassembler(memory.machine.architecture)
    self.staying = staying
  }

  private var set: LinkSet { identities.set }

  /// - Parameter start: where the piece is placed.
  mutating func plan(_ id: PieceID, at start: VirtualAddress, into state: inout EmitterState) throws(LinkError) {
    let piece = set[id]
    for (index, symbol) in piece.symbols.enumerated() where symbol.isFunction {
      let definition = LinkSet.Definition(id: id, symbol: index)
      let byteCount = symbol.byteCount == 0 ? piece.byteCount - symbol.offset : symbol.byteCount
      let body = AddressRange(start: start.displaced(by: Int64(bitPattern: symbol.offset)), byteCount: byteCount)
      if staying.contains(definition) {
        entries[definition] = try identities.known(id, symbol: index)?.referenceAddress
      } else if identities.isAnonymous(id) || SymbolNaming.isClone(symbol.name) {
        try addClone(definition, body, &state)
      } else if let known = try identities.known(id, symbol: index) {
        try addBody(definition, body, of: known, &state)
      } else {
        try addNew(definition, body, &state)
      }
    }
  }

  /// A clone has no entry of its own: only code that is placed with it calls it.
  private mutating func addClone(
    _ definition: LinkSet.Definition, _ body: AddressRange, _ state: inout EmitterState
  ) throws(LinkError) {
    entries[definition] = body.start
    var identity = try identities.identity(definition.id, symbol: definition.symbol)
    identity.variant = "at \(body.start)"
    state.draft.add(
      AtomChange(
        atom: identity, atomKind: .function, change: .added, before: nil,
        after: Placement(body: body, capacity: body.byteCount, entry: body.start), operations: []))
  }

  private mutating func addNew(
    _ definition: LinkSet.Definition, _ body: AddressRange, _ state: inout EmitterState
  ) throws(LinkError) {
    let (cell, pointer) = try state.addCell(to: body.start)
    let (slot, write) = try state.addSlot(to: cell)
    entries[definition] = slot.start
    state.draft.add(
      AtomChange(
        atom: try identities.identity(definition.id, symbol: definition.symbol), atomKind: .function,
        change: .added, before: nil,
        after: Placement(body: body, capacity: body.byteCount, entry: slot.start, cell: cell),
        operations: [pointer, write], typeDigest: identities.typeDigest(definition.id, symbol: definition.symbol)))
  }

  private mutating func addBody(
    _ definition: LinkSet.Definition, _ body: AddressRange, of known: KnownAtom, _ state: inout EmitterState
  ) throws(LinkError) {
    let entry = known.referenceAddress
    entries[definition] = entry
    var operations: [Int] = []
    let cell: VirtualAddress
    if let existing = known.placement.cell ?? settledEntries[entry] {
      cell = existing
      if settledCells.insert(cell).inserted, settledEntries[entry] == nil {
        operations.append(try redirect(cell, to: body.start, &state))
      }
    } else {
      try refuseFolded(known, definition)
      let (fresh, pointer) = try state.addCell(to: body.start)
      cell = fresh
      operations.append(pointer)
      operations.append(contentsOf: try addStub(known, cell, &state))
      settledEntries[entry] = cell
    }
    state.draft.add(
      AtomChange(
        atom: known.identity, atomKind: .function, change: known.change(.moved), before: known.former,
        after: Placement(body: body, capacity: body.byteCount, entry: entry, cell: cell), operations: operations,
        typeDigest: identities.typeDigest(definition.id, symbol: definition.symbol) ?? known.typeDigest))
  }

  private func redirect(
    _ cell: VirtualAddress, to body: VirtualAddress, _ state: inout EmitterState
  ) throws(LinkError) -> Int {
    guard let last = try memory.pointerOperation(at: cell) else {
      throw LinkError(.journal, address: cell, detail: "no update wrote the cell that a placement names")
    }
    return state.draft.add(
      .pointer(
        PointerOperation(
          cell: cell, before: last.after, after: body, wordBefore: last.wordAfter, wordAfter: body.rawValue,
          records: try state.loader.setPointer(at: cell, to: body))))
  }

  /// Two names for one body in the base image (a linker folded equal functions): a stub there would change both.
  private func refuseFolded(_ known: KnownAtom, _ definition: LinkSet.Definition) throws(LinkError) {
    let entry = known.referenceAddress
    let mine = Set(set[definition.id].symbols.map(\.name))
    let others = try identities.directory.baseSymbols(overlapping: AddressRange(start: entry, byteCount: 1))
    for other in others
    where other.kind == .function && other.address == entry && other.byteCount > 0 && !mine.contains(other.name) {
      throw LinkError(
        .foldedFunctionsDiverge, object: set.objects[definition.id.object].path,
        symbol: set[definition.id].symbols[definition.symbol].name, address: entry,
        detail: "\(other.name) has the same body")
    }
  }

  // MARK: The stub in the base image

  private mutating func addStub(
    _ known: KnownAtom, _ cell: VirtualAddress, _ state: inout EmitterState
  ) throws(LinkError) -> [Int] {
    let entry = known.referenceAddress
    let body = known.placement.body
    let code = try memory.bytes(body)
    let kind = try stubKind(known)
    var operations: [Int] = []
    var destination = cell
    if kind.needsIsland {
      let (island, write) = try state.addSlot(to: cell)
      destination = island.start
      operations.append(write)
    }
    let stub = try kind.encode(at: entry, to: destination)
    let range = AddressRange(start: entry, byteCount: UInt64(stub.bytes.count))
    operations.append(
      state.draft.add(
        .write(
          WriteOperation(
            place: .virtual(entry), before: try memory.bytes(range), after: stub.bytes, fixups: stub.fixups))))
    try addGuard(known, code, range, &state)
    return operations
  }

  private func stubKind(_ known: KnownAtom) throws(LinkError) -> any EntryStub {
    let room = try StubRoom(directory: identities.directory, memory: memory).room(of: known)
    guard let kind = room.stub else {
      throw LinkError(
        .tooShortForEntryStub, symbol: known.identity.name, address: known.referenceAddress,
        detail: "\(room.byteCount) bytes of room")
    }
    return kind
  }

  /// Nobody may stand inside the bytes that change; where the old body comes back to them, nobody in the old body.
  private func addGuard(
    _ known: KnownAtom, _ code: [UInt8], _ stub: AddressRange, _ state: inout EmitterState
  ) throws(LinkError) {
    let body = try disassembler.decode(code, at: known.placement.body.start)
    let others = try placesReferredTo(in: body, of: known)
    let isClear = body.landing(inStubOf: Int(stub.byteCount), others: others) == .nothing
    state.draft.add(
      isClear
        ? Guard(
          range: stub, reach: .interior, reason: .entryStub, direction: .both, function: known.identity.name)
        : Guard(
          range: known.placement.body, reach: .whole, reason: .branchIntoEntryStub, direction: .both,
          function: known.identity.name))
  }

  /// Where jump tables and the split-off cold part lead inside the old body; nil where a computed jump's table was not
  /// found.
  private func placesReferredTo(in body: CodeBody, of known: KnownAtom) throws(LinkError) -> [VirtualAddress]? {
    var tables: [VirtualAddress] = []
    for table in Set(body.references.filter { $0.kind != .branch }.map(\.target)).sorted()
    where !body.range.contains(table) {
      guard try identities.directory.isReadOnly(table) else { continue }
      tables += try relativeEntries(of: table, in: body.range)
      tables += try absoluteEntries(of: table, in: body.range)
    }
    // Tables of arm64 may have entries of one or two bytes, counted in instructions from a place that only code names.
    guard !body.hasComputedJumps || (!tables.isEmpty && memory.machine.branchReach == nil) else { return nil }
    return tables + (try branchesOfColdPart(of: known, into: body.range))
  }

  private func relativeEntries(of table: VirtualAddress, in body: AddressRange) throws(LinkError) -> [VirtualAddress] {
    var byteCount: UInt64 = 1024
    while true {
      let bytes = try memory.bytes(from: table, atMost: byteCount)
      let found = JumpTable.targets(bytes: bytes, base: table, entry: .relative32, within: body)
      guard found.count * 4 == bytes.count, bytes.count == byteCount else { return found }
      byteCount *= 4
    }
  }

  /// Entries of 8 bytes: in an image that slides the file may hold zeroes under their relocations.
  private func absoluteEntries(of table: VirtualAddress, in body: AddressRange) throws(LinkError) -> [VirtualAddress] {
    guard table.rawValue.isMultiple(of: 8) else { return [] }
    var entries: [VirtualAddress] = []
    var cell = table
    while try identities.directory.isReadOnly(cell), case .address(let entry) = try memory.pointer(at: cell),
      body.contains(entry)
    {
      entries.append(entry)
      cell = cell.displaced(by: 8)
    }
    return entries
  }

  /// A cold part is a local symbol of some unit, whatever the function is.
  private func branchesOfColdPart(of known: KnownAtom, into body: AddressRange) throws(LinkError) -> [VirtualAddress] {
    var branches: [VirtualAddress] = []
    for symbol in try identities.directory.baseSymbols(named: "\(known.identity.name).cold") {
      guard let range = AddressRange(validating: symbol.address, byteCount: symbol.byteCount) else { continue }
      let cold = try disassembler.decode(try memory.bytes(range), at: range.start)
      branches += cold.instructions.compactMap(\.flow.target).filter(body.contains)
    }
    return branches
  }
}
