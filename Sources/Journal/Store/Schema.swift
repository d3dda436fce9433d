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
    Migration(name: "m0005_tell_definers", sql: PackageResources.m0005_tell_definers_sql),
    Migration(name: "m0006_index_functions", sql: PackageResources.m0006_index_functions_sql),
    Migration(name: "m0007_compress_contents", sql: PackageResources.m0007_compress_contents_sql),
    Migration(name: "m0008_squash_updates", sql: PackageResources.m0008_squash_updates_sql),
    Migration(name: "m0009_note_intents", sql: PackageResources.m0009_note_intents_sql),
    Migration(name: "m0010_pack_payloads", sql: PackageResources.m0010_pack_payloads_sql),
    Migration(name: "m0011_keep_stretches", sql: PackageResources.m0011_keep_stretches_sql),
    Migration(name: "m0012_index_variants", sql: PackageResources.m0012_index_variants_sql),
  ]

  static var version: Int { migrations.count }
  /// From here on recording makes stretches.
  static let versionWithStretches = 11

  /// Created last, over sorted rows: much faster than row by row.
  static let baseIndexes = [
    "CREATE INDEX base_symbol_by_name ON base_symbol (name)",
    "CREATE INDEX base_symbol_by_unit ON base_symbol (unit_id) WHERE unit_id IS NOT NULL",
    "CREATE INDEX base_import_by_name ON base_import (name)",
    "CREATE INDEX base_import_by_slot ON base_import (slot)",
    "CREATE INDEX base_type_by_name ON base_type (name)",
  ]
}
