import Addressing
import Journal
import ObjectFile

/// Puts an update together from what was decided: places first, then entries, then bytes.
struct UpdateEmitter {
  private let identities: AtomIdentities
  private let decisions: LinkDecisions
  private let memory: PlacedMemory
  private let base: BaseImage
  /// The first update on its way maps the arena into tasks that have none.
  private let isFirst: Bool
  private var state: EmitterState
  private var places: [PieceID: VirtualAddress] = [:]
  /// The room in use of each new variable.
  private var rooms: [PieceID: InitialRoom] = [:]
  private var reuse: RoomReuse
  /// What stands in room that had been used before.
  private var reused: [PieceID: RoomReuse.Room] = [:]
  private var grows = false

  private var set: LinkSet { identities.set }

  /// What the user should know of where the update's code stands.
  var notes: [LinkNote] {
    let growth = grows ? [LinkNote(kind: .arenaGrows, subject: base.preparedPath)] : []
    return growth
      + reused.sorted { $0.key < $1.key }.map { id, room in
        LinkNote(
          kind: .roomReused,
          subject: "\(set[id].name), over \(room.former.identity.name) of update \(room.former.update)"
        )
      }
  }

  /// Where the code starts that the update writes, once it is put together.
  var codePlaces: [PieceID: VirtualAddress] {
    places.filter { set[$0.key].kind == .code && decisions.changes($0.key) }
  }

  init(
    identities: AtomIdentities, decisions: LinkDecisions, memory: PlacedMemory, base: BaseImage, isFirst: Bool,
    state: EmitterState, reuse: RoomReuse
  ) {
    self.reuse = reuse
    self.identities = identities
    self.decisions = decisions
    self.memory = memory
    self.base = base
    self.isFirst = isFirst
    self.state = state
  }

  /// - Parameter removals: what the objects do not define any more, or again.
  mutating func emit(
    _ description: IncrementalLinker.Description, types: [TypeLayout], removals: [AtomChange]
  ) throws(LinkError) -> UpdateContent {
    if isFirst { addMaps() }
    try layOut()
    var planner = EntryPlanner(identities: identities, memory: memory, staying: decisions.staying)
    for id in decisions.placed.sorted() where set[id].kind == .code {
      guard let place = places[id] else { continue }
      try planner.plan(id, at: place, into: &state)
    }
    let resolver = ReferenceResolver(
      identities: identities, memory: memory, places: places, entries: planner.entries)
    var pieces = PieceEmitter(identities: identities, memory: memory, base: base, resolver: resolver)
    try pieces.addTableCells(for: decisions.placed.sorted() + decisions.inPlace.keys.sorted(), into: &state)
    for id in decisions.placed.sorted() {
      try place(id, &pieces)
    }
    for (id, start) in decisions.inPlace.sorted(by: { $0.key < $1.key }) {
      try replace(id, at: start, &pieces)
    }
    for (id, start) in decisions.rewritten.sorted(by: { $0.key < $1.key }) {
      try rewrite(id, at: start, initial: nil, &pieces)
    }
    for (id, start) in decisions.reinitialized.sorted(by: { $0.key < $1.key }) {
      try rewrite(id, at: start, initial: .existing, &pieces)
    }
    guardPartsOfReused()
    try addUnwinding(&pieces)
    try GuardRules(identities: identities, decisions: decisions, memory: memory, places: places).add(to: &state)
    for change in removals { state.draft.add(change) }
    try addGrowth()
    try state.loader.finish(&state.draft)
    return try content(description, types)
  }

  private mutating func content(
    _ description: IncrementalLinker.Description, _ types: [TypeLayout]
  ) throws(LinkError) -> UpdateContent {
    var (operations, atoms, guards) = state.draft.finished()
    for index in atoms.indices { atoms[index].definer = try identities.definer(of: atoms[index]) }
    var cursors = state.allocator.cursors
    state.loader.advance(&cursors)
    return UpdateContent(
      time: description.time, author: description.author, message: description.message,
      sourceRevision: description.sourceRevision, operations: operations, atoms: atoms, guards: guards,
      cursors: cursors, types: types)
  }

  private mutating func addMaps() {
    let parts: [(AddressRange, PageProtection)] = [
      (base.arena.code, [.read, .execute]), (base.arena.constants, .read), (base.arena.writable, [.read, .write]),
    ]
    for (range, protection) in parts {
      state.draft.add(
        .map(MapOperation(range: range, protection: protection, isMappedBefore: false, isMappedAfter: true)))
    }
  }

