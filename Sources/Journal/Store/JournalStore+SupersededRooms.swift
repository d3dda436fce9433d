public import Addressing
import GRDB

/// A body in the arena that its function has left, and that stands there as it was placed.
public struct SupersededRoom: Hashable, Sendable {
  public var placed: PlacedAtom
  /// The update that gave the function another body.
  public var supersededBy: UpdateNumber

  /// What it may fill: the arena hands out code in steps of 16 bytes.
  public var range: AddressRange {
    let body = placed.placement.body
    return AddressRange(
      validating: body.start, byteCount: (max(body.byteCount, placed.placement.capacity) &+ 15) & ~15) ?? body
  }

  public init(placed: PlacedAtom, supersededBy: UpdateNumber) {
    self.placed = placed
    self.supersededBy = supersededBy
  }
}

extension JournalStore {
  /// The bodies that functions had on the way to an update, and that none of the last updates on it needs: going back by
  /// as many as are kept leads to none of them. Oldest first.
  ///
  /// Reads every placement on the way: to be asked only when there is no other room.
  /// - Parameter count: how many updates, the one that follows included, are kept; at least 1.
  public func supersededRooms(at digest: Digest, keeping count: Int) throws(JournalError) -> [SupersededRoom] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard let oldest = try ancestor(max(count, 1) - 1, of: lineage, in: db) else { return [] }
      let rows = try PlacementTable(db: db).rows(on: lineage)
      let overwritten = OverwrittenBodies.indexes(in: rows)
      var newest: [Int64: PlacementRow] = [:]
      for row in rows { newest[row.atom] = row }
      // An alias may stay behind in the body.
      let current = Set(newest.values.compactMap { $0.placement?.body.start })
      var former: [Int64: Int] = [:]
      var rooms: [SupersededRoom] = []
      for (index, row) in rows.enumerated() where row.kind == .function {
        defer { former[row.atom] = index }
        guard row.from <= oldest, let before = former[row.atom], !overwritten.contains(before),
          let old = rows[before].placement, !current.contains(old.body.start), base.arena.code.contains(old.body),
          // Whoever has the function's address comes to the newest body by way of the cell.
          let cell = old.cell, newest[row.atom]?.placement?.cell == cell,
          let placed = PlacedAtom(rows[before], isCurrent: false)
        else { continue }
        rooms.append(SupersededRoom(placed: placed, supersededBy: UpdateNumber(row.from)))
      }
      return rooms
    }
  }

  /// The number of the update that lies so many steps before the end of a lineage; nil where the way is shorter.
  private func ancestor(_ steps: Int, of lineage: Lineage, in db: Database) throws -> Int64? {
    var left = steps
    for reach in lineage.path {
      let numbers = try db.all(
        "SELECT number FROM update_entry WHERE branch_id = ? AND number <= ? ORDER BY number DESC LIMIT ?",
        [reach.branch, reach.limit, left + 1]
      ) { try $0.integer(0) }
      if numbers.count > left { return numbers[left] }
      left -= numbers.count
    }
    return nil
  }
}
