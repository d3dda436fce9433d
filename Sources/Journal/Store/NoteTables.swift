import Foundation
import GRDB

/// Tables that are no part of the history, and that no digest of an update vouches for: tags, the processes that are known, and what is
/// under way. The proof of each is written anew with it, so that `verify` finds a row that changed by itself.
enum NoteTables {
  /// The order in which the proof reads them.
  static let keys = ["tag": "name", "target": "pid, start_time", "intent": "pid, start_time, path"]

  /// In the transaction that has changed the table.
  static func prove(_ table: String, in db: Database) throws {
    try db.run(
      "INSERT OR REPLACE INTO base_proof VALUES (?, ?)", [table, try BaseTables.proof(of: table, in: db)])
  }
}

extension JournalVerifier {
  mutating func checkNotes() {
    for table in NoteTables.keys.keys.sorted() {
      check(.note) { verifier in
        let recorded = try verifier.db.first("SELECT digest FROM base_proof WHERE name = ?", [table]) {
          try $0.digest(0)
        }
        // Nothing was written to it since journals have proofs of these tables.
        guard let recorded else { return }
        if try BaseTables.proof(of: table, in: verifier.db) != recorded {
          verifier.find(.note, "\(table) is not what was written to it last")
        }
      }
    }
  }
}
