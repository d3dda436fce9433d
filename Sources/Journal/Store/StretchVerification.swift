import GRDB

extension JournalVerifier {
  /// That each stretch is what the updates come to, made once more from them; one at a time.
  mutating func checkStretches() {
    check(.stretch) { verifier in
      let table = StretchTable(db: verifier.db, store: verifier.store)
      var count = 0
      try table.rows { row in
        count += row.level == 1 ? 1 : 0
        verifier.check(.stretch, update: row.range.to.rawValue) { verifier in
          if let difference = try table.difference(of: row) {
            verifier.find(.stretch, update: row.range.to.rawValue, "\(row.range): \(difference)")
          }
        }
      }
      let blocks = try verifier.db.first("SELECT count(*) FROM fresh_block") { try $0.integer(0) } ?? 0
      if blocks != Int64(count) { verifier.find(.stretch, "\(blocks) blocks of fresh bytes for \(count) stretches") }
    }
  }
}

extension StretchTable {
  /// What a row says otherwise than the updates; nil where it says the same.
  func difference(of row: Row) throws -> String? {
    var count = width
    for _ in 1..<row.level { count *= width }
    let start = (row.range.to.rawValue - 1) / count * count
    guard let made = try make(row.level, after: start, upTo: start + count, of: row.branch), made.range == row.range
    else {
      return "these updates are none that it could be made of"
    }
    if try content(of: row) != made.content { return "its operations are not what the updates come to" }
    guard let fresh = made.fresh else { return nil }
    var found: [FreshBlock] = []
    try blocks(in: row.range, of: row.branch) { block in
      guard try FreshBlockCoding.decodeAreas(block.areas) == made.areas else { return false }
      found.append(try self.block(of: block))
      return true
    }
    let expected = try FreshBlockCoding.decode(FreshBlockCoding.encode(fresh))
    return found == [expected] ? nil : "its bytes are not those that the updates have brought"
  }
}
