import Foundation
import GRDB

/// A process that is known to run the image, or was when it was last seen. A hint where to look: what a target stands
/// at is what its own header says.
public struct KnownTarget: Hashable, Sendable {
  public var pid: Int32
  /// When the process began, in clock ticks since boot (`/proc/PID/stat`, field 22): tells a pid from its next owner.
  public var startTime: UInt64
  /// Of the image it was started from.
  public var path: String
  /// The update it stood at, or the base image's digest.
  public var position: Digest
  /// When it came to that position: milliseconds since 1970-01-01 UTC.
  public var since: Int64

  public init(pid: Int32, startTime: UInt64, path: String, position: Digest, since: Int64) {
    self.pid = pid
    self.startTime = startTime
    self.path = path
    self.position = position
    self.since = since
  }
}

extension JournalStore {
  /// Keeps a target, or its new position.
  public func noteTarget(_ target: KnownTarget) throws(JournalError) {
    try write { try Self.note(target, in: $0) }
  }

  static func note(_ target: KnownTarget, in db: Database) throws {
    try db.run(
      """
      INSERT INTO target VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET path = excluded.path,
        since = iif(position = excluded.position, since, excluded.since), position = excluded.position
      """,
      [
        Int64(target.pid), try stored(target.startTime), target.path, target.position, target.since,
      ])
    try NoteTables.prove("target", in: db)
  }

  public func targets() throws(JournalError) -> [KnownTarget] {
    try lookUp { db in
      try db.all("SELECT pid, start_time, path, position, since FROM target ORDER BY pid, start_time") { row in
        KnownTarget(
          pid: Int32(truncatingIfNeeded: try row.integer(0)), startTime: try row.unsigned(1), path: try row.text(2),
          position: try row.digest(3), since: try row.integer(4))
      }
    }
  }

  /// With what was under way there: nothing is left of a process that has ended.
  public func forgetTarget(pid: Int32, startTime: UInt64) throws(JournalError) {
    try write { db in
      for table in ["target", "intent"] {
        try db.run(
          "DELETE FROM \(table) WHERE pid = ? AND start_time = ?", [Int64(pid), try stored(startTime)])
        if db.changesCount > 0 { try NoteTables.prove(table, in: db) }
      }
    }
  }
}