  /// The first update on its way that needs more room than the file has makes the file longer, and lets processes have the room.
  private mutating func addGrowth() throws(LinkError) {
    guard state.allocator.usesGrowth, let last = base.growth.map(\.fileEnd).max() else { return }
    let before = try fromJournal { () throws(JournalError) in
      try identities.directory.store.fileByteCount(at: identities.directory.parent)
    }
    guard before < last else { return }
    grows = true
    for part in base.growth {
      state.draft.add(
        .map(
          MapOperation(range: part.range, protection: part.protection, isMappedBefore: false, isMappedAfter: true)))
    }
    for operation in state.loader.grow() { state.draft.add(operation) }
    state.draft.add(.resize(ResizeOperation(before: before, after: last)))
  }

  // MARK: Places

  private mutating func layOut() throws(LinkError) {
    places = decisions.kept
    places.merge(decisions.inPlace) { $1 }
    places.merge(decisions.rewritten) { $1 }
    places.merge(decisions.reinitialized) { $1 }
    for id in decisions.placed.sorted() {
      let piece = set[id]
      switch piece.kind {
      case .code: places[id] = try codeRoom(id).start
      case .constant, .literal:
        places[id] = try constantRoom(piece).start
      case .variable:
        places[id] = try state.allocator.data(piece.byteCount, alignment: piece.alignmentAtStart).start
        rooms[id] = .new(flag: try state.allocator.flag())
      case .threadLocal: throw LinkError(.newThreadLocal, symbol: piece.name)
      }
    }
  }

  /// Fresh room as long as there is any: then what old bodies have left.
  private mutating func codeRoom(_ id: PieceID) throws(LinkError) -> AddressRange {
    do {
      return try state.allocator.code(set[id].byteCount, alignment: set[id].alignment)
    } catch {
      guard error.code == .arenaFull, let room = try reuse.take(for: set[id], state.loader) else { throw error }
      reused[id] = room
      return room.range
    }
  }

  /// Where the loader writes into a constant, the segment must let it: there is no RELRO for the arena.
  private mutating func constantRoom(_ piece: ObjectPiece) throws(LinkError) -> AddressRange {
    let holdsPointers = piece.relocations.contains { base.machine.isWord($0.type) }
    return holdsPointers
      ? try state.allocator.data(piece.byteCount, alignment: max(8, piece.alignmentAtStart))
      : try state.allocator.constants(piece.byteCount, alignment: piece.alignmentAtStart)
  }

  // MARK: Bytes

  private mutating func place(_ id: PieceID, _ pieces: inout PieceEmitter) throws(LinkError) {
    guard let start = places[id] else { return }
    if let room = reused[id] { return try place(id, in: room, &pieces) }
    let operations = try pieces.place(id, at: start, initial: rooms[id], into: &state)
    guard set[id].kind != .code else {
      state.draft.attach(operations, toBodiesIn: AddressRange(start: start, byteCount: set[id].byteCount))
      return
    }
    for (index, symbol) in set[id].symbols.enumerated() {
      let body = AddressRange(
        start: start.displaced(by: Int64(bitPattern: symbol.offset)), byteCount: symbol.byteCount)
      let known = identities.isAnonymous(id) ? nil : try identities.known(id, symbol: index)
      state.draft.add(
        AtomChange(
          atom: try identity(id, index, body), atomKind: set[id].kind == .variable ? .variable : .constant,
          change: known?.change(.moved) ?? .added, before: known?.former,
          after: Placement(body: body, capacity: body.byteCount), operations: operations,
          typeDigest: identities.typeDigest(id, symbol: index)))
    }
    if set[id].symbols.isEmpty { addLiteral(id, start, operations) }
  }

  /// Nobody may be in the old body when the new one is written, nor in the new one when it is taken back; nor in the parts
  /// that lead back into them.
  private mutating func place(
    _ id: PieceID, in room: RoomReuse.Room, _ pieces: inout PieceEmitter
  ) throws(LinkError) {
    let operation = try pieces.replace(id, in: room.range, into: &state)
    let body = AddressRange(start: room.range.start, byteCount: set[id].byteCount)
    state.draft.attach([operation], toBodiesIn: body)
    state.draft.setCapacity(room.range.byteCount, ofBodiesIn: body)
    func add(_ range: AddressRange, _ direction: Guard.Direction, _ function: String) {
      state.draft.add(
        Guard(range: range, reach: .whole, reason: .overwritten, direction: direction, function: function))
    }
    add(room.range, .both, room.former.identity.name)
    for part in room.parts { add(part, .forward, room.former.identity.name) }
  }

