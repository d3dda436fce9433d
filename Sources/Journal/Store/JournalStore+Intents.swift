import Foundation
import GRDB

/// One life of a process.
public struct ProcessLife: Hashable, Sendable {
  public var pid: Int32
  /// See `KnownTarget.startTime`.
  public var startTime: UInt64

  public init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }
}

/// What is about to be done to a target, or was when the one who did it ended.
///
/// It is in the journal before the target's first byte is written and until its last one is. How far it came, the target's own
/// header says.
public struct NotedIntent: Hashable, Sendable {
  public enum Target: Hashable, Sendable {
    /// With the path of the image that it was started from.
    case process(ProcessLife, path: String)
    /// From the root.
    case image(path: String)

    public var process: ProcessLife? {
      if case .process(let life, _) = self { life } else { nil }
    }
  }

  public var target: Target
  public var origin: Digest
  public var destination: Digest
  public var direction: Direction
  /// When it was begun: milliseconds since 1970-01-01 UTC.
  public var since: Int64
  /// Who does it.
  public var applier: ProcessLife

  public init(
    target: Target, origin: Digest, destination: Digest, direction: Direction, since: Int64, applier: ProcessLife
  ) {
    self.target = target
    self.origin = origin
    self.destination = destination
    self.direction = direction
    self.since = since
    self.applier = applier
  }
}

extension JournalStore {
  /// Takes down what is about to be done. A target has one intent at a time: the last one counts.
  ///
  /// - Parameter attend: called about every millisecond while another writer has the journal.
  /// - Throws: `busy` after five seconds.
  public func noteIntent(_ intent: NotedIntent, attending attend: () -> Void) throws(JournalError) {
    try write(attending: attend) { db in
      try Self.remove(intent.target, in: db)
      let (life, path) = intent.target.key
      try db.run(
        "INSERT INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          Int64(life.pid), try stored(life.startTime), path, intent.origin, intent.destination,
          Int64(intent.direction.rawValue), intent.since, Int64(intent.applier.pid),
          try stored(intent.applier.startTime),
        ])
      try NoteTables.prove("intent", in: db)
    }
  }

  /// What was under way there has come to its end: it was done, or taken back.
  ///
  /// - Parameter known: where the process stands now.
  public func noteEnd(of target: NotedIntent.Target, _ known: KnownTarget?) throws(JournalError) {
    try write { db in
      try Self.remove(target, in: db)
      if db.changesCount > 0 { try NoteTables.prove("intent", in: db) }
      if let known { try Self.note(known, in: db) }
    }
  }

  /// The oldest first.
  public func intents() throws(JournalError) -> [NotedIntent] {
    try lookUp { db in
      try db.all(
        """
        SELECT pid, start_time, path, origin, destination, direction, since, applier_pid, applier_start_time
        FROM intent ORDER BY since, pid, path
        """
      ) { row in
        guard let number = UInt8(exactly: try row.integer(5)), let direction = Direction(rawValue: number) else {
          throw JournalError(.damaged, detail: "an intent of no direction")
        }
        let life = ProcessLife(pid: Int32(truncatingIfNeeded: try row.integer(0)), startTime: try row.unsigned(1))
        let path = try row.text(2)
        return NotedIntent(
          target: life.pid == 0 ? .image(path: path) : .process(life, path: path), origin: try row.digest(3),
          destination: try row.digest(4), direction: direction, since: try row.integer(6),
          applier: ProcessLife(
            pid: Int32(truncatingIfNeeded: try row.integer(7)), startTime: try row.unsigned(8)))
      }
    }
  }

  /// Of a process whatever its image is called now: its file may have been replaced.
  private static func remove(_ target: NotedIntent.Target, in db: Database) throws {
    switch target {
    case .process(let life, _):
      try db.run("DELETE FROM intent WHERE pid = ? AND start_time = ?", [Int64(life.pid), try stored(life.startTime)])
    case .image(let path):
      try db.run("DELETE FROM intent WHERE pid = 0 AND path = ?", [path])
    }
  }

  /// One transaction. Where another writer has the journal, SQLite would sleep; here something else waits as well.
  private func write(attending attend: () -> Void, _ body: (Database) throws -> Void) throws(JournalError) {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(5)
    if queue.configuration.readonly { throw JournalError(.readOnly, journal: path) }
    try waitForOthers(milliseconds: 0)
    defer { try? waitForOthers(milliseconds: 5000) }
    while true {
      do {
        return try queue.write(body)
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && clock.now < deadline {
        attend()
        usleep(1000)
      } catch {
        throw JournalError(wrapping: error, journal: path)
      }
    }
  }

  private func waitForOthers(milliseconds: Int) throws(JournalError) {
    do {
      try queue.inDatabase { try $0.execute(sql: "PRAGMA busy_timeout = \(milliseconds)") }
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }
}

extension NotedIntent.Target {
  fileprivate var key: (ProcessLife, path: String) {
    switch self {
    case .process(let life, let path): (life, path)
    case .image(let path): (ProcessLife(pid: 0, startTime: 0), path)
    }
  }
}
