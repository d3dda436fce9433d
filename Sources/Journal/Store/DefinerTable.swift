import GRDB

/// Which units have defined atoms that other files see.
struct DefinerTable {
  let db: Database

  func intern(_ unit: CompilationUnit, of atom: Int64) throws -> Int64 {
    let known = try db.first(
      "SELECT id FROM definer WHERE unit = ? AND unit_ordinal = ? AND global_id = ?",
      [unit.name, Int64(unit.ordinal), atom]
    ) { try $0.integer(0) }
    if let known { return known }
    try db.run(
      "INSERT INTO definer (unit, unit_ordinal, global_id) VALUES (?, ?, ?)", [unit.name, Int64(unit.ordinal), atom])
    return db.lastInsertedRowID
  }

  /// The atoms that a unit has defined in any update.
  func atoms(of unit: CompilationUnit) throws -> [Int64] {
    try db.all(
      "SELECT global_id FROM definer WHERE unit = ? AND unit_ordinal = ? ORDER BY global_id",
      [unit.name, Int64(unit.ordinal)]
    ) { try $0.integer(0) }
  }

  /// The two columns of a unit.
  static func decode(_ row: ResultRow, from index: Int) throws(JournalError) -> CompilationUnit? {
    guard let name = try row.optionalText(index) else { return nil }
    return CompilationUnit(
      name: name, ordinal: UInt32(truncatingIfNeeded: try row.optionalInteger(index + 1) ?? 0))
  }
}
