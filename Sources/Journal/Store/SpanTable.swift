import Addressing
import GRDB

/// Which operation wrote where, found by address.
struct SpanTable {
  /// One span's newest writer on a lineage.
  struct Hit {
    var start: UInt64
    var byteCount: UInt64
    var number: Int64
    var operation: Int
    var part: Int
  }

  let db: Database

  /// For each distinct range that overlaps `start ..< end`, its newest writer on the lineage; in the order written.
  ///
  /// An older writer of exactly the same range is covered by the newer one and is never looked at: the cost is that of
  /// the answer, not of the history.
  func hits(_ space: Span.Space, from start: UInt64, to end: UInt64, on lineage: Lineage) throws -> [Hit] {
    let start = Int64(clamping: start)
    let end = Int64(clamping: end)
    var hits: [Hit] = []
    var sizeClass: Int64 = -1
    while let next = try nextSizeClass(in: space, after: sizeClass) {
      sizeClass = next
      let reach = Int64(clamping: SizeClass.largest(in: sizeClass))
      var place: (address: Int64, byteCount: Int64) = (start - min(start, reach), -1)
      while let found = try nextPlace(in: space, sizeClass, after: place, before: end) {
        place = found
        let (limit, overflow) = found.address.addingReportingOverflow(found.byteCount)
        if overflow || limit <= start { continue }
        if let hit = try newest(in: space, sizeClass, at: found, on: lineage) { hits.append(hit) }
      }
    }
    return hits.sorted { ($0.number, $0.operation, $0.part) < ($1.number, $1.operation, $1.part) }
  }

  /// The newest change of the file's length on a lineage.
  func lengthHit(on lineage: Lineage) throws -> Hit? {
    try newest(in: .length, SizeClass.of(0), at: (0, 0), on: lineage)
  }

  private func nextSizeClass(in space: Span.Space, after sizeClass: Int64) throws -> Int64? {
    try db.first(
      "SELECT min(size_class) FROM span WHERE space = ? AND size_class > ?", [space.rawValue, sizeClass]
    ) { try $0.optionalInteger(0) }.flatMap { $0 }
  }

  /// Two statements: for a comparison of both columns at once SQLite begins at the first row of the place that it is to pass, and
  /// walks all writers there (`EXPLAIN`: SeekGE and a filter).
  private func nextPlace(
    in space: Span.Space, _ sizeClass: Int64, after place: (address: Int64, byteCount: Int64), before end: Int64
  ) throws -> (address: Int64, byteCount: Int64)? {
    let longer = try db.first(
      """
      SELECT byte_count FROM span WHERE space = ? AND size_class = ? AND address = ? AND byte_count > ?
      ORDER BY byte_count LIMIT 1
      """, [space.rawValue, sizeClass, place.address, place.byteCount]
    ) { (place.address, try $0.integer(0)) }
    return try longer
      ?? db.first(
        """
        SELECT address, byte_count FROM span WHERE space = ? AND size_class = ? AND address > ? AND address < ?
        ORDER BY address, byte_count LIMIT 1
        """, [space.rawValue, sizeClass, place.address, end]
      ) { (try $0.integer(0), try $0.integer(1)) }
  }

  private func newest(
    in space: Span.Space, _ sizeClass: Int64, at place: (address: Int64, byteCount: Int64), on lineage: Lineage
  ) throws -> Hit? {
    for reach in lineage.path {
      let hit = try db.first(
        """
        SELECT number, operation, part FROM span
        WHERE space = ? AND size_class = ? AND address = ? AND byte_count = ? AND branch_id = ? AND number <= ?
        ORDER BY number DESC, operation DESC, part DESC LIMIT 1
        """, [space.rawValue, sizeClass, place.address, place.byteCount, reach.branch, reach.limit]
      ) { row in
        Hit(
          start: UInt64(clamping: place.address), byteCount: UInt64(clamping: place.byteCount),
          number: try row.integer(0), operation: Int(try row.integer(1)), part: Int(try row.integer(2)))
      }
      if let hit { return hit }
    }
    return nil
  }
}
