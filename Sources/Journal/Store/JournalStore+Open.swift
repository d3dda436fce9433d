import Addressing
import Foundation
import GRDB

extension JournalStore {
  /// - Parameter mode: `write` migrates an older journal. A journal of a newer schema, and what is no journal, is
  ///   refused before anything is written.
  public static func open(at path: String, mode: Mode) throws(JournalError) -> JournalStore {
    try open(at: path, mode: mode, patience: 5)
  }

  /// - Parameter patience: how many seconds another writer is waited for.
  static func open(at path: String, mode: Mode, patience: Double) throws(JournalError) -> JournalStore {
    try checkHeader(of: path)
    do {
      var configuration = Configuration()
      configuration.readonly = mode == .read
      configuration.busyMode = .timeout(patience)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let version = try migrate(queue, mode: mode)
      if mode == .write {
        // Whatever GRDB and the system's SQLite prefer: an update that was reported is on the disk.
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      }
      let base = try queue.unsafeRead { try BaseTables.readImage($0) }
      let store = JournalStore(path: path, base: base, queue: queue)
      // Long ways are shorter with them; where an update cannot be read, whoever asks for that one is told.
      if version < Schema.versionWithStretches { try? store.keepStretches() }
      return store
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }

  /// SQLite would make another application's database its own before we could ask what it is; so its header is read
  /// as bytes (SQLite, Database File Format, 1.3).
  private static func checkHeader(of path: String) throws(JournalError) {
    guard FileManager.default.fileExists(atPath: path) else { throw JournalError(.noSuchJournal, journal: path) }
    let header: [UInt8]
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }
      header = [UInt8](try file.read(upToCount: 100) ?? Data())
    } catch {
      throw JournalError(.inaccessible, journal: path, cause: error)
    }
    func bigEndian(at offset: Int) -> UInt32 { header[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    guard header.count == 100, header.starts(with: Array("SQLite format 3\0".utf8)),
      bigEndian(at: 68) == UInt32(bitPattern: Schema.applicationID)
    else { throw JournalError(.notAJournal, journal: path) }
    try checkVersion(Int(bigEndian(at: 60)), path: path)
  }

  private static func checkVersion(_ version: Int, path: String) throws(JournalError) {
    if version > Schema.version {
      throw JournalError(
        .newerSchema, journal: path, detail: "schema \(version), this program knows up to \(Schema.version)")
    }
  }

  /// - Returns: the version that was found.
  private static func migrate(_ queue: DatabaseQueue, mode: Mode) throws -> Int {
    // Asked again through SQLite: the write-ahead log may hold a newer first page than the file.
    let version = try queue.unsafeRead { try $0.first("PRAGMA user_version") { try $0.integer(0) } ?? 0 }
    try checkVersion(Int(version), path: queue.path)
    if version == Schema.version { return Schema.version }
    guard mode == .write else {
      throw JournalError(.olderSchema, journal: queue.path, detail: "schema \(version)")
    }
    try queue.write { try Schema.migrate($0, from: Int(version)) }
    return Int(version)
  }
}

extension Schema {
  /// Within the caller's transaction.
  static func migrate(_ db: Database, from version: Int) throws {
    for migration in migrations.dropFirst(version) {
      try db.execute(sql: String(decoding: migration.sql, as: UTF8.self))
    }
    try db.execute(sql: "PRAGMA user_version = \(self.version)")
  }
}
