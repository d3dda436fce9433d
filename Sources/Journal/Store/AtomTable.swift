import GRDB

/// Atoms' identities, each with a small number.
struct AtomTable {
  let db: Database

  func id(of atom: AtomIdentity) throws -> Int64? {
    try db.first(
      """
      SELECT id FROM atom WHERE name = ? AND unit IS ? AND unit_ordinal = ? AND enclosing_function IS ?
        AND variant IS ?
      """, [atom.name, atom.unit, Int64(atom.unitOrdinal), atom.enclosingFunction, atom.variant]
    ) { try $0.integer(0) }
  }

  func insert(_ atom: AtomIdentity) throws -> Int64 {
    try db.run(
      "INSERT INTO atom (name, unit, unit_ordinal, enclosing_function, variant) VALUES (?, ?, ?, ?, ?)",
      [atom.name, atom.unit, Int64(atom.unitOrdinal), atom.enclosingFunction, atom.variant])
    return db.lastInsertedRowID
  }

  func ids(named name: String) throws -> [Int64] {
    try db.all("SELECT id FROM atom WHERE name = ? ORDER BY id", [name]) { try $0.integer(0) }
  }

  /// The five columns of an identity, in the order of the table.
  static func decode(_ row: ResultRow, from index: Int) throws(JournalError) -> AtomIdentity {
    AtomIdentity(
      name: try row.text(index), unit: try row.optionalText(index + 1),
      unitOrdinal: UInt32(truncatingIfNeeded: try row.integer(index + 2)),
      enclosingFunction: try row.optionalText(index + 3), variant: try row.optionalText(index + 4))
  }
}