  /// Once everything has been written: what leads into reused room from elsewhere.
  private mutating func guardPartsOfReused() {
    for (id, room) in reused.sorted(by: { $0.key < $1.key }) {
      for part in state.draft.writes(leadingInto: room.range, in: base.arena.code) {
        state.draft.add(
          Guard(range: part, reach: .whole, reason: .overwritten, direction: .backward, function: set[id].name))
      }
    }
  }

  /// What is known by content is told apart by its place, which no other will ever have.
  private func identity(_ id: PieceID, _ index: Int, _ body: AddressRange) throws(LinkError) -> AtomIdentity {
    var identity = try identities.identity(id, symbol: index)
    if identities.isAnonymous(id) { identity.variant = "at \(body.start)" }
    return identity
  }

  private mutating func addLiteral(_ id: PieceID, _ start: VirtualAddress, _ operations: [Int]) {
    let body = AddressRange(start: start, byteCount: set[id].byteCount)
    state.draft.add(
      AtomChange(
        atom: AtomIdentity(name: "", variant: "at \(start)"), atomKind: .constant, change: .added, before: nil,
        after: Placement(body: body, capacity: body.byteCount), operations: operations))
  }

  /// A function whose body changes where it stands: nobody may be in it, or come back to it, meanwhile.
  private mutating func replace(
    _ id: PieceID, at start: VirtualAddress, _ pieces: inout PieceEmitter
  ) throws(LinkError) {
    guard let first = try identities.known(id, symbol: 0) else { return }
    let byteCount = max(first.placement.body.byteCount, set[id].byteCount)
    let range = AddressRange(start: start, byteCount: byteCount)
    let operation = try pieces.replace(id, in: range, into: &state)
    for index in set[id].symbols.indices {
      guard let known = try identities.known(id, symbol: index) else { continue }
      var after = known.placement
      after.body = AddressRange(start: start, byteCount: set[id].byteCount)
      after.capacity = byteCount
      state.draft.add(
        AtomChange(
          atom: known.identity, atomKind: .function, change: known.change(.rewritten), before: known.former,
          after: after, operations: [operation],
          typeDigest: identities.typeDigest(id, symbol: index) ?? known.typeDigest))
    }
    state.draft.add(
      Guard(range: range, reach: .whole, reason: .overwritten, direction: .both, function: first.identity.name))
  }

  /// Without it no exception, backtrace or cancellation of a thread gets through a new body.
  private mutating func addUnwinding(_ pieces: inout PieceEmitter) throws(LinkError) {
    guard memory.unwindRoom != nil else { return }
    var functions: [PlacedFunction] = []
    for id in decisions.placed.sorted() where set[id].kind == .code && reused[id] == nil {
      guard let start = places[id] else { continue }
      functions += try pieces.unwinding(of: id, at: start, into: &state)
    }
    for operation in try state.loader.addUnwind(of: functions) { state.draft.add(operation) }
    let inPlace = decisions.inPlace.merging(reused.mapValues(\.range.start)) { $1 }
    for (id, start) in inPlace.sorted(by: { $0.key < $1.key }) {
      for function in try pieces.unwinding(of: id, at: start, into: &state) {
        for operation in try state.loader.replaceUnwind(of: function) { state.draft.add(operation) }
      }
    }
  }

  private mutating func rewrite(
    _ id: PieceID, at start: VirtualAddress, initial: InitialRoom?, _ pieces: inout PieceEmitter
  ) throws(LinkError) {
    let operations = try pieces.rewrite(id, at: start, initial: initial, into: &state)
    for index in set[id].symbols.indices {
      guard let known = try identities.known(id, symbol: index) else { continue }
      var after = known.placement
      after.body = AddressRange(start: after.body.start, byteCount: set[id].symbols[index].byteCount)
      state.draft.add(
        AtomChange(
          atom: known.identity, atomKind: known.kind, change: known.change(.rewritten), before: known.former,
          after: after, operations: operations, typeDigest: identities.typeDigest(id, symbol: index) ?? known.typeDigest
        ))
    }
  }
}

extension ObjectPiece {
  /// What the section's alignment leaves for a piece that does not stand at its start: the largest power of two that
  /// divides the piece's offset, at most the section's.
  var alignmentAtStart: UInt64 {
    guard start > 0 else { return alignment }
    return min(alignment, start & (0 &- start))
  }
}
