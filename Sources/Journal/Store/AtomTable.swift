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

  func intern(_ atom: AtomIdentity) throws -> Int64 {
    if let id = try id(of: atom) { return id }
    try db.run(
      "INSERT INTO atom (name, unit, unit_ordinal, enclosing_function, variant) VALUES (?, ?, ?, ?, ?)",
      [atom.name, atom.unit, Int64(atom.unitOrdinal), atom.enclosingFunction, atom.variant])
    return db.lastInsertedRowID
  }

  func ids(named name: String) throws -> [Int64] {
    try db.all("SELECT id FROM atom WHERE name = ? ORDER BY id", [name]) { try $0.integer(0) }
  }

  func identity(_ id: Int64) throws -> AtomIdentity {
    let atom = try db.first(
      "SELECT name, unit, unit_ordinal, enclosing_function, variant FROM atom WHERE id = ?", [id]
    ) { row in
      AtomIdentity(
        name: try row.text(0), unit: try row.optionalText(1),
        unitOrdinal: UInt32(truncatingIfNeeded: try row.integer(2)), enclosingFunction: try row.optionalText(3),
        variant: try row.optionalText(4))
    }
    guard let atom else { throw JournalError(.damaged, detail: "atom \(id) is missing") }
    return atom
  }
}
