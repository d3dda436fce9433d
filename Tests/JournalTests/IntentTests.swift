import Foundation
import GRDB
import Testing

@testable import Journal

@Suite struct IntentTests {
  private let folder: TemporaryFolder
  private let store: JournalStore
  private let process = GoldenJournalTests.processIntent
  private let image = GoldenJournalTests.imageIntent
  private let known = KnownTarget(pid: 12, startTime: 99, path: "/usr/bin/small", position: .zero, since: 1000)

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  @Test func `what is under way is there until it has come to its end`() throws {
    try store.noteIntent(image) {}
    try store.noteIntent(process) {}
    #expect(try store.intents() == [process, image])
    try store.noteEnd(of: process.target, known)
    #expect(try store.intents() == [image])
    #expect(try store.targets() == [known])
    try store.noteEnd(of: image.target, nil)
    #expect(try store.intents() == [])
    #expect(try store.verify().findings == [])
  }

  @Test func `a target has one intent, whatever its image is called meanwhile`() throws {
    try store.noteIntent(process) {}
    var second = process
    second.target = .process(ProcessLife(pid: 12, startTime: 99), path: "/usr/bin/small (deleted)")
    second.direction = .backward
    try store.noteIntent(second) {}
    #expect(try store.intents() == [second])
    try store.noteEnd(of: process.target, nil)
    #expect(try store.intents() == [])
  }

  @Test func `the next owner of a pid is another target`() throws {
    try store.noteIntent(process) {}
    try store.noteEnd(of: .process(ProcessLife(pid: 12, startTime: 100), path: "/usr/bin/small"), nil)
    #expect(try store.intents() == [process])
  }

  @Test func `a process that is forgotten takes along what was under way in it`() throws {
    try store.noteIntent(process) {}
    try store.noteTarget(known)
    try store.forgetTarget(pid: 12, startTime: 99)
    #expect(try store.intents() == [])
    #expect(try store.verify().findings == [])
  }

  @Test func `while another writer has the journal, the target is attended to`() throws {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: folder.file("a.hcsj"), configuration: configuration)
    try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
    var turns = 0
    try store.noteIntent(process) {
      turns += 1
      if turns == 3 { try? other.inDatabase { try $0.execute(sql: "COMMIT") } }
    }
    #expect(turns == 3)
    #expect(try store.intents() == [process])
  }

  @Test func `people see what is under way by update numbers`() throws {
    try store.noteIntent(process) {}
    try store.noteIntent(image) {}
    let seen = try store.queue.read {
      try Row.fetchAll(
        $0, sql: "SELECT pid, path, origin, direction, since, applier_pid FROM intents ORDER BY applier_pid")
    }
    #expect(seen.map { $0["pid"] as Int64? } == [12, nil])
    #expect(seen.map { $0["path"] as String } == ["/usr/bin/small", "/usr/bin/small.hot"])
    #expect(seen.map { $0["origin"] as Int64 } == [0, 0])
    #expect(seen.map { $0["direction"] as String } == ["forward", "backward"])
    #expect(seen.map { $0["since"] as String } == ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"])
    #expect(seen.map { $0["applier_pid"] as Int64 } == [13, 14])
  }

  @Test func `a journal that is open for reading takes nothing down, and says so`() throws {
    let reader = try JournalStore.open(at: folder.file("a.hcsj"), mode: .read)
    let error = #expect(throws: JournalError.self) { try reader.noteIntent(process) {} }
    #expect(error?.code == .readOnly)
    #expect(try store.intents() == [])
  }
}
