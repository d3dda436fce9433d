import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

/// Whoever asks one thing pays for one thing: no statement of a point query walks a table that grows with the history.
@Suite struct QueryPlanTests {
  let folder: TemporaryFolder
  let store: JournalStore
  let history: GeneratedHistory

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
    var history = GeneratedHistory(seed: 5)
    for _ in 0..<30 { try history.grow(store) }
    self.history = history
    try store.tag("there", history.states[3].digest, at: 0)
  }

  private final class Statements: @unchecked Sendable {
    var texts: Set<String> = []
  }

  /// One row, or as many as the image has segments or libraries.
  private static let constant = ["base", "base_segment", "base_library", "arena_cursor", "CONSTANT ROW"]

  /// The steps of the plans of all statements that a question runs, each with its statement.
  private func steps(_ question: (JournalStore) throws -> Void) throws -> [(detail: String, sql: String)] {
    let reader = try JournalStore.open(at: store.path, mode: .read)
    let statements = Statements()
    reader.queue.unsafeReentrantRead { db in
      db.trace { event in
        if case .statement(let statement) = event { statements.texts.insert(statement.sql) }
      }
    }
    try question(reader)
    reader.queue.unsafeReentrantRead { $0.trace(options: []) }
    let asked = statements.texts.filter { $0.contains("SELECT") }
    #expect(!asked.isEmpty)
    return try asked.sorted().flatMap { sql in
      try store.queue.unsafeReentrantRead { db in
        let plan = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
        plan.setUncheckedArguments(StatementArguments())
        return try Row.fetchAll(plan).map { row -> (detail: String, sql: String) in (row["detail"], sql) }
      }
    }
  }

  /// Those that walk a table from its start, or the rows that they are to pass: SQLite seeks the first row that has what is compared
  /// as a row value, and then compares.
  private func walks(_ question: (JournalStore) throws -> Void) throws -> [String] {
    try steps(question).compactMap { detail, sql in
      let isConstant = Self.constant.contains { detail == "SCAN \($0)" || detail.hasPrefix("SCAN \($0) ") }
      let comparesRows = detail.contains(")>(") || detail.contains(")<(")
      return detail.hasPrefix("SCAN") && !isConstant || comparesRows ? "\(detail) in \(sql)" : nil
    }
  }

  /// Strings and constants have no name, and there is another one with every few updates.
  @Test func `an atom without a name is found by its variant`() throws {
    let atom = AtomIdentity(name: "", variant: "41")
    let found = try steps { store in
      _ = try store.lookUp { try AtomTable(db: $0).id(of: atom) }
    }
    #expect(found.map(\.detail) == ["SEARCH atom USING INDEX atom_by_name (name=? AND variant=?)"])
  }

  @Test func `a former body of an atom is found by its address, however many it has had`() throws {
    let state = try #require(history.states.last)
    let placed = try #require(state.placements.values.first)
    let address = placed.body.start
    let found = try steps { store in
      _ = try store.lookUp { db in
        let table = PlacementTable(db: db)
        let lineage = try store.lineage(of: state.digest, in: db)
        for body in try table.bodies(containing: address) {
          _ = try table.row(of: body.atom, bodyAt: body.start, containing: address, at: lineage)
        }
      }
    }
    let wanted = "INDEX placement_by_body (atom_id=? AND body_address=? AND branch_id=?"
    #expect(found.contains { $0.detail.contains(wanted) })
  }

  @Test func `no point query walks a table`() throws {
    let state = try #require(history.states.last)
    let digest = state.digest
    let placement = try #require(state.placements.values.first)
    let references = ["head", "head~3", "7", "base", "there", String(digest.description.prefix(9))]
    let questions: [(String, (JournalStore) throws -> Void)] = [
      ("head", { _ = try $0.head() }),
      ("log -n 20", { _ = try $0.log(limit: 20) }),
      ("summary", { _ = try $0.summary(UpdateNumber(7)) }),
      ("summary by digest", { _ = try $0.summary(digest: digest) }),
      ("show", { _ = try $0.update(UpdateNumber(9)) }),
      ("references", { for text in references { _ = try $0.position(of: try #require(UpdateReference(text))) } }),
      ("time", { _ = try $0.position(asOf: 5000) }),
      ("tags of an update", { _ = try $0.tags(of: digest) }),
      ("at", { _ = try $0.history(of: placement.body.start, at: digest) }),
      ("at, in the base image", { _ = try $0.history(of: VirtualAddress(0x40_0110), at: digest) }),
      ("placement by address", { _ = try $0.placement(containing: placement.body.start, at: digest) }),
      ("placement by name", { _ = try $0.placements(named: "step", at: digest) }),
      ("atoms of a unit", { _ = try $0.placements(inUnit: "step.c", ordinal: 0, at: digest) }),
      (
        "what a unit defines",
        { _ = try $0.placements(definedBy: CompilationUnit(name: "step.c"), at: digest) }
      ),
      ("functions", { _ = try $0.functionPlaces(at: digest) }),
      ("symbol", { _ = try $0.histories(named: "step", at: digest) }),
      ("names", { _ = try $0.names(beginningWith: ["_Z"], containing: "step") }),
      ("diff", { _ = try $0.differences(from: try $0.summary(digest: digest).parent, to: digest) }),
      ("children", { _ = try $0.children(of: digest) }),
      ("bytes", { _ = try $0.bytes(placement.body, at: digest) }),
      ("writes", { _ = try $0.writes(overlapping: placement.body, at: digest) }),
      ("symbols of the base", { _ = try $0.baseSymbols(named: "step") }),
      (
        "log of a symbol",
        { store in
          var query = LogQuery()
          query.atoms = ["step"]
          _ = try store.log(query)
        }
      ),
      (
        "log of a range",
        { store in
          var query = LogQuery()
          (query.from, query.to, query.limit) = (try store.summary(digest: digest).parent, digest, 20)
          _ = try store.log(query)
        }
      ),
      (
        "log since",
        { store in
          var query = LogQuery()
          query.since = 20_000
          _ = try store.log(query)
        }
      ),
    ]
    for (name, question) in questions {
      let found = try walks(question)
      #expect(found.isEmpty, "\(name): \(found.joined(separator: "\n"))")
    }
  }

  @Test func `the statements of a question are as many, however often a function has changed`() throws {
    let long = try JournalStore.create(
      at: folder.file("long.hcsj"), base: SmallImage.base, content: SmallImage.content)
    let address = try repeated(30, in: long)
    let few = try statementCount(at: address, long)
    _ = try repeated(600, in: long)
    #expect(try statementCount(at: address, long) <= few + 2)
  }

  /// One function, rewritten in place again and again: all its bodies are at one address.
  private func repeated(_ count: Int, in store: JournalStore) throws -> VirtualAddress {
    let start = VirtualAddress(SmallImage.arenaCode)
    for _ in 0..<count {
      let number = (try store.head()?.number.rawValue ?? 0) + 1
      let placement = Placement(body: SmallImage.range(start.rawValue, 8), capacity: 16)
      var cursors = SmallImage.cursors
      cursors.code = VirtualAddress(start.rawValue + 16)
      let before = (0..<8).map { UInt8(truncatingIfNeeded: number == 1 ? 0 : (number - 1) >> (8 * $0)) }
      let after = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      try store.append(
        UpdateContent(
          time: number, author: "a", message: "\(number)",
          operations: [.write(WriteOperation(place: .virtual(start), before: before, after: after))],
          atoms: [
            AtomChange(
              atom: AtomIdentity(name: "often"), atomKind: .function, change: number == 1 ? .added : .rewritten,
              before: number == 1 ? nil : placement, after: placement, operations: [0])
          ], guards: [], cursors: cursors), parent: try store.head()?.digest ?? SmallImage.base.digest)
    }
    return start
  }

  private func statementCount(at address: VirtualAddress, _ store: JournalStore) throws -> Int {
    let reader = try JournalStore.open(at: store.path, mode: .read)
    let head = try #require(try reader.head())
    let count = Counter()
    reader.queue.unsafeReentrantRead { db in
      db.trace(options: .statement) { _ in count.value += 1 }
    }
    let history = try #require(try reader.history(of: address, at: head.digest))
    #expect(history.placed.update == head.number)
    #expect(history.previous?.update.rawValue == head.number.rawValue - 1)
    return count.value
  }

  private final class Counter: @unchecked Sendable {
    var value = 0
  }
}
