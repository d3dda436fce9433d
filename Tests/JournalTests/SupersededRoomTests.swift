import Addressing
import Foundation
import Journal
import Testing

/// Room that old bodies have left, and bodies that other code has taken the room of.
@Suite struct SupersededRoomTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private static let step = AtomIdentity(name: "step")
  private static let main = AtomIdentity(name: "main")
  private static let cell = VirtualAddress(SmallImage.arenaWritable + 0x1000)

  private func room(_ index: UInt64) -> AddressRange { SmallImage.range(SmallImage.arenaCode + index * 64, 60) }

  /// An update that moves a function into a room of the arena.
  private func move(
    _ atom: AtomIdentity = step, to index: UInt64, from before: UInt64?, cell: VirtualAddress = cell,
    after parent: Digest
  ) throws -> Update {
    func placement(_ index: UInt64) -> Placement {
      Placement(body: room(index), capacity: 60, entry: VirtualAddress(SmallImage.codeStart + 0x180), cell: cell)
    }
    let bytes = [UInt8](repeating: UInt8(index), count: 60)
    var content = UpdateCodingTests.plain
    content.time = Int64(try store.log().count)
    content.operations = [
      .write(WriteOperation(place: .virtual(room(index).start), before: bytes.map { _ in 0 }, after: bytes))
    ]
    content.atoms = [
      AtomChange(
        atom: atom, atomKind: .function, change: .moved, before: before.map(placement), after: placement(index),
        operations: [0])
    ]
    content.cursors.code = VirtualAddress(SmallImage.arenaCode + 0x1000)
    return try store.append(content, parent: parent)
  }

  private func starts(at update: Update, keeping count: Int) throws -> [UInt64] {
    try store.supersededRooms(at: update.digest, keeping: count).map { $0.range.start.rawValue }
  }

  @Test func `a body is free once none of the updates that are kept has it`() throws {
    var updates = [try move(to: 0, from: nil, after: SmallImage.base.digest)]
    for index in 1..<5 {
      updates.append(try move(to: UInt64(index), from: UInt64(index) - 1, after: updates[index - 1].digest))
    }
    // The update that follows has the fifth for its parent: one kept is that.
    #expect(try starts(at: updates[4], keeping: 1) == [0, 1, 2, 3].map { room($0).start.rawValue })
    #expect(try starts(at: updates[4], keeping: 2) == [0, 1, 2].map { room($0).start.rawValue })
    #expect(try starts(at: updates[4], keeping: 4) == [room(0).start.rawValue])
    #expect(try starts(at: updates[4], keeping: 5).isEmpty)
    #expect(try starts(at: updates[4], keeping: 64).isEmpty)
    #expect(try starts(at: updates[0], keeping: 1).isEmpty)
    let first = try #require(try store.supersededRooms(at: updates[4].digest, keeping: 1).first)
    #expect(first.range.byteCount == 64)
    #expect(first.placed.update == updates[0].number)
    #expect(first.supersededBy == updates[1].number)
  }

  @Test func `each branch counts its own updates`() throws {
    let first = try move(to: 0, from: nil, after: SmallImage.base.digest)
    let second = try move(to: 1, from: 0, after: first.digest)
    let third = try move(to: 2, from: 1, after: second.digest)
    let aside = try move(to: 3, from: 0, after: first.digest)
    #expect(try starts(at: third, keeping: 1) == [room(0), room(1)].map(\.start.rawValue))
    #expect(try starts(at: aside, keeping: 1) == [room(0).start.rawValue])
  }

  @Test func `a body whose room other code has is neither free again nor an old body any more`() throws {
    let first = try move(to: 0, from: nil, after: SmallImage.base.digest)
    let second = try move(to: 1, from: 0, after: first.digest)
    let third = try move(to: 2, from: 1, after: second.digest)
    let other = try move(Self.main, to: 0, from: nil, cell: Self.cell.displaced(by: 8), after: third.digest)
    #expect(try starts(at: other, keeping: 1) == [room(1).start.rawValue])
    func bodies(_ update: Update) throws -> Set<VirtualAddress> {
      Set(try store.supersededBodies(at: update.digest).map(\.placement.body.start))
    }
    #expect(try bodies(third).contains(room(0).start))
    #expect(try !bodies(other).contains(room(0).start))
    #expect(try bodies(other).contains(room(1).start))
    let all = try store.bodies(ofFunction: Self.step, at: other.digest).map(\.placement.body.start)
    #expect(!all.contains(room(0).start) && all.suffix(2) == [room(1).start, room(2).start])
    // Before, and on the way of the function itself.
    #expect(try store.bodies(ofFunction: Self.step, at: third.digest).contains { $0.placement.body == room(0) })
    let back = try move(to: 1, from: 2, after: other.digest)
    #expect(try starts(at: back, keeping: 1) == [room(2).start.rawValue])
    #expect(try store.verify().isSound)
  }

  @Test func `a body behind another cell than the function's own is not free`() throws {
    let first = try move(to: 0, from: nil, after: SmallImage.base.digest)
    let second = try move(to: 1, from: 0, cell: Self.cell.displaced(by: 16), after: first.digest)
    #expect(try starts(at: second, keeping: 1).isEmpty)
  }
}
