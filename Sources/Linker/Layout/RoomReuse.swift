import Addressing
import Journal
import ObjectFile

/// Finds room of the arena for new code where no fresh room is left: that of a body which its function has left, and which
/// none of the updates needs that are kept for an instant roll back.
///
/// Whoever executes there, or will return there, is looked for when the update is applied (`Guard.Reason.overwritten`). What no
/// look at threads would find must not exist: an address inside the body that the program may keep. So neither the old
/// body nor the new one may take the address of a place in itself (`&&label`), jump where only a register tells, or be referred to
/// from elsewhere than its own split-off part. Constants, variables, cells and clones are never handed out again: a
/// program may hold their addresses, or a later body go by them.
struct RoomReuse {
  struct Room: Hashable {
    var range: AddressRange
    /// The body that stood there.
    var former: PlacedAtom
    /// The former function's split-off parts: who is in them comes back into the body.
    var parts: [AddressRange]
  }

  /// How many updates are kept so that going back to them is a store into a cell.
  static let standardKept = 64
  /// What one update looks at: bodies, and updates for each.
  private static let mostBodies = 64
  private static let mostUpdates = 64

  private let store: JournalStore
  private let parent: Digest
  private let memory: PlacedMemory
  private let keptCount: Int
  private let disassembler: Disassembler
  /// Nil until there is no other room.
  private var rooms: [SupersededRoom]?
  private var lookCount = 0

  init(store: JournalStore, parent: Digest, memory: PlacedMemory, keptCount: Int) {
    self.store = store
    self.parent = parent
    self.memory = memory
    self.keptCount = keptCount
    disassembler = Disassembler(memory.machine.architecture)
  }

  /// Nil where there is none for the piece.
  mutating func take(for piece: ObjectPiece, _ loader: any LoaderRecords) throws(LinkError) -> Room? {
    // Frames of stacks that a program switches by itself nobody finds.
    guard !store.base.switchesStacks, try mayStandInUsedRoom(piece) else { return nil }
    let rooms = try known()
    var seen: Set<Int> = []
    defer { self.rooms = rooms.indices.filter { !seen.contains($0) }.map { rooms[$0] } }
    for index in Self.order(of: rooms.map(\.range), for: piece.byteCount, alignment: piece.alignment) {
      guard lookCount < Self.mostBodies else { break }
      lookCount += 1
      // Taken, or of no use for any other either.
      seen.insert(index)
      if let room = try room(rooms[index], loader) { return room }
    }
    return nil
  }

  /// The rooms that a body fits, the smallest first, and of those of one size the one that was left first.
  ///
  /// - Parameter ranges: in the order in which they were left.
  static func order(of ranges: [AddressRange], for byteCount: UInt64, alignment: UInt64) -> [Int] {
    ranges.indices.filter {
      ranges[$0].byteCount >= byteCount && ranges[$0].start.rawValue.isMultiple(of: max(1, alignment))
    }.sorted { (ranges[$0].byteCount, $0) < (ranges[$1].byteCount, $1) }
  }

  private func known() throws(LinkError) -> [SupersededRoom] {
    if let rooms { return rooms }
    return try fromJournal { () throws(JournalError) in try store.supersededRooms(at: parent, keeping: keptCount) }
  }

  // MARK: The new body

  private func mayStandInUsedRoom(_ piece: ObjectPiece) throws(LinkError) -> Bool {
    // One function, one entry of the unwind table: the room's own.
    guard piece.symbols.filter(\.isFunction).count <= 1, piece.symbols.allSatisfy({ $0.offset == 0 }),
      memory.unwindRoom == nil || (piece.unwinding.count == 1 && piece.unwinding[0].start == 0)
    else { return false }
    let leadsIntoItself = piece.targets.contains {
      if case .inner(piece.index, _) = $0 { true } else { false }
    }
    if leadsIntoItself { return false }
    return try keepsNoInnerAddress(
      piece.bytes, at: store.base.arena.code.start, except: Set(piece.relocations.map(\.offset)))
  }

