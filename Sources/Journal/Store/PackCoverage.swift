import GRDB

/// Whether payloads, ascending by id, fill their packs one after the other and without a gap. Holds what packs lack that are not
/// yet full: the members of one stand close together.
struct PackCoverage {
  private let db: Database
  private var ends: [Int64: UInt64] = [:]
  private var fullCount: Int64 = 0

  init(db: Database) { self.db = db }

  /// - Returns: whether it stands where the one before it ends.
  mutating func add(_ place: PackPlace, byteCount: UInt64) throws -> Bool {
    let end = ends[place.pack] ?? 0
    let (next, overflow) = place.offset.addingReportingOverflow(byteCount)
    guard place.offset == end, !overflow else { return false }
    let whole = try db.first("SELECT byte_count FROM pack WHERE id = ?", [place.pack]) { try $0.unsigned(0) }
    ends[place.pack] = next == whole ? nil : next
    if next == whole { fullCount += 1 }
    return true
  }

  /// The packs that were not filled; one that has no member is named where all others are full.
  func unfilled() throws -> [Int64] {
    if !ends.isEmpty { return ends.keys.sorted() }
    let count = try db.first("SELECT count(*) FROM pack") { try $0.integer(0) } ?? 0
    if count == fullCount { return [] }
    return try db.all("SELECT id FROM pack WHERE id NOT IN (SELECT pack_id FROM payload WHERE pack_id IS NOT NULL)") {
      try $0.integer(0)
    }
  }
}
