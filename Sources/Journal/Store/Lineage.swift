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
  func lineage(of digest: Digest, in db: Database) throws -> Lineage {
    if digest == base.digest { return .base }
    if let known = lineages[digest] { return known }
    let place = try db.first("SELECT number, branch_id FROM update_entry WHERE digest = ?", [Data(digest)]) {
      (number: try $0.integer(0), branch: try $0.integer(1))
    }
    guard let place else { throw JournalError(.unknownDigest, digest: digest) }
    let lineage = try Lineage(number: place.number, branch: place.branch, in: db)
    lineages.insert(lineage, for: digest)
    return lineage
  }
}
