import Addressing
import Foundation
import GRDB

/// The way from the base image to an update: which part of which branch lies on it.
///
/// Numbers grow along every branch, and from a branch's fork on: so "on the way to" is one comparison for each branch,
/// and what is valid at an update is found without walking the updates before it.
struct Lineage: Sendable {
  struct Reach: Sendable {
    var branch: Int64
    /// The last number of the branch that is on the way.
    var limit: Int64
  }

  var number: Int64
  /// From the update's own branch back to the base's.
  var path: [Reach]

  static let base = Lineage(number: 0, path: [Reach(branch: 0, limit: 0)])

  var branch: Int64 { path.first?.branch ?? 0 }

  /// The way to a child of the update, on the same branch or on one that begins with it.
  func extended(to child: Int64, on branch: Int64) -> Lineage {
    let rest = branch == self.branch ? path.dropFirst() : path[...]
    return Lineage(number: child, path: [Reach(branch: branch, limit: child)] + rest)
  }
}

extension Lineage {
  init(number: Int64, branch: Int64, in db: Database) throws {
    self.number = number
    path = [Reach(branch: branch, limit: number)]
    var current = branch
    while current != 0 {
      let parent = try db.first("SELECT parent_id, fork_number FROM branch WHERE id = ?", [current]) {
        Reach(branch: try $0.integer(0), limit: try $0.integer(1))
      }
      guard let parent, parent.branch < current else {
        throw JournalError(.damaged, update: UpdateNumber(number), detail: "branch \(current) has no parent")
      }
      path.append(parent)
      current = parent.branch
    }
  }
}

extension JournalStore {
  /// Throws `prunedUpdate` where nothing can stand any more.
  func lineage(of digest: Digest, in db: Database) throws -> Lineage {
    if digest == base.digest { return .base }
    if let known = lineages[digest] {
      // Another process may have pruned meanwhile what was there.
      if let range = try ShortcutTable(db: db, store: self).range(pruning: known.number),
        range.to.rawValue != known.number
      {
        throw JournalError(pruned: UpdateNumber(known.number), into: range)
      }
      return known
    }
    let place = try db.first(
      """
      SELECT entry.number, entry.branch_id, shortcut.from_number, shortcut.to_number FROM update_entry AS entry
        LEFT JOIN pruned ON pruned.number = entry.number LEFT JOIN shortcut ON shortcut.id = pruned.shortcut_id
      WHERE entry.digest = ?
      """, [digest]
    ) { row in
      (number: try row.integer(0), branch: try row.integer(1), pruned: try ShortcutRange(row, from: 2))
    }
    guard let place else { throw JournalError(.unknownDigest, digest: digest) }
    if let range = place.pruned, range.to.rawValue != place.number {
      throw JournalError(pruned: UpdateNumber(place.number), into: range)
    }
    let lineage = try Lineage(number: place.number, branch: place.branch, in: db)
    lineages.insert(lineage, for: digest)
    return lineage
  }
}