  /// - Parameter fields: what says nothing yet, for it is still to be relocated.
  private func keepsNoInnerAddress(
    _ bytes: [UInt8], at start: VirtualAddress, except fields: Set<Int> = []
  ) throws(LinkError) -> Bool {
    let body = try disassembler.decode(bytes, at: start)
    return body.isComplete && !body.hasComputedJumps
      && !body.references.contains { reference in
        reference.kind != .branch && body.range.contains(reference.target)
          && reference.fieldOffset.map { !fields.contains($0) } ?? true
      }
  }

  // MARK: The old body

  private func room(_ room: SupersededRoom, _ loader: any LoaderRecords) throws(LinkError) -> Room? {
    let body = room.placed.placement.body
    guard room.placed.identity.variant == nil, !SymbolNaming.isClone(room.placed.identity.name),
      try keepsNoInnerAddress(try memory.bytes(body), at: body.start)
    else { return nil }
    if memory.unwindRoom != nil, try !loader.hasUnwind(at: body.start) { return nil }
    let updates = try fromJournal { () throws(JournalError) -> [Update] in
      // What led into a body between updates that are pruned nobody can tell any more.
      let ends = [try store.summary(room.placed.update), try store.summary(room.supersededBy)]
      guard ends.allSatisfy({ $0.pruned == nil }) else { return [] }
      let placing = try store.update(room.placed.update)
      let numbers = try store.numbers(after: placing.digest, upTo: try store.digest(of: room.supersededBy))
      guard numbers.count <= Self.mostUpdates else { return [] }
      var updates = [placing]
      for number in numbers { updates.append(try store.update(holding: number)) }
      return updates
    }
    guard let placing = updates.first, Self.fillsItsRoom(room, placing.content) else { return nil }
    var parts: [AddressRange] = []
    for update in updates {
      guard let found = Self.parts(leadingInto: body, of: room.placed, update.content) else { return nil }
      guard found.isEmpty || update.number == placing.number else { return nil }
      parts += found
    }
    return Room(range: room.range, former: room.placed, parts: parts)
  }

  /// Whether the update placed the body by itself: not as one of several in a section.
  private static func fillsItsRoom(_ room: SupersededRoom, _ content: UpdateContent) -> Bool {
    let body = room.placed.placement.body
    let isAlone = content.atoms.allSatisfy { change in
      guard change.atomKind == .function, let other = change.after?.body else { return true }
      return !other.overlaps(room.range) || other.start == body.start
    }
    return isAlone
      && content.operations.contains { operation in
        guard case .write(let write) = operation, write.place == .virtual(body.start) else { return false }
        let byteCount = UInt64(write.after.count)
        return byteCount >= body.byteCount && byteCount <= room.range.byteCount
      }
  }

  /// The split-off parts of the function that lead into its body; nil where anything else does.
  private static func parts(
    leadingInto body: AddressRange, of atom: PlacedAtom, _ content: UpdateContent
  ) -> [AddressRange]? {
    var parts: [AddressRange] = []
    for operation in content.operations {
      switch operation {
      case .write(let write):
        guard write.place != .virtual(body.start), write.fixups.contains(where: { body.contains($0.target) }) else {
          continue
        }
        guard let part = Self.part(of: atom, write, content) else { return nil }
        parts.append(part)
      case .pointer(let pointer):
        if pointer.cell != atom.placement.cell, pointer.after.map(body.contains) == true { return nil }
      case .bind, .resize, .map, .protect: continue
      }
    }
    return parts
  }

  /// Where GCC and LLVM put what is seldom executed, as a function of its own that is jumped to and jumps back.
  private static func part(of atom: PlacedAtom, _ write: WriteOperation, _ content: UpdateContent) -> AddressRange? {
    content.atoms.first { change in
      guard let body = change.after?.body, change.atomKind == .function else { return false }
      return write.place == .virtual(body.start) && change.atom.name == "\(atom.identity.name).cold"
    }?.after?.body
  }
}
