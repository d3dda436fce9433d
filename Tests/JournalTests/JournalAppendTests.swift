import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

@Suite struct JournalAppendTests {
  let folder: TemporaryFolder
  let store: JournalStore
  let root = SmallImage.base.digest

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private func content(_ message: String, code: UInt64 = SmallImage.arenaCode) -> UpdateContent {
    var content = UpdateCodingTests.plain
    content.message = message
    content.cursors.code = VirtualAddress(code)
    return content
  }

  @Test func `updates are numbered from 1 and form a tree`() throws {
    let first = try store.append(content("1"), parent: root)
    let second = try store.append(content("2"), parent: first.digest)
    let aside = try store.append(content("3"), parent: first.digest)
    #expect([first, second, aside].map(\.number.rawValue) == [1, 2, 3])
    #expect(try store.head()?.digest == aside.digest)
    #expect(try store.summary(UpdateNumber(3)).parentNumber == UpdateNumber(1))
    #expect(try store.children(of: first.digest).map(\.number.rawValue) == [2, 3])
    #expect(try store.children(of: root).map(\.number.rawValue) == [1])
    let steps = try store.steps(from: second.digest, to: aside.digest)
    #expect(steps.map(\.update.number.rawValue) == [2, 3])
    #expect(steps.map(\.direction) == [.backward, .forward])
    #expect(try store.log(limit: 2).map(\.message) == ["3", "2"])
    #expect(try store.log(limit: 9, before: UpdateNumber(2)).map(\.message) == ["1"])
  }

  @Test func `the same update recorded twice is there once`() throws {
    let first = try store.append(content("1"), parent: root)
    #expect(try store.append(content("1"), parent: root) == first)
    #expect(try store.log().count == 1)
  }

  @Test func `an unknown parent, number or digest is refused by name`() throws {
    #expect(code { try store.append(content("1"), parent: .zero) } == .unknownDigest)
    #expect(code { try store.update(UpdateNumber(1)) } == .unknownUpdate)
    #expect(code { try store.summary(UpdateNumber(0)) } == .unknownUpdate)
    #expect(code { try store.update(digest: .zero) } == .unknownDigest)
    #expect(code { try store.summary(digest: .zero) } == .unknownDigest)
    #expect(code { try store.steps(from: root, to: .zero) } == .unknownDigest)
    #expect(code { try store.placements(named: "main", at: .zero) } == .unknownDigest)
  }

  @Test func `room of the arena that any branch has used is not used again`() throws {
    let first = try store.append(content("1", code: SmallImage.arenaCode + 64), parent: root)
    #expect(try store.cursors().code == VirtualAddress(SmallImage.arenaCode + 64))
    #expect(code { try store.append(content("2"), parent: root) } == .cursorWentBack)
    #expect(code { try store.append(content("2"), parent: first.digest) } == .cursorWentBack)
    try store.append(content("2", code: SmallImage.arenaCode + 64), parent: root)
  }

  @Test func `an update that fails half-way leaves nothing`() throws {
    var content = content("1")
    let change = AtomChange(
      atom: AtomIdentity(name: "f"), atomKind: .function, change: .added, before: nil,
      after: Placement(body: SmallImage.range(SmallImage.arenaCode, 8), capacity: 8), operations: [])
    content.atoms = [change, change]
    #expect(code { try store.append(content, parent: root) } == .invalidUpdate)
    #expect(try store.log().isEmpty)
    #expect(try store.placements(named: "f", at: root).isEmpty)
    #expect(try store.verify().isSound)
  }

  @Test func `addresses of 2^63 and more are refused and not stored as negative ones`() throws {
    var content = content("1")
    content.operations = [
      .write(WriteOperation(place: .virtual(VirtualAddress(1 << 63)), before: [0], after: [1]))
    ]
    #expect(code { try store.append(content, parent: root) } == .invalidUpdate)
  }

