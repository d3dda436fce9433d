import Foundation
import GRDB
import Journal

/// How many updates are recorded in a second, one by one and many at once, against SQLite inserting the same bytes: the very rows
/// that the journal then has, into the same tables, with nothing to be computed; and each update's encoding as one row of one
/// table without an index. Contenders take turns in one run, each with `synchronous=FULL` and a write-ahead log.
struct Throughput {
  let image: String
  let count: Int
  private static let rounds = 5

  /// Of each round the contenders' nanoseconds of wall-clock time; the least is told.
  func measure() throws {
    var costs: [String: Int] = [:]
    for _ in 0..<Self.rounds {
      for isBatched in [false, true] {
        let suffix = isBatched ? " batched" : ""
        let store = try HistoryBenchmark.adopted(image, journal: image + ".throughput", count: count)
        let contents = Array(try SyntheticHistory(store, count: count, atoms: min(count, 200)))
        try note("record" + suffix, &costs) { try record(contents, store, isBatched) }
        let rows = try Rows(journal: store.path)
        try note("same rows" + suffix, &costs) { try rows.insert(isBatched, beside: image) }
        let encoded = try contents.map { Data(try UpdateCoding.encode($0)) }
        try note("one blob" + suffix, &costs) { try insert(encoded, isBatched) }
      }
    }
    HistoryBenchmark.emit(costs)
  }

  private func note(_ name: String, _ costs: inout [String: Int], _ body: () throws -> Int) throws {
    costs[name] = min(costs[name] ?? .max, try body() / count)
  }

  private func timed(_ body: () throws -> Void) rethrows -> Int {
    let start = nanoseconds(CLOCK_MONOTONIC)
    try body()
    return nanoseconds(CLOCK_MONOTONIC) - start
  }

  private func record(_ contents: [UpdateContent], _ store: JournalStore, _ isBatched: Bool) throws -> Int {
    try timed {
      if isBatched {
        try store.append(contentsOf: contents, parent: store.base.digest)
      } else {
        var parent = store.base.digest
        for content in contents { parent = try store.append(content, parent: parent).digest }
      }
    }
  }

  private func insert(_ blobs: [Data], _ isBatched: Bool) throws -> Int {
    let queue = try Rows.database(at: image + ".blobs", copying: nil)
    try queue.write { try $0.execute(sql: "CREATE TABLE entry (number INTEGER PRIMARY KEY, content BLOB)") }
    return try timed {
      try Rows.inTransactions(queue, blobs, isBatched) { db, blob in
        try db.cachedStatement(sql: "INSERT INTO entry (content) VALUES (?)").execute(arguments: [blob])
      }
    }
  }
}

/// All rows that updates have left in a journal, by the update that brought them.
private struct Rows {
  private struct Insertion {
    var sql: String
    var values: StatementArguments
  }

  private let journal: String
  private let insertions: [[Insertion]]

  /// By table: the rows, and what tells their update.
  private static let tables = [
    ("update_entry", "number"), ("placement", "from_number"), ("span", "number"), ("update_type", "number"),
  ]

  init(journal: String) throws {
    self.journal = journal
    var found: [Int64: [Insertion]] = [:]
    let queue = try DatabaseQueue(path: journal)
    try queue.read { db in
      for (table, column) in Self.tables {
        for row in try Row.fetchAll(db, sql: "SELECT * FROM \(table) ORDER BY \(column)") {
          let number: Int64 = row[column]
          found[max(1, number), default: []].append(Self.insertion(of: row, into: table))
        }
      }
      // Payloads, bodies and atoms come in the order of the updates: they are dealt out evenly.
      let count = Int64(max(1, found.count))
      for table in ["atom", "pack", "payload", "body"] {
        let rows = try Row.fetchAll(db, sql: "SELECT * FROM \(table)")
        for (index, row) in rows.enumerated() {
          let number = Int64(index) * count / Int64(max(1, rows.count)) + 1
          found[number, default: []].insert(Self.insertion(of: row, into: table), at: 0)
        }
      }
    }
    insertions = found.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func insertion(of row: Row, into table: String) -> Insertion {
    let places = row.databaseValues.map { _ in "?" }.joined(separator: ", ")
    return Insertion(
      sql: "INSERT INTO \(table) VALUES (\(places))", values: StatementArguments(Array(row.databaseValues)))
  }

  func insert(_ isBatched: Bool, beside image: String) throws -> Int {
    let queue = try Self.database(at: image + ".rows", copying: journal)
    let start = nanoseconds(CLOCK_MONOTONIC)
    try Self.inTransactions(queue, insertions, isBatched) { db, rows in
      for row in rows { try db.cachedStatement(sql: row.sql).execute(arguments: row.values) }
    }
    return nanoseconds(CLOCK_MONOTONIC) - start
  }

  /// - Parameter journal: whose schema the database gets.
  static func database(at path: String, copying journal: String?) throws -> DatabaseQueue {
    for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    if let journal {
      let schema = try DatabaseQueue(path: journal).read { db in
        try String.fetchAll(db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index'")
      }
      try queue.write { db in for sql in schema { try db.execute(sql: sql) } }
    }
    try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") }
    return queue
  }

  static func inTransactions<Item>(
    _ queue: DatabaseQueue, _ items: [Item], _ isBatched: Bool, _ insert: (Database, Item) throws -> Void
  ) throws {
    if isBatched {
      try queue.write { db in for item in items { try insert(db, item) } }
    } else {
      for item in items { try queue.write { db in try insert(db, item) } }
    }
  }
}
