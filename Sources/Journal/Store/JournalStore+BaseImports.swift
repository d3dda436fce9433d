public import Addressing
import GRDB

extension JournalStore {
  /// The symbol that the loader binds into a word of the base image; nil where it binds none there.
  public func baseImport(slot: VirtualAddress) throws(JournalError) -> BaseImport? {
    try lookUp { db in
      try db.all(
        "SELECT name, version, library, addend, slot, kind FROM base_import WHERE slot = ? ORDER BY id LIMIT 1",
        [Int64(bitPattern: slot.rawValue)]
      ) { row in
        BaseImport(
          symbol: ImportedSymbol(
            name: try row.text(0), version: try row.optionalText(1), library: try row.optionalText(2),
            addend: try row.integer(3)),
          slot: try row.address(4), kind: try row.kind(5, BaseImport.Kind.self))
      }.first
    }
  }
}
