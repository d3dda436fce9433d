import Addressing
import Foundation
import GRDB

extension DerivedTables {
  /// What is compared with the rebuilt tables, each in a fixed order.
  static let comparisons = [
    "branch": "SELECT * FROM branch ORDER BY id",
    "update_entry": "SELECT number, digest, parent_number, branch_id FROM update_entry ORDER BY number",
    "atom": "SELECT * FROM atom ORDER BY id",
    "placement": "SELECT * FROM placement ORDER BY atom_id, branch_id, from_number",
    "body": "SELECT * FROM body ORDER BY size_class, address, byte_count, atom_id",
    "span":
      "SELECT * FROM span ORDER BY space, size_class, address, byte_count, branch_id, number, operation, part",
    "update_type": "SELECT * FROM update_type ORDER BY name, branch_id, number, ordinal",
    "arena_cursor": "SELECT * FROM arena_cursor",
  ]

  /// An empty journal in memory, without the base image and without the payloads that rows refer to.
  static func rebuildDatabase() throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(configuration: configuration)
    try queue.write { db in
      try Schema.migrate(db, from: 0)
      for index in Schema.baseIndexes { try db.execute(sql: index) }
    }
    return queue
  }

  /// - Parameter updates: ascending by number.
  static func rebuild(
    _ updates: [Update], base: BaseImage, in db: Database, payloadID: (Digest) throws -> Int64?
  ) throws {
    let derived = DerivedTables(db: db)
    try db.run("INSERT INTO arena_cursor VALUES (1, ?)", [Data(CursorCoding.encode(base.arena.cursors))])
    var lineages: [Digest: (number: Int64, branch: Int64)] = [base.digest: (0, 0)]
    for update in updates {
      guard let place = lineages[update.parent] else {
        throw JournalError(.damaged, update: update.number, detail: "its parent comes after it")
      }
      let parent = try Lineage(number: place.number, branch: place.branch, in: db)
      let branch = try derived.branch(after: parent)
      let number = update.number.rawValue
      try db.run(
        "INSERT INTO update_entry VALUES (?, ?, ?, ?, 0, '', '', NULL, 0, 0, ?)",
        [number, Data(update.digest), place.number, branch, Data()])
      try derived.insert(update, branch: branch, after: parent, payloadID: payloadID)
      lineages[update.digest] = (number, branch)
    }
  }
}
