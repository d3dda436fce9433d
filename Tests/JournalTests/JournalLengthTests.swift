import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

/// What must not follow the length of a history.
@Suite struct JournalLengthTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private final class Statements: @unchecked Sendable {
    var texts: [String] = []
  }

  /// The statements that a question runs, of a journal opened anew.
  private func statements(_ question: (JournalStore) throws -> Void) throws -> [String] {
    let reader = try JournalStore.open(at: store.path, mode: .read)
    let statements = Statements()
    reader.queue.unsafeReentrantRead { db in
      db.trace { event in
        if case .statement(let statement) = event { statements.texts.append(statement.sql) }
      }
    }
    try question(reader)
    reader.queue.unsafeReentrantRead { $0.trace(options: []) }
    return statements.texts
  }

  /// One function, of which each version differs from the one before in a byte, in fresh room each time.
  private func chain(_ numbers: Range<Int>) -> some Sequence<UpdateContent> {
    var random = SeededGenerator(seed: 8)
    let first = (0..<48).map { _ in UInt8.random(in: 0...255, using: &random) }
    return numbers.lazy.map { number in
      var body = first
      for index in 0..<8 { body[5 * index] = UInt8(truncatingIfNeeded: number >> index) }
      return Self.update(number, body: body)
    }
  }

  private static func update(_ number: Int, body: [UInt8]) -> UpdateContent {
    let start = VirtualAddress(SmallImage.arenaCode + UInt64(number) * 48)
    let placement = Placement(body: AddressRange(start: start, byteCount: UInt64(body.count)), capacity: 48)
    var cursors = SmallImage.cursors
    cursors.code = placement.body.end
    return UpdateContent(
      time: Int64(number), author: "a", message: "\(number)",
      operations: [
        .write(
          WriteOperation(
            place: .virtual(start), before: [UInt8](repeating: 0, count: 48), after: body, isFresh: true))
      ],
      atoms: [
        AtomChange(
          atom: AtomIdentity(name: "often"), atomKind: .function, change: number == 0 ? .added : .moved, before: nil,
          after: placement, operations: [0])
      ], guards: [], cursors: cursors)
  }

  private func numbers(_ sql: String) throws -> [Int64] {
    try store.lookUp { try $0.all(sql) { try $0.integer(0) } }
  }

  /// One table of a file that is written anew as a whole, of which each version differs from the one before in two bytes.
  @Test func `what an operation leaves takes little where it is much like what it has found`() throws {
    var random = SeededGenerator(seed: 9)
    var table = (0..<4000).map { _ in UInt8.random(in: 0...255, using: &random) }
    var contents: [UpdateContent] = []
    for number in 0..<20 {
      let before = table
      table[number * 7] &+= 1
      table[3000 - number] &+= 1
      contents.append(
        UpdateContent(
          time: 0, author: "a", message: "\(number)",
          operations: [
            .write(WriteOperation(place: .file(FileOffset(0x100)), before: before, after: table, fixups: []))
          ], atoms: [], guards: [], cursors: SmallImage.cursors))
    }
    try store.append(contentsOf: contents, parent: SmallImage.base.digest)
    let lengths = try numbers("SELECT length(block) FROM payload ORDER BY id")
    #expect(lengths.count == 21)
    // The first and every ninth stand by themselves.
    #expect(lengths.count { $0 > 200 } == 3)
    for number in 1...20 { #expect(try store.update(UpdateNumber(Int64(number))).content == contents[number - 1]) }
  }

  @Test func `a content takes less room where its operations are alike, and is kept as it is where that is no longer`()
    throws
  {
    var contents = Array(chain(0..<1))
    var many = contents[0]
    many.atoms = []
    many.operations = (1...200).map { index in
      .write(
        WriteOperation(
          place: .virtual(VirtualAddress(SmallImage.arenaCode + 4096 + UInt64(index) * 16)), before: [0, 0, 0, 0],
          after: [0x90, 0x90, 0x90, 0xc3], isFresh: true))
    }
    contents.append(many)
    try store.append(contentsOf: contents, parent: SmallImage.base.digest)
    let byteCounts = try numbers("SELECT ifnull(content_byte_count, 0) FROM update_entry ORDER BY number")
    let lengths = try numbers("SELECT length(content) FROM update_entry ORDER BY number")
    #expect(byteCounts[0] == 0)
    #expect(lengths[1] * 2 < byteCounts[1])
    let reader = try JournalStore.open(at: store.path, mode: .read)
    #expect(try reader.update(UpdateNumber(1)).content == contents[0])
    #expect(try reader.update(UpdateNumber(2)).content == many)
    #expect(try reader.verify().findings == [])
  }

  @Test func `any of a thousand versions of a function is read from nine payloads at most`() throws {
    let last = try #require(try store.append(contentsOf: chain(0..<1000), parent: SmallImage.base.digest))
    #expect(last.number == UpdateNumber(1000))
    var counts: [Int] = []
    for number in stride(from: 1, through: 1000, by: 37) {
      var update: Update?
      let asked = try statements { update = try $0.update(UpdateNumber(Int64(number))) }
      #expect(update?.content == Array(chain(number - 1..<number)).first)
      counts.append(asked.count { $0.contains("FROM payload") })
    }
    // The versions do resemble each other: that most stand on others is what the bound is for.
    #expect(counts.contains { $0 > 1 })
    #expect(counts.allSatisfy { $0 >= 1 && $0 <= 9 })
    let bytes = try statements {
      _ = try $0.bytes(SmallImage.range(SmallImage.arenaCode + 700 * 48, 48), at: last.digest)
    }
    #expect(bytes.count { $0.contains("FROM payload") } <= 9)
  }

  @Test func `recording and asking take as many statements after a thousand updates as after fifty`() throws {
    var parent = try #require(try store.append(contentsOf: chain(0..<50), parent: SmallImage.base.digest))
    let few = try costs(at: parent)
    parent = try #require(try store.append(contentsOf: chain(51..<1051), parent: parent.digest))
    let many = try costs(at: parent)
    for (name, count) in many { #expect(count <= (few[name] ?? 0) + 8, "\(name)") }
  }

  private func costs(at head: Update) throws -> [String: Int] {
    let placed = try #require(head.content.atoms.first?.after?.body.start)
    let before = try store.summary(digest: head.digest).parent
    var costs = [
      "at": try statements { _ = try $0.history(of: placed, at: head.digest) }.count,
      "log": try statements { _ = try $0.log(limit: 20) }.count,
      "show": try statements { _ = try $0.update(digest: head.digest) }.count,
      "placements": try statements { _ = try $0.placements(named: "often", at: head.digest) }.count,
      "bytes": try statements { _ = try $0.bytes(SmallImage.range(placed.rawValue, 48), at: head.digest) }.count,
      "one step": try statements { _ = try $0.steps(from: before, to: head.digest) }.count,
      "difference": try statements { _ = try $0.differences(from: before, to: head.digest) }.count,
    ]
    let counted = Statements()
    store.queue.unsafeReentrantRead { db in
      db.trace { if case .statement(let statement) = $0 { counted.texts.append(statement.sql) } }
    }
    // Taken back: the next length begins where this one ended.
    #expect(throws: JournalError.self) {
      try store.write { db in
        let next = Self.update(Int(head.number.rawValue), body: [UInt8](repeating: 7, count: 48))
        let encoded = try UpdateCoding.encoded(next)
        let digest = encoded.digest(parent: head.digest)
        _ = try store.append(next, encoded, digest: digest, parent: head.digest, in: db)
        throw JournalError(.readOnly)
      }
    }
    store.queue.unsafeReentrantRead { $0.trace(options: []) }
    store.forgetWhatWasTakenBack()
    costs["record"] = counted.texts.count
    return costs
  }

  @Test func `a chain is recorded whole or not at all, with the digests of updates recorded one by one`() throws {
    let parts = Array(chain(0..<20))
    let last = try #require(try store.append(contentsOf: parts, parent: SmallImage.base.digest))
    let other = try JournalStore.create(
      at: folder.file("b.hcsj"), base: SmallImage.base, content: SmallImage.content)
    var parent = SmallImage.base.digest
    for part in parts { parent = try other.append(part, parent: parent).digest }
    #expect(last.digest == parent)
    #expect(last.number == UpdateNumber(20))
    #expect(try store.verify().isSound)
    #expect(try store.append(contentsOf: [], parent: parent) == nil)
    // The third takes room that the first has taken.
    let wrong = Array(chain(30..<32)) + Array(chain(30..<31))
    let error = #expect(throws: JournalError.self) { try store.append(contentsOf: wrong, parent: last.digest) }
    #expect(error?.code == .cursorWentBack)
    #expect(try store.head()?.number == UpdateNumber(20))
    #expect(throws: JournalError.self) {
      try store.number(of: try UpdateCoding.digest(of: wrong[0], parent: last.digest))
    }
    #expect(try store.verify().isSound)
  }

  @Test func `a cursor behind its last row stays there`() throws {
    let count = try store.queue.unsafeReentrantRead { db in
      let cursor = try db.cursor("SELECT 1 UNION ALL SELECT 2")
      var count = 0
      for _ in 0..<5 where try cursor.next() != nil { count += 1 }
      return count
    }
    #expect(count == 2)
  }
}
