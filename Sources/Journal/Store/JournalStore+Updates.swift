import Addressing
import Foundation
import GRDB

extension JournalStore {
  private static let summaryColumns = """
    entry.number, entry.digest, parent.digest, entry.parent_number, entry.time, entry.author, entry.message,
    entry.source_revision, entry.operation_count, entry.atom_count
    """
  private static let summarySource =
    "update_entry AS entry LEFT JOIN update_entry AS parent ON parent.number = entry.parent_number"

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
    guard let found = try summaries("WHERE entry.digest = ?", [Data(digest)]).first else {
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

  /// Given out only when its bytes are what its digest says.
  public func update(_ number: UpdateNumber) throws(JournalError) -> Update {
    try lookUp { try update(number.rawValue, in: $0) }
  }

  public func update(digest: Digest) throws(JournalError) -> Update {
    try lookUp { db in
      let number = try db.first("SELECT number FROM update_entry WHERE digest = ?", [Data(digest)]) {
        try $0.integer(0)
      }
      guard let number else { throw JournalError(.unknownDigest, digest: digest) }
      return try update(number, in: db)
    }
  }

  /// The way from one update to another: back to the last one they share, then forward. The base image's digest stands
  /// for itself at either end; nothing is to be done between equals.
  public func steps(from: Digest, to: Digest) throws(JournalError) -> [Step] {
    try lookUp { db in
      var origin = try lineage(of: from, in: db).number
      var destination = try lineage(of: to, in: db).number
      var backward: [Step] = []
      var forward: [Step] = []
      // A parent's number is smaller than its child's: the larger of the two is never shared.
      while origin != destination {
        let update = try update(max(origin, destination), in: db)
        let parent = try lineage(of: update.parent, in: db).number
        if origin > destination {
          backward.append(Step(update: update, direction: .backward))
          origin = parent
        } else {
          forward.append(Step(update: update, direction: .forward))
          destination = parent
        }
      }
      return backward + forward.reversed()
    }
  }

  func summaries(
    _ condition: String, _ arguments: StatementArguments
  ) throws(JournalError) -> [UpdateSummary] {
    try lookUp { db in
      try db.all("SELECT \(Self.summaryColumns) FROM \(Self.summarySource) \(condition)", arguments) { row in
        let parentNumber = UpdateNumber(try row.integer(3))
        return UpdateSummary(
          number: UpdateNumber(try row.integer(0)), digest: try row.digest(1),
          parent: parentNumber == .base ? base.digest : try row.digest(2), parentNumber: parentNumber,
          time: try row.integer(4), author: try row.text(5), message: try row.text(6),
          sourceRevision: try row.optionalText(7), operationCount: Int(try row.integer(8)),
          atomCount: Int(try row.integer(9)))
      }
    }
  }
}
