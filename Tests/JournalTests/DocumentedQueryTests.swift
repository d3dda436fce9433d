import Addressing
import Foundation
import GRDB
import Journal
import Testing

/// The queries that docs/journal-format.md prints for people with `sqlite3`, run as they stand there.
@Suite struct DocumentedQueryTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
    // A history in which `step` stands at the arena's first address at update 5.
    for seed in 1... {
      let draft = try JournalStore.create(
        at: folder.file("\(seed)"), base: SmallImage.base, content: SmallImage.content)
      var attempt = GeneratedHistory(seed: UInt64(seed))
      for _ in 0..<5 { try attempt.grow(draft) }
      guard attempt.states[5].placements[AtomIdentity(name: "step")]?.body.start == VirtualAddress(0x100_0000) else {
        continue
      }
      var history = GeneratedHistory(seed: UInt64(seed))
      for _ in 0..<30 { try history.grow(store) }
      break
    }
    try store.tag("release", try store.summary(UpdateNumber(29)).digest, at: 0)
  }

  private static func queries() throws -> [String] {
    let text = try String(
      contentsOf: GoldenJournalTests.root.appendingPathComponent("docs/journal-format.md"), encoding: .utf8)
    return text.components(separatedBy: "```sql\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
  }

  private func rows(_ sql: String) throws -> [Row] {
    let queue = try DatabaseQueue(path: store.path)
    return try queue.read { try Row.fetchAll($0, sql: sql) }
  }

  @Test func `every query of the document has an answer`() throws {
    let queries = try Self.queries()
    #expect(queries.count == 6)
    for query in queries { #expect(try !rows(query).isEmpty, "\(query)") }
  }

  @Test func `the answers are those of the library`() throws {
    let queries = try Self.queries()
    let fifth = try store.summary(UpdateNumber(5)).digest
    let log = try rows(queries[0])
    #expect(log.map { $0["number"] as Int64 } == (try store.log(limit: 20)).map(\.number.rawValue))
    #expect(log.map { $0["message"] as String } == (try store.log(limit: 20)).map(\.message))
    #expect(log.compactMap { $0["tags"] as String? } == ["release"])

    let bodies = try store.histories(named: "step", at: fifth).flatMap(\.bodies)
    let told = try rows(queries[1])
    #expect(told.map { $0["placed_by"] as Int64 }.sorted() == bodies.map(\.update.rawValue).sorted())
    #expect(
      Set(told.map { $0["address"] as String? }) == Set(bodies.map { $0.placement.map { "\($0.body.start)" } }))
    for row in told {
      guard let digest = row["body_digest"] as String? else { continue }
      #expect(bodies.contains { $0.content?.description == digest && $0.update.rawValue == row["placed_by"] as Int64 })
    }

    let placed = try #require(try store.placements(named: "step", at: fifth).first)
    for query in queries[2...3] {
      let row = try #require(try rows(query).first)
      #expect(row["address"] as String == "\(placed.placement.body.start)")
      #expect(row["placed_by"] as Int64 == placed.update.rawValue)
    }
    #expect(try store.history(of: VirtualAddress(0x100_0000), at: fifth)?.placed == placed)

    let often = try #require(try rows(queries[4]).first)
    let name: String = often["name"]
    let counts = try store.histories(named: name, at: fifth).map { $0.bodies.count { $0.change != nil } }
    #expect(counts.contains(often["bodies"]))

    let entry = try #require(placed.placement.entry)
    let writers = try store.log().map(\.number).filter { number in
      try store.update(number).content.operations.contains {
        if case .write(let write) = $0 { write.place == .virtual(entry) } else { false }
      }
    }
    #expect(Set(try rows(queries[5]).map { $0["number"] as Int64 }) == Set(writers.map(\.rawValue)))
  }

  @Test func `where an atom stands at each update is what the library says, on every branch`() throws {
    for summary in try store.log() {
      let told = try rows(
        "SELECT name, unit, start_address, placed_by FROM placement_at WHERE update_number = \(summary.number)")
      var found: Set<String> = []
      for symbol in Set(SmallImage.symbols.map(\.name)) {
        for placed in try store.placements(named: symbol, at: summary.digest) {
          found.insert(
            "\(symbol) \(placed.identity.unit ?? "") \(placed.placement.body.start.rawValue) \(placed.update.rawValue)")
        }
      }
      let seen = told.map { row in
        "\(row["name"] as String) \(row["unit"] as String? ?? "") \(row["start_address"] as Int64) \(row["placed_by"] as Int64)"
      }
      #expect(Set(seen) == found)
      #expect(seen.count == found.count)
    }
    #expect(Set(try store.log().map(\.parentNumber)).count < 30)
  }

  @Test func `the views of a migrated journal are those of a new one`() throws {
    let old = try TemporaryFolder()
    let migrated = try GoldenJournalTests.versions[0].open(in: old, mode: .write)
    let names = { (path: String) in
      try DatabaseQueue(path: path).read {
        try String.fetchAll(
          $0, sql: "SELECT sql FROM sqlite_master WHERE type IN ('view', 'index') AND sql IS NOT NULL ORDER BY name")
      }
    }
    #expect(try names(migrated.path) == names(store.path))
  }
}
