import Addressing
import Foundation
import GRDB

extension JournalStore {
  private static let summaryColumns = """
    entry.number, entry.digest, parent.digest, entry.parent_number, entry.time, entry.author, entry.message,
    entry.source_revision, entry.operation_count, entry.atom_count, shortcut.from_number, shortcut.to_number
    """
  private static let summarySource = """
    update_entry AS entry LEFT JOIN update_entry AS parent ON parent.number = entry.parent_number
      LEFT JOIN pruned ON pruned.number = entry.number LEFT JOIN shortcut ON shortcut.id = pruned.shortcut_id
    """

  /// The newest update by number; nil while there is none.
  public func head() throws(JournalError) -> UpdateSummary? {
    try log(limit: 1).first
  }

  public func summary(_ number: UpdateNumber) throws(JournalError) -> UpdateSummary {
    guard let found = try summaries("WHERE entry.number = ?", [number.rawValue]).first else {
      throw JournalError(.unknownUpdate, journal: path, update: number)
    }
    return found
  }

  public func summary(digest: Digest) throws(JournalError) -> UpdateSummary {
    guard let found = try summaries("WHERE entry.digest = ?", [digest]).first else {
      throw JournalError(.unknownDigest, journal: path, digest: digest)
    }
    return found
  }

  /// Newest first, of all branches.
  ///
  /// - Parameter before: only updates of smaller numbers.
  public func log(limit: Int = .max, before: UpdateNumber? = nil) throws(JournalError) -> [UpdateSummary] {
    try summaries(
      "WHERE entry.number < ? ORDER BY entry.number DESC LIMIT ?", [before?.rawValue ?? Int64.max, Int64(limit)])
  }

  /// The children of an update, or of the base image, oldest first.
  public func children(of digest: Digest) throws(JournalError) -> [UpdateSummary] {
    let number = try number(of: digest)
    // A child is the parent's successor on its branch, or the first of a branch that forks there.
    return try summaries(
      """
      WHERE entry.parent_number = ?1 AND entry.number IN (
        SELECT min(number) FROM update_entry WHERE number > ?1 AND branch_id = (
          SELECT branch_id FROM update_entry WHERE number = ?1 UNION ALL SELECT 0 WHERE ?1 = 0)
        UNION ALL
        SELECT (SELECT min(number) FROM update_entry WHERE branch_id = branch.id) FROM branch WHERE fork_number = ?1)
      ORDER BY entry.number
      """, [number.rawValue])
  }

  /// The digest of an update; the base image's for number 0.
  public func digest(of number: UpdateNumber) throws(JournalError) -> Digest {
    number == .base ? base.digest : try summary(number).digest
  }

  /// The number of an update; 0 for the base image's digest.
  public func number(of digest: Digest) throws(JournalError) -> UpdateNumber {
    try lookUp { UpdateNumber(try lineage(of: digest, in: $0).number) }
  }

  /// Given out only when its bytes are what its digest says. Throws `prunedUpdate` where they are no longer there.
  public func update(_ number: UpdateNumber) throws(JournalError) -> Update {
    try lookUp { db in
      if let range = try ShortcutTable(db: db, store: self).range(pruning: number.rawValue) {
        throw JournalError(pruned: number, into: range)
      }
      return try update(number.rawValue, in: db)
    }
  }

  /// The update that has the bytes of this one: itself, or the step that stands for it since it was pruned, which has the number
  /// and the digest of the update that it leads to.
  public func update(holding number: UpdateNumber) throws(JournalError) -> Update {
    try lookUp { try update(number.rawValue, in: $0) }
  }

  /// The numbers of all updates whose bytes are there, and of those that shortcuts lead to in place of pruned ones: each of them
  /// once for `update(holding:)`, ascending.
  public func numbersWithContent() throws(JournalError) -> [UpdateNumber] {
    try lookUp { db in
      try db.all(
        """
        SELECT entry.number FROM update_entry AS entry
          LEFT JOIN pruned ON pruned.number = entry.number LEFT JOIN shortcut ON shortcut.id = pruned.shortcut_id
        WHERE shortcut.to_number IS NULL OR shortcut.to_number = entry.number ORDER BY entry.number
        """
      ) { UpdateNumber(try $0.integer(0)) }
    }
  }

  /// What is kept of an update whether it is pruned or not: who recorded it, its atoms and types.
  public func skeleton(_ number: UpdateNumber) throws(JournalError) -> UpdateContent {
    try lookUp { try ShortcutTable(db: $0, store: self).covered(number.rawValue).skeleton }
  }

  public func update(digest: Digest) throws(JournalError) -> Update {
    try lookUp { db in
      let number = try db.first("SELECT number FROM update_entry WHERE digest = ?", [digest]) {
        try $0.integer(0)
      }
      guard let number else { throw JournalError(.unknownDigest, digest: digest) }
      if let range = try ShortcutTable(db: db, store: self).range(pruning: number) {
        throw JournalError(pruned: UpdateNumber(number), into: range)
      }
      return try update(number, in: db)
    }
  }

  /// The way from one update to another: back to the last one they share, then forward. The base image's digest stands
  /// for itself at either end; nothing is to be done between equals.
  public func steps(from: Digest, to: Digest) throws(JournalError) -> [Step] {
    try steps(of: way(from: from, to: to)[...])
  }

  /// The updates on the way from one to another, none of them read yet.
  public func way(from: Digest, to: Digest) throws(JournalError) -> [WayStep] {
    try lookUp { db in
      var origin = try lineage(of: from, in: db).number
      var destination = try lineage(of: to, in: db).number
      var backward: [WayStep] = []
      var forward: [WayStep] = []
      // A parent's number is smaller than its child's: the larger of the two is never shared.
      while origin != destination {
        let number = max(origin, destination)
        let parent = try ShortcutTable(db: db, store: self).position(before: number)
        guard let parent, parent < number else {
          throw JournalError(.damaged, update: UpdateNumber(number), detail: "its parent does not come before it")
        }
        if origin > destination {
          backward.append(WayStep(update: UpdateNumber(number), direction: .backward))
          origin = parent
        } else {
          forward.append(WayStep(update: UpdateNumber(number), direction: .forward))
          destination = parent
        }
      }
      return backward + forward.reversed()
    }
  }

  /// A part of a way with its updates, each given out only when its bytes are what its digest says.
  public func steps(of way: ArraySlice<WayStep>) throws(JournalError) -> [Step] {
    try lookUp { db in
      try way.map { Step(update: try update($0.update.rawValue, in: db), direction: $0.direction) }
    }
  }

  func summaries(
    _ condition: String, _ values: [(any StatementValue)?]
  ) throws(JournalError) -> [UpdateSummary] {
    try lookUp { db in
      try db.all("SELECT \(Self.summaryColumns) FROM \(Self.summarySource) \(condition)", values) { row in
        let parentNumber = UpdateNumber(try row.integer(3))
        return UpdateSummary(
          number: UpdateNumber(try row.integer(0)), digest: try row.digest(1),
          parent: parentNumber == .base ? base.digest : try row.digest(2), parentNumber: parentNumber,
          time: try row.integer(4), author: try row.text(5), message: try row.text(6),
          sourceRevision: try row.optionalText(7), operationCount: Int(try row.integer(8)),
          atomCount: Int(try row.integer(9)), pruned: try ShortcutRange(row, from: 10))
      }
    }
  }
}
