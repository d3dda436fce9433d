import Foundation
import GRDB

extension JournalVerifier {
  /// That each shortcut is what its digest says, of the very updates that it covers, and that all of those are pruned or none.
  mutating func checkShortcuts() {
    check(.shortcut) { verifier in
      let table = ShortcutTable(db: verifier.db, store: verifier.store)
      for row in try table.rows() {
        verifier.check(.shortcut, update: row.range.to.rawValue) { verifier in
          let number = row.range.to.rawValue
          _ = try table.step(row)
          let numbers = try table.numbers(in: row.range)
          guard try ShortcutCoding.coveredDigest(numbers.map { try table.covered($0) }) == row.covered else {
            return verifier.find(
              .shortcut, update: number, "\(row.range) is of other updates than those that are there")
          }
          let pruned = try numbers.filter { try table.range(pruning: $0) == row.range }
          if !pruned.isEmpty, pruned.count != numbers.count {
            verifier.find(.shortcut, update: number, "of \(numbers.count) updates only \(pruned.count) are pruned")
          }
        }
      }
    }
  }
}
