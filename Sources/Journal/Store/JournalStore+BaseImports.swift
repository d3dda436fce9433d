public import Addressing
import GRDB

extension JournalStore {
  private static let importColumns = "name, version, library, addend, slot, kind"

  public func baseImports(named name: String) throws(JournalError) -> [BaseImport] {
    try lookUp { db in
      try db.all(
        "SELECT \(Self.importColumns) FROM base_import WHERE name = ? ORDER BY id", [name], Self.baseImport)
    }
  }

  /// The symbol that the loader binds into a word of the base image; nil where it binds none there.
  public func baseImport(slot: VirtualAddress) throws(JournalError) -> BaseImport? {
    guard let slot = Int64(exactly: slot.rawValue) else { return nil }
    return try lookUp { db in
      try db.first(
        "SELECT \(Self.importColumns) FROM base_import WHERE slot = ? ORDER BY id LIMIT 1", [slot], Self.baseImport)
    }
  }

  private static func baseImport(_ row: ResultRow) throws -> BaseImport {
    BaseImport(
      symbol: ImportedSymbol(
        name: try row.text(0), version: try row.optionalText(1), library: try row.optionalText(2),
        addend: try row.integer(3)),
      slot: try row.address(4), kind: try row.kind(5, BaseImport.Kind.self))
  }
}
