import Foundation
import GRDB

/// What `prune` has done to a journal, or would do.
public struct PruneReport: Hashable, Sendable {
  public var range: ShortcutRange
  /// The updates whose content goes, ascending.
  public var updates: [UpdateNumber]
  /// Other shortcuts that end at or begin with one of them, and go with them.
  public var droppedShortcuts: [ShortcutRange] = []
  /// Byte strings that nothing needs any more.
  public var payloadCount = 0
}

extension JournalStore {
  /// Whether the updates of a shortcut can be pruned, and what goes with them; nothing is written.
  ///
  /// Throws as `prune` does.
  public func pruneReport(_ range: ShortcutRange) throws(JournalError) -> PruneReport {
    try lookUp { db in
      let pruning = try Pruning(range, store: self, db: db)
      return PruneReport(range: range, updates: pruning.updates, droppedShortcuts: try pruning.losers().map(\.range))
    }
  }

  /// Drops the content of the updates that a shortcut covers, and whatever only they needed, in one transaction. Their digests and
  /// what is told of them stay; targets go from one end of the shortcut to the other.
  ///
  /// Throws `unknownShortcut` where there is none, and `tagBetween`, `branchBetween` or `targetBetween` where somebody needs an
  /// update between its ends; `digestMismatch` where the updates are not those that the shortcut was made of.
  public func prune(_ range: ShortcutRange) throws(JournalError) -> PruneReport {
    defer { forgetWhatWasTakenBack() }
    return try write { db in try Pruning(range, store: self, db: db).execute() }
  }

  /// Gives the room of what was dropped back to the file system. Readers that hold an older state keep it as long as they do.
  ///
  /// - Returns: the byte counts of the journal before and after, its log included.
  public func compact() throws(JournalError) -> (before: UInt64, after: UInt64) {
    if queue.configuration.readonly { throw JournalError(.readOnly, journal: path) }
    do {
      let before = byteCount
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: "VACUUM")
        _ = try db.first("PRAGMA wal_checkpoint(TRUNCATE)") { try $0.integer(0) }
      }
      return (before, byteCount)
    } catch {
      throw JournalError(wrapping: error, journal: path)
    }
  }

  private var byteCount: UInt64 {
    [path, path + "-wal"].reduce(0) { sum, path in
      let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
      return sum + (size?.uint64Value ?? 0)
    }
  }
}

/// One prune, in the caller's transaction.
private struct Pruning {
  let range: ShortcutRange
  let store: JournalStore
  let db: Database
  private let table: ShortcutTable
  private let row: ShortcutTable.Row
  private let numbers: [Int64]

  var updates: [UpdateNumber] { numbers.map { UpdateNumber($0) } }

  /// Refuses what must not be pruned.
  init(_ range: ShortcutRange, store: JournalStore, db: Database) throws {
    self.range = range
    self.store = store
    self.db = db
    table = ShortcutTable(db: db, store: store)
    for number in [range.from, range.to] { _ = try store.lineage(of: table.digest(of: number), in: db) }
    guard let row = try table.row(over: range) else {
      _ = try table.numbers(in: range)
      throw JournalError(.unknownShortcut, name: "\(range)")
    }
    self.row = row
    numbers = try table.numbers(in: range)
    if try table.range(pruning: range.to.rawValue) == range { throw JournalError(.nothingToPrune, detail: "\(range)") }
    try refuseWhoStandsBetween()
  }

  private func refuseWhoStandsBetween() throws {
    for number in numbers.dropLast() {
      let update = UpdateNumber(number)
      let digest = try table.digest(of: update)
      if let tag = try db.first("SELECT name FROM tag WHERE digest = ?", [digest], { try $0.text(0) }) {
        throw JournalError(.tagBetween, update: update, name: tag)
      }
      let branch = try db.first(
        "SELECT min(number) FROM branch JOIN update_entry ON branch_id = branch.id WHERE fork_number = ?", [number]
      ) { try $0.optionalInteger(0) }
      if let branch = branch.flatMap({ $0 }) {
        throw JournalError(.branchBetween, update: update, detail: "update \(branch) follows it on another branch")
      }
      let target = try db.first("SELECT pid, path FROM target WHERE position = ?", [digest]) {
        "process \(try $0.integer(0)) (\(try $0.text(1)))"
      }
      if let target { throw JournalError(.targetBetween, update: update, name: target) }
    }
  }

  /// Other shortcuts of which an end goes. One that reaches further on both sides stays: what it was made of is vouched for by the
  /// same skeletons.
  func losers() throws -> [ShortcutTable.Row] {
    let between = Set(numbers.dropLast())
    return try table.rows().filter {
      between.contains($0.range.from.rawValue) || between.contains($0.range.to.rawValue)
    }
  }

  func execute() throws -> PruneReport {
    try proveCovered()
    let losers = try losers()
    let payloads = PayloadTable(db: db, store: store)
    for number in numbers {
      // One that another shortcut has pruned is a skeleton already.
      if try table.range(pruning: number) == nil {
        let skeleton = try table.covered(number).skeleton
        let stored = try UpdateTable.stored(UpdateCoding.encoded(skeleton), payloads, BodyDictionaries())
        try db.run(
          "UPDATE update_entry SET content = ?, content_byte_count = ? WHERE number = ?",
          [stored.block, stored.byteCount, number])
      }
      try db.run("INSERT OR REPLACE INTO pruned VALUES (?, ?)", [number, row.id])
    }
    for loser in losers { try db.run("DELETE FROM shortcut WHERE id = ?", [loser.id]) }
    try StretchTable(db: db, store: store).drop(touching: range)
    store.forgetWhatWasTakenBack()
    try DerivedTables.renew(of: store, in: db)
    let sweep = try PayloadSweep(payloads: payloads).execute()
    return PruneReport(
      range: range, updates: updates, droppedShortcuts: losers.map(\.range), payloadCount: sweep)
  }

  /// That the shortcut is of these very updates, and that they are what their digests say, before they go.
  private func proveCovered() throws {
    _ = try table.step(row)
    guard try ShortcutCoding.coveredDigest(numbers.map { try table.covered($0) }) == row.covered else {
      throw JournalError(
        .digestMismatch, update: range.to, digest: row.digest, detail: "the shortcut is of other updates")
    }
  }
}
