import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

/// New byte strings of one update that resemble each other, and nothing older.
@Suite struct PackTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.small(in: folder)
  }

  private func name(_ number: Int) -> AtomIdentity { AtomIdentity(name: "format_\(number)") }

  /// Functions made of one template: of random bytes, each with a few of its own.
  private func bodies(_ count: Int, byteCount: Int, seed: UInt64) -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    let template = (0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
    return (0..<count).map { number in
      var body = template
      for place in 0..<4 { body[(number * 31 + place * 101) % byteCount] = UInt8.random(in: 0...255, using: &random) }
      return body
    }
  }

  /// An update that places bodies one behind the other, each for the function of its number.
  private func content(_ message: String, _ bodies: [Int: [UInt8]]) throws -> UpdateContent {
    var cursors = try store.cursors()
    var content = UpdateContent(
      time: 0, author: "a", message: message, operations: [], atoms: [], guards: [], cursors: cursors)
    for (number, bytes) in bodies.sorted(by: { $0.key < $1.key }) {
      let body = AddressRange(start: cursors.code, byteCount: UInt64(bytes.count))
      cursors.code = body.end
      let before = try store.placement(of: name(number), at: head())?.placement
      content.atoms.append(
        AtomChange(
          atom: name(number), atomKind: .function, change: before == nil ? .added : .moved, before: before,
          after: Placement(body: body, capacity: body.byteCount), operations: [content.operations.count]))
      content.operations.append(
        .write(
          WriteOperation(
            place: .virtual(body.start), before: [UInt8](repeating: 0, count: bytes.count), after: bytes, isFresh: true)
        ))
    }
    content.cursors = cursors
    return content
  }

  private func head() throws -> Digest { try store.head()?.digest ?? SmallImage.base.digest }

  @discardableResult
  private func append(_ message: String, _ bodies: [Int: [UInt8]]) throws -> Update {
    try store.append(try content(message, bodies), parent: head())
  }

  private func numbers(_ sql: String) throws -> [Int64] {
    try store.lookUp { try $0.all(sql) { try $0.integer(0) } }
  }

  private func numbered(_ bodies: [[UInt8]]) -> [Int: [UInt8]] {
    Dictionary(uniqueKeysWithValues: bodies.enumerated().map { ($0.offset, $0.element) })
  }

  @Test func `new functions that are like each other take the room of one`() throws {
    let bodies = bodies(30, byteCount: 900, seed: 1)
    let update = try append("30 instances", numbered(bodies))
    #expect(try numbers("SELECT count(*) FROM pack") == [1])
    let taken = try numbers("SELECT (SELECT sum(length(block)) FROM pack) + (SELECT sum(length(block)) FROM payload)")
    #expect(try #require(taken.first) < 900 * 4)
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(try reader.update(UpdateNumber(1)) == update)
    #expect(try reader.bytes(SmallImage.range(SmallImage.arenaCode + 900 * 17, 900), at: update.digest) == bodies[17])
    #expect(try reader.verify().findings == [])
  }

  @Test func `a body of a pack is what the next version of it is compressed with`() throws {
    var bodies = bodies(10, byteCount: 700, seed: 2)
    try append("10 instances", numbered(bodies))
    bodies[4][350] ^= 1
    let update = try append("one of them edited", [4: bodies[4]])
    let newest = try numbers("SELECT length(block) FROM payload WHERE pack_id IS NULL")
    #expect(newest.count == 1)
    #expect(newest.allSatisfy { $0 < 50 })
    #expect(try numbers("SELECT depth FROM payload ORDER BY id DESC LIMIT 1") == [1])
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(try reader.update(UpdateNumber(2)) == update)
  }

  @Test func `a pack is bounded, and what is long stands by itself`() throws {
    // Beyond the image's arena: the journal does not mind.
    var bodies = bodies(40, byteCount: 9000, seed: 3)
    bodies.append(bodies[0] + [UInt8](repeating: 7, count: PackTable.maximumMemberByteCount))
    let update = try append("much", numbered(bodies))
    let packs = try numbers("SELECT byte_count FROM pack ORDER BY id")
    #expect(packs.count == 2)
    #expect(packs.allSatisfy { $0 <= Int64(PackTable.maximumByteCount) })
    #expect(try numbers("SELECT byte_count FROM payload WHERE pack_id IS NULL") == [Int64(bodies[40].count)])
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(try reader.update(UpdateNumber(1)) == update)
    #expect(try reader.verify().findings == [])
  }

  @Test func `what is alone is in no pack`() throws {
    try append("one function", [0: bodies(1, byteCount: 300, seed: 4)[0]])
    #expect(try numbers("SELECT count(*) FROM pack") == [0])
    #expect(try numbers("SELECT count(*) FROM payload WHERE pack_id IS NULL") == [1])
  }

  /// An update that writes stretches of the file over others.
  private func edit(_ message: String, _ stretches: [(before: [UInt8], after: [UInt8])]) throws -> Update {
    var content = UpdateContent(
      time: 0, author: "a", message: message, operations: [], atoms: [], guards: [], cursors: try store.cursors())
    for (number, stretch) in stretches.enumerated() {
      content.operations.append(
        .write(
          WriteOperation(
            place: .file(FileOffset(UInt64(0x100 + number * 600))), before: stretch.before, after: stretch.after)))
    }
    return try store.append(content, parent: head())
  }

  @Test func `what of a pack is still needed once updates are pruned gets one of its own`() throws {
    let (first, second, third) = (
      bodies(6, byteCount: 500, seed: 5), bodies(6, byteCount: 500, seed: 6), bodies(3, byteCount: 500, seed: 7)
    )
    _ = try edit("six", Array(zip(first, second)))
    _ = try edit("three of them", Array(zip(second, third)))
    #expect(try numbers("SELECT byte_count FROM pack ORDER BY id") == [6000, 1500])
    _ = try store.squash(store.shortcutDraft(ShortcutRange(0, 2)))
    _ = try store.prune(ShortcutRange(0, 2))
    // What stood between is gone.
    #expect(try numbers("SELECT sum(byte_count) FROM pack") == [6000])
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(try reader.verify().findings == [])
    for number in 0..<6 {
      let bytes = try reader.fileBytes(FileOffset(UInt64(0x100 + number * 600)), count: 500, at: head())
      #expect(bytes == (number < 3 ? third : second)[number])
    }
    let step = try reader.update(holding: UpdateNumber(2)).content.operations
    let found = step.compactMap { operation -> [UInt8]? in
      guard case .write(let write) = operation else { return nil }
      return write.before
    }
    #expect(Set(found) == Set(first))
  }

  static let tampering = [
    "UPDATE pack SET block = zeroblob(byte_count)", "UPDATE pack SET byte_count = byte_count + 1",
    "UPDATE pack SET byte_count = 9223372036854775807", "UPDATE pack SET byte_count = -1",
    "UPDATE pack SET block = x''", "DELETE FROM pack", "UPDATE payload SET pack_offset = pack_offset + 1",
    "UPDATE payload SET pack_offset = 9223372036854775807", "UPDATE payload SET pack_offset = -1",
    "UPDATE payload SET pack_offset = NULL", "UPDATE payload SET pack_id = pack_id + 1",
    "UPDATE payload SET pack_id = NULL", "UPDATE payload SET dictionary_id = 1", "UPDATE payload SET block = x'00'",
    "UPDATE payload SET byte_count = byte_count - 1",
  ]

  @Test(arguments: tampering)
  func `an update is refused where its pack was tampered with, and the damage is found`(sql: String) throws {
    try append("instances", numbered(bodies(8, byteCount: 600, seed: 7)))
    try store.tamper(sql)
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(throws: JournalError.self) { try reader.update(UpdateNumber(1)) }
    #expect(try !reader.verify().findings.isEmpty)
  }

  @Test func `bytes of a pack that belong to no payload, and a pack without any, are found`() throws {
    try append("instances", numbered(bodies(8, byteCount: 600, seed: 8)))
    let store = store
    func findings() throws -> [String] {
      try JournalStore.open(at: store.path, mode: .read).verify().findings.map(\.detail)
    }
    #expect(try findings() == [])
    try store.tamper("INSERT INTO pack VALUES (7, 2, x'0102')")
    #expect(try findings() == ["pack 7 holds bytes that belong to no payload"])
    try store.tamper("DELETE FROM pack WHERE id = 7; UPDATE pack SET byte_count = 1, block = x'01'")
    #expect(try findings().contains { $0.contains("pack 1") })
  }
}
