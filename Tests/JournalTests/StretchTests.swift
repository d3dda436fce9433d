import Addressing
import Foundation
import GRDB
import Testing

@testable @_spi(Fuzzing) import Journal

/// What the journal keeps of many updates as one: made with the last of them, proved by `verify`, never needed.
@Suite struct StretchTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.small(in: folder)
  }

  static let writes = [
    FreshWrite(
      start: VirtualAddress(0x100_0000), before: [0, 0, 0], after: [1, 2, 3], update: UpdateNumber(4), operation: 0),
    FreshWrite(
      start: VirtualAddress(0x100_0010), before: [9, 0], after: [7, 7], update: UpdateNumber(2), operation: 300),
  ]

  /// All of both tables.
  private func rows() throws -> [String] {
    try store.read { db in
      try db.all(
        """
        SELECT to_number || ' ' || level || ' ' || from_number || ' ' || branch_id || ' ' || hex(digest) || hex(content)
        FROM stretch ORDER BY to_number, level
        """
      ) { try $0.text(0) }
        + db.all(
          "SELECT to_number, branch_id, hex(areas), hex(digest), hex(content) FROM fresh_block ORDER BY to_number"
        ) {
          "\(try $0.integer(0)) \(try $0.integer(1)) \(try $0.text(2)) \(try $0.text(3)) \(try $0.text(4))"
        }
    }
  }

  private func numbers(_ run: UpdateRun) -> [Int64] {
    let count = Int64(run.count)
    return (0..<count).map { run.first.rawValue + (run.last < run.first ? -$0 : $0) }
  }

  private func numbers(_ steps: [Step]) -> [Int64] { steps.flatMap(\.runs).flatMap(numbers) }

  @Test func `sixty-four updates are one step as soon as the last of them is recorded`() throws {
    let history = try GeneratedHistory(seed: 1, count: 130, in: store)
    let base = SmallImage.base.digest
    let steps = try store.netSteps(from: base, to: history.states[130].digest)
    #expect(steps.map { $0.stretch?.range } == [ShortcutRange(0, 64), ShortcutRange(64, 128), nil, nil])
    #expect(numbers(steps) == Array(1...130))
    let back = try store.netSteps(from: history.states[130].digest, to: history.states[60].digest)
    #expect(numbers(back) == (61...130).reversed())
    #expect(back.allSatisfy { $0.direction == .backward })
    #expect(back.first { $0.stretch != nil }?.stretch?.range == ShortcutRange(64, 128))
    #expect(try store.verify().findings == [])
  }

  @Test(arguments: [false, true])
  func `they are the same whoever records, one by one or many at once, and where an older journal is migrated`(
    isBatched: Bool
  ) throws {
    var history = GeneratedHistory(seed: 2)
    for _ in 0..<70 { try history.grow(store) }
    let made = try rows()
    #expect(made.count >= 4)
    let contents = try store.log().sorted { $0.number < $1.number }.map { try store.update($0.number) }
    let other = try JournalStore.create(
      at: folder.file("b.hcsj"), base: SmallImage.base, content: SmallImage.content)
    for update in contents {
      let writer = isBatched ? other : try JournalStore.open(at: other.path, mode: .write)
      try writer.append(contentsOf: [update.content], parent: update.parent)
    }
    try store.tamper("DELETE FROM fresh_block; DELETE FROM stretch")
    #expect(try rows().isEmpty)
    try store.keepStretches()
    #expect(try rows() == made)
    try store.tamper(
      "DELETE FROM fresh_block; DELETE FROM stretch; ATTACH '\(other.path)' AS other;"
        + "INSERT INTO stretch SELECT * FROM other.stretch; INSERT INTO fresh_block SELECT * FROM other.fresh_block")
    #expect(try rows() == made)
    #expect(try store.verify().findings == [])
  }

  @Test func `each branch has its own`() throws {
    var history = GeneratedHistory(seed: 3)
    for _ in 0..<200 { try history.grow(store) }
    #expect(try store.verify().findings == [])
    for (from, to) in [(0, 200), (200, 0), (130, 190), (77, 199), (150, 20)] {
      let (origin, destination) = (history.states[from].digest, history.states[to].digest)
      let steps = try store.netSteps(from: origin, to: destination)
      #expect(try numbers(steps) == store.steps(from: origin, to: destination).map(\.update.number.rawValue))
      // The files that the steps, told whole, lead to are those of the history.
      var file = history.states[from].file
      for step in try steps.map({ try $0.withFreshBytes() }) {
        let content = step.update.content
        for operation in step.direction == .forward ? content.operations : content.invertedOperations {
          try GeneratedHistory.perform(operation, on: &file)
        }
      }
      #expect(file == history.states[to].file)
    }
  }

  @Test(arguments: [
    "UPDATE stretch SET content = zeroblob(length(content)) WHERE to_number = 64",
    "UPDATE stretch SET content = (SELECT content FROM stretch WHERE to_number = 128) WHERE to_number = 64",
    "UPDATE stretch SET from_number = 3 WHERE to_number = 64",
    "UPDATE fresh_block SET content = zeroblob(length(content)) WHERE to_number = 64",
    "UPDATE fresh_block SET areas = (SELECT areas FROM fresh_block WHERE to_number = 128) WHERE to_number = 64",
    "DELETE FROM fresh_block WHERE to_number = 64",
  ])
  func `what is not what the updates come to is found, and the updates are still there`(_ sql: String) throws {
    let history = try GeneratedHistory(seed: 4, count: 130, in: store)
    let ends = (SmallImage.base.digest, history.states[130].digest)
    let steps = try store.steps(from: ends.0, to: ends.1)
    try store.tamper(sql)
    let findings = try store.verify().findings
    #expect(!findings.isEmpty)
    #expect(findings.allSatisfy { $0.subject == .stretch })
    #expect(try store.steps(from: ends.0, to: ends.1) == steps)
  }

  @Test func `what is damaged is refused by name before any of it is given out`() throws {
    let history = try GeneratedHistory(seed: 5, count: 64, in: store)
    let ends = (SmallImage.base.digest, history.states[64].digest)
    let step = try #require(try store.netSteps(from: ends.0, to: ends.1).first)
    try store.tamper("UPDATE fresh_block SET content = zeroblob(length(content))")
    #expect(code { try step.withFreshBytes() } == .malformedStretch)
    try store.tamper("UPDATE stretch SET digest = zeroblob(32)")
    #expect(code { try store.netSteps(from: ends.0, to: ends.1) } == .malformedStretch)
  }

  @Test func `pruning drops those that it has to do with, and leaves the others`() throws {
    let history = try GeneratedHistory(seed: 6, count: 130, in: store)
    _ = try store.squash(store.shortcutDraft(ShortcutRange(10, 20)))
    _ = try store.prune(ShortcutRange(10, 20))
    let steps = try store.netSteps(from: SmallImage.base.digest, to: history.states[130].digest)
    #expect(steps.compactMap { $0.stretch?.range } == [ShortcutRange(64, 128)])
    #expect(try store.verify().findings == [])
  }

  // MARK: Blocks

  @Test func `a block decodes to what it was made of, and every truncation is refused`() throws {
    let bytes = FreshBlockCoding.encode(Self.writes)
    let block = try FreshBlockCoding.decode(bytes)
    #expect(block.extents.map(\.start) == Self.writes.map(\.start))
    #expect(block.extents.map(\.update) == Self.writes.map(\.update))
    #expect(block.extents.map(\.operation) == Self.writes.map(\.operation))
    #expect(block.extents.map { block.after($0) } == Self.writes.map(\.after))
    #expect(block.extents.map { block.before($0) } == Self.writes.map(\.before))
    #expect(FreshBlockCoding.encode(block) == bytes)
    for count in 0..<bytes.count {
      #expect(code { try FreshBlockCoding.decode(Array(bytes.prefix(count))) } == .malformedStretch)
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << UInt8(bit)
        if let other = try? FreshBlockCoding.decode(changed) { #expect(FreshBlockCoding.encode(other) == changed) }
      }
    }
  }
}
