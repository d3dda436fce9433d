import Addressing
import Foundation
import GRDB

extension DerivedTables {
  /// What is compared with the rebuilt tables, each in a fixed order.
  static let comparisons = [
    "branch": "SELECT * FROM branch ORDER BY id",
    "update_entry": "SELECT number, digest, parent_number, branch_id FROM update_entry ORDER BY number",
    "atom": "SELECT * FROM atom ORDER BY id",
    "definer": "SELECT * FROM definer ORDER BY id",
    "placement": "SELECT * FROM placement ORDER BY atom_id, branch_id, from_number",
    "body": "SELECT * FROM body ORDER BY size_class, address, byte_count, atom_id",
    "span":
      "SELECT * FROM span ORDER BY space, size_class, address, byte_count, branch_id, number, operation, part",
    "update_type": "SELECT * FROM update_type ORDER BY name, branch_id, number, ordinal",
    "arena_cursor": "SELECT * FROM arena_cursor",
  ]

  /// An empty journal without the base image and without the payloads that rows refer to: in a file of SQLite's own that goes with
  /// the connection, for it grows with the history.
  static func rebuildDatabase() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    // SQLite, sqlite3_open: an empty name is a temporary file.
    let queue = try DatabaseQueue(path: "", configuration: configuration)
    try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
    try queue.write { db in
      try Schema.migrate(db, from: 0)
      for index in Schema.baseIndexes { try db.execute(sql: index) }
    }
    return queue
  }

}

/// The derived tables once more, from one update after the other: ascending by number, so that each one's parent is there.
struct DerivedRebuild {
  private let db: Database
  private let derived: DerivedTables
  private let base: BaseImage
  private let payloadID: (Digest) throws -> Int64?

  /// - Parameter db: an empty journal (`DerivedTables.rebuildDatabase`).
  init(_ base: BaseImage, in db: Database, payloadID: @escaping (Digest) throws -> Int64?) throws {
    self.db = db
    self.base = base
    self.payloadID = payloadID
    derived = DerivedTables(db: db)
    try db.run("INSERT INTO arena_cursor VALUES (1, ?)", [CursorCoding.encode(base.arena.cursors)])
  }

  func insert(_ entry: DerivedTables.Entry) throws {
    let parent = try lineage(of: entry)
    let branch = try derived.branch(after: parent)
    try db.run(
      "INSERT INTO update_entry VALUES (?, ?, ?, ?, 0, '', '', NULL, 0, 0, ?, NULL)",
      [entry.number, entry.digest, parent.number, branch, [UInt8]()])
    try derived.insert(entry, branch: branch, after: parent, payloadID: payloadID)
  }

  private func lineage(of entry: DerivedTables.Entry) throws -> Lineage {
    if entry.parent == base.digest { return .base }
    let place = try db.first("SELECT number, branch_id FROM update_entry WHERE digest = ?", [entry.parent]) {
      (number: try $0.integer(0), branch: try $0.integer(1))
    }
    guard let place else {
      throw JournalError(.damaged, update: UpdateNumber(entry.number), detail: "its parent comes after it")
    }
    return try Lineage(number: place.number, branch: place.branch, in: db)
  }
}
