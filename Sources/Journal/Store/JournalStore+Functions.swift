import GRDB

/// Where a function stands that some update has touched.
public struct FunctionPlaces: Hashable, Sendable {
  /// In the base image; nil where it has none.
  public var base: Placement?
  /// At the update that was asked for; nil where it is not there.
  public var current: Placement?
}

extension JournalStore {
  /// All functions that any update of any branch has touched: what is asked for grows with the functions, and not with how
  /// often they have changed.
  public func functionPlaces(at digest: Digest) throws(JournalError) -> [FunctionPlaces] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      let table = PlacementTable(db: db)
      var functions: [FunctionPlaces] = []
      var last: Int64 = -1
      while let atom = try table.function(after: last) {
        last = atom
        functions.append(
          FunctionPlaces(base: try table.place(of: atom, at: .base), current: try table.place(of: atom, at: lineage)))
      }
      return functions
    }
  }
}

extension PlacementTable {
  /// The next atom by number that has been a function.
  fileprivate func function(after atom: Int64) throws -> Int64? {
    // AtomKind.function; a number in the text, for the index has it.
    try db.first("SELECT atom_id FROM placement WHERE kind = 1 AND atom_id > ? ORDER BY atom_id LIMIT 1", [atom]) {
      try $0.integer(0)
    }
  }

  /// As `row(of:at:)`, without all that belongs to the body.
  fileprivate func place(of atom: Int64, at lineage: Lineage) throws -> Placement? {
    for reach in lineage.path {
      let found = try db.first(
        """
        SELECT body_address, body_byte_count, capacity, entry, cell FROM placement
        WHERE atom_id = ? AND branch_id = ? AND from_number <= ? ORDER BY from_number DESC LIMIT 1
        """, [atom, reach.branch, reach.limit]
      ) { try Self.placement($0, from: 0) }
      if let found { return found }
    }
    return nil
  }
}
