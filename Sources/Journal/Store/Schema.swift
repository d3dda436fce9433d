/// The schema's versions. `PRAGMA user_version` tells which one a journal has; migrations/ holds the texts.
enum Schema {
  /// `HCSJ`, at offset 68 of the file.
  static let applicationID: Int32 = 0x4843_534a

  struct Migration {
    let name: String
    let sql: [UInt8]
  }

  /// The nth takes a journal of version n − 1 to n. The folder has no list of its own; a test compares.
  static let migrations: [Migration] = [
    Migration(name: "m0001_create_journal", sql: PackageResources.m0001_create_journal_sql),
    Migration(name: "m0002_name_updates", sql: PackageResources.m0002_name_updates_sql),
    Migration(name: "m0003_sign_updates", sql: PackageResources.m0003_sign_updates_sql),
    Migration(name: "m0004_index_units", sql: PackageResources.m0004_index_units_sql),
  ]

  static var version: Int { migrations.count }

  /// Created last, over sorted rows: much faster than row by row.
  static let baseIndexes = [
    "CREATE INDEX base_symbol_by_name ON base_symbol (name)",
    "CREATE INDEX base_symbol_by_unit ON base_symbol (unit_id) WHERE unit_id IS NOT NULL",
    "CREATE INDEX base_import_by_name ON base_import (name)",
    "CREATE INDEX base_import_by_slot ON base_import (slot)",
    "CREATE INDEX base_type_by_name ON base_type (name)",
  ]
}