  @Test func `equal bytes are kept once, and the next version of a body takes little room`() throws {
    var random = SeededGenerator(seed: 5)
    var body = (0..<3000).map { _ in UInt8.random(in: 0...255, using: &random) }
    var parent = root
    for version in 0..<20 {
      body[version * 100] ^= 1
      var content = content("\(version)", code: SmallImage.arenaCode + UInt64(version + 1) * 3200)
      let start = VirtualAddress(SmallImage.arenaCode + UInt64(version) * 3200)
      content.operations = [
        .write(
          WriteOperation(
            place: .virtual(start), before: [UInt8](repeating: 0, count: 3000), after: body, isFresh: true))
      ]
      content.atoms = [
        AtomChange(
          atom: AtomIdentity(name: "f"), atomKind: .function, change: version == 0 ? .added : .moved, before: nil,
          after: Placement(body: AddressRange(start: start, byteCount: 3000), capacity: 3200), operations: [0])
      ]
      parent = try store.append(content, parent: parent).digest
    }
    let (sizes, depths) = try store.queue.unsafeRead { db in
      (
        try db.all("SELECT length(block) FROM payload ORDER BY id") { try $0.integer(0) },
        try db.all("SELECT depth FROM payload ORDER BY id") { try $0.integer(0) }
      )
    }
    #expect(sizes.count == 20)
    #expect(depths == (0..<20).map { $0 % 9 })
    #expect(zip(sizes, depths).allSatisfy { $1 == 0 ? $0 == 3000 : $0 < 200 })
    let again = try store.append(
      { () -> UpdateContent in
        var content = try store.update(UpdateNumber(20)).content
        content.message = "again"
        return content
      }(), parent: root)
    #expect(again.number == UpdateNumber(21))
    #expect(try store.queue.unsafeRead { try $0.first("SELECT count(*) FROM payload") { try $0.integer(0) } } == 20)
    #expect(try store.verify().findings == [])
  }

  @Test func `code that only moved is kept once, for its fixup fields are masked`() throws {
    var parent = root
    for version in 0..<2 {
      let start = VirtualAddress(SmallImage.arenaCode + UInt64(version) * 128)
      let fixup = Fixup(offset: 60, kind: .relative32, target: VirtualAddress(SmallImage.codeStart), addend: -4)
      var after = [UInt8](repeating: 0x90, count: 100)
      after.replaceSubrange(60..<64, with: fixup.fieldBytes(in: start))
      var content = content("\(version)", code: SmallImage.arenaCode + UInt64(version + 1) * 128)
      content.operations = [
        .write(
          WriteOperation(
            place: .virtual(start), before: [UInt8](repeating: 0, count: 100), after: after, fixups: [fixup]))
      ]
      parent = try store.append(content, parent: parent).digest
    }
    #expect(try store.queue.unsafeRead { try $0.first("SELECT count(*) FROM payload") { try $0.integer(0) } } == 1)
    #expect(try store.update(UpdateNumber(1)).content.operations != store.update(UpdateNumber(2)).content.operations)
  }
}

@Suite struct JournalViewTests {
  @Test func `people may ask with sqlite3: the views' columns are as the document promises`() throws {
    let folder = try TemporaryFolder()
    let store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
    let update = try store.append(GoldenJournalTests.update, parent: SmallImage.base.digest)
    func lines(_ sql: String) throws -> [String] {
      try store.queue.unsafeRead { db in
        try Row.fetchAll(db, sql: sql).map { row in
          row.databaseValues.map(\.description).joined(separator: " ")
        }
      }
    }
    #expect(
      try lines("SELECT * FROM updates") == [
        "1 \"\(update.digest)\" 0 0 \"2023-11-14T22:13:20Z\" \"ada\" \"step: call main\" \"r1\" 2 1"
      ])
    #expect(
      try lines("SELECT * FROM atoms ORDER BY valid_from") == [
        "\"step\" NULL NULL NULL \"function\" \"base\" 0 0 1 \"0x400180\" 64 64 \"0x400180\" NULL",
        "\"step\" NULL NULL NULL \"function\" \"moved\" 0 1 NULL \"0x1000000\" 6 16 \"0x400180\" \"0x1201000\"",
      ])
    #expect(
      try lines("SELECT * FROM writes ORDER BY operation, part") == [
        "1 0 0 \"memory\" \"0x1000000\" 6", "1 1 0 \"memory\" \"0x1201000\" 8", "1 1 1 \"file\" \"0x1900\" 2",
      ])
    #expect(
      try lines("SELECT * FROM symbols WHERE name = 'helper'") == [
        "\"helper\" \"0x400200\" 48 \"function\" \"local\" \"a.c\"",
        "\"helper\" \"0x400240\" 48 \"function\" \"local\" \"b.c\"",
      ])
  }
}
