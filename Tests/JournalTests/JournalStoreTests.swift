import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

@Suite struct JournalStoreTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("a.hcsj")
  }

  private func create() throws -> JournalStore {
    try JournalStore.create(at: path, base: SmallImage.base, content: SmallImage.content)
  }

  private func execute(_ sql: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
    try queue.close()
  }

  @Test func `a new journal gives back its base image`() throws {
    #expect(try create().base == SmallImage.base)
    let opened = try JournalStore.open(at: path, mode: .read)
    #expect(opened.base == SmallImage.base)
    #expect(try opened.head() == nil)
    #expect(try opened.cursors() == SmallImage.cursors)
    #expect(try opened.number(of: SmallImage.base.digest) == .base)
    #expect(try opened.digest(of: .base) == SmallImage.base.digest)
  }

  @Test func `a finished journal stands alone, for its owner only, in write-ahead mode`() throws {
    var store: JournalStore? = try create()
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    #expect(try store?.queue.unsafeRead { try String.fetchOne($0, sql: "PRAGMA journal_mode") } == "wal")
    store = nil
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.hcsj"])
  }

  @Test func `what is committed is synced: synchronous is FULL, and foreign keys are on`() throws {
    let store = try create()
    let settings = try store.queue.writeWithoutTransaction { db in
      (
        try Int.fetchOne(db, sql: "PRAGMA synchronous"), try Int.fetchOne(db, sql: "PRAGMA foreign_keys"),
        try Int.fetchOne(db, sql: "PRAGMA application_id")
      )
    }
    #expect(settings == (2, 1, 0x4843_534a))
  }

  @Test func `a file that is there already is refused and left alone`() throws {
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
    #expect(code { try create() } == .journalExists)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1, 2, 3]))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.hcsj"])
  }

  @Test func `nothing is left of a journal that could not be made`() throws {
    struct Unreadable: Error {}
    var content = SmallImage.content
    content.readPreparedImage = { offset, count in
      if offset.rawValue > 0 { throw Unreadable() }
      return [UInt8](repeating: 1, count: count)
    }
    #expect(code { try JournalStore.create(at: path, base: SmallImage.base, content: content) } == .storageFailed)
    content.readPreparedImage = { _, _ in [1] }
    #expect(code { try JournalStore.create(at: path, base: SmallImage.base, content: content) } == .invalidBase)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    let nowhere = folder.file("missing/a.hcsj")
    #expect(
      code { try JournalStore.create(at: nowhere, base: SmallImage.base, content: SmallImage.content) }
        == .inaccessible)
  }

  @Test func `a base whose digest is not that of its file and arena is refused`() {
    var base = SmallImage.base
    base.originalDigest = .zero
    #expect(
      code { try JournalStore.create(at: path, base: base, content: SmallImage.content) } == .invalidBase)
  }

  @Test func `a missing file, an empty one, text and another program's database are told from a journal`() throws {
    #expect(code { try JournalStore.open(at: path, mode: .write) } == .noSuchJournal)
    for bytes in [Data(), Data("SQLite format 3\0".utf8), Data(repeating: 0x41, count: 5000)] {
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(code { try JournalStore.open(at: path, mode: .write) } == .notAJournal)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
    try FileManager.default.removeItem(atPath: path)
    try execute("CREATE TABLE t (a)")
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(code { try JournalStore.open(at: path, mode: .write) } == .notAJournal)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test func `a journal of a newer schema is refused by name and nothing is written`() throws {
    _ = try create()
    try execute("PRAGMA user_version = \(Schema.version + 1)")
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    for mode in [JournalStore.Mode.read, .write] {
      #expect(code { try JournalStore.open(at: path, mode: mode) } == .newerSchema)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.hcsj"])
  }

  @Test func `a journal of an older schema is not read as if it were of this one`() throws {
    _ = try create()
    try execute("PRAGMA user_version = 0")
    #expect(code { try JournalStore.open(at: path, mode: .read) } == .olderSchema)
  }

  @Test func `a journal of another image is refused with both identities`() throws {
    let store = try create()
    try store.require(identity: SmallImage.base.identity)
    #expect(code { try store.require(identity: [0xab]) } == .otherImage)
    #expect(detail { try store.require(identity: [0xab]) }?.contains("ab, the journal's is 0102") == true)
  }

  @Test func `a reader sees what a writer has committed, and cannot write`() throws {
    let writer = try create()
    let reader = try JournalStore.open(at: path, mode: .read)
    let update = try writer.append(UpdateCodingTests.plain, parent: SmallImage.base.digest)
    #expect(try reader.update(UpdateNumber(1)) == update)
    #expect(code { try reader.append(UpdateCodingTests.plain, parent: update.digest) } == .readOnly)
  }

  @Test func `two writers take turns, and one that waits in vain is told who writes`() throws {
    let first = try create()
    let second = try JournalStore.open(at: path, mode: .write, patience: 0.05)
    let update = try first.append(UpdateCodingTests.plain, parent: SmallImage.base.digest)
    try second.append(UpdateCodingTests.plain, parent: update.digest)
    try first.queue.writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE")
      var content = UpdateCodingTests.plain
      content.message = "another"
      #expect(code { try second.append(content, parent: update.digest) } == .busy)
      let told = detail { try second.append(content, parent: update.digest) }
      #expect(told?.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
      let since = told?.firstMatch(of: /running since (\S+),/).flatMap { try? Date(String($0.1), strategy: .iso8601) }
      let age = try #require(since).timeIntervalSinceNow
      #expect(age < 5 && age > -86_400)
      try db.execute(sql: "ROLLBACK")
    }
    #expect(try first.log().count == 2)
  }

  @Test func `every migration of the folder is in the program, in order`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../migrations")
    let names = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
    #expect(names == Schema.migrations.map { $0.name + ".sql" })
    for migration in Schema.migrations {
      let text = try Data(contentsOf: root.appendingPathComponent(migration.name + ".sql"))
      #expect([UInt8](text) == migration.sql)
    }
  }

  @Test func `what is known to be running is kept, moved and forgotten`() throws {
    let store = try create()
    var target = KnownTarget(
      pid: 12, startTime: 99, path: "/usr/bin/small", position: SmallImage.base.digest, since: 1000)
    try store.noteTarget(target)
    target.since = 2000
    try store.noteTarget(target)
    #expect(try store.targets().map(\.since) == [1000])
    target.position = .zero
    try store.noteTarget(target)
    #expect(try store.targets() == [target])
    try store.forgetTarget(pid: 12, startTime: 98)
    #expect(try store.targets() == [target])
    try store.forgetTarget(pid: 12, startTime: 99)
    #expect(try store.targets() == [])
  }

  @Test func `every code of an error has a text of its own, with the context at hand`() {
    let texts = JournalError.Code.allCases.map {
      JournalError($0, journal: "a.hcsj", update: UpdateNumber(3), detail: "why").description
    }
    #expect(Set(texts).count == JournalError.Code.allCases.count)
    #expect(texts.allSatisfy { $0.hasSuffix("(update 3, why)") })
  }
}
