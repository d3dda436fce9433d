import Foundation
import GRDB

extension JournalStore {
  /// Makes a journal and opens it for writing.
  ///
  /// It is made under another name and linked to `path` when it is whole, so that nothing half-made is ever found
  /// there; a file that is there already is refused and left alone.
  public static func create(
    at path: String, base: BaseImage, content: BaseContent
  ) throws(JournalError) -> JournalStore {
    if FileManager.default.fileExists(atPath: path) { throw JournalError(.journalExists, journal: path) }
    let draft = "\(path).\(UInt32.random(in: 0...UInt32.max)).making"
    do {
      try make(at: draft, base: base, content: content)
      try JournalFile.publish(draft, as: path, taken: .journalExists)
    } catch {
      try? FileManager.default.removeItem(atPath: draft)
      throw JournalError(wrapping: error, journal: path)
    }
    return try open(at: path, mode: .write)
  }

  private static func make(at draft: String, base: BaseImage, content: BaseContent) throws {
    try JournalFile.makeEmpty(at: draft)
    let queue = try DatabaseQueue(path: draft)
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA page_size = \(BaseTables.pageSize(for: base))")
      // A draft that is cut short is thrown away: nothing of it needs to be taken back or to be on the disk yet.
      try db.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE")
      try db.inTransaction {
        try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        try Schema.migrate(db, from: 0)
        try BaseTables.insert(base, content, into: db)
        return .commit
      }
      try db.execute(sql: "PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL")
    }
    try queue.close()
  }
}
