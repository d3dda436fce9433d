public import Addressing
import GRDB

/// What the linker asks of the base image. Each answer costs a few pages, however large the image is.
extension JournalStore {
  public func baseSymbols(named name: String) throws(JournalError) -> [BaseSymbol] {
    try symbols(where: "base_symbol.name = ?", [name])
  }

  /// The same for many names at once, which costs much less than one by one. A name without symbols is not in the
  /// answer.
  public func baseSymbols(named names: some Collection<String>) throws(JournalError) -> [String: [BaseSymbol]] {
    let found = try lookUp { db in
      try db.all(
        namedOneOf: names,
        "SELECT \(SymbolTable.columns) FROM \(SymbolTable.source) WHERE base_symbol.name IN",
        orderedBy: "base_symbol.name, space, address, base_symbol.ordinal", SymbolTable.decode)
    }
    return Dictionary(grouping: found, by: \.name)
  }

  /// The local symbols of one compilation unit (`AtomIdentity.unit`, `.unitOrdinal`).
  public func baseSymbols(inUnit name: String, ordinal: UInt32) throws(JournalError) -> [BaseSymbol] {
    try symbols(
      where: "base_symbol.unit_id = (SELECT id FROM base_unit WHERE name = ? AND ordinal = ?)",
      [name, Int64(ordinal)])
  }

  /// Symbols of no size count where they stand in the range. Thread-local ones have no address and are never among
  /// them. Ascending by address.
  public func baseSymbols(overlapping range: AddressRange) throws(JournalError) -> [BaseSymbol] {
    let (start, end) = searchable(range)
    return try lookUp { db in
      let cursor = try db.cursor(
        """
        SELECT \(SymbolTable.columns), max(base_symbol.address + base_symbol.byte_count, ifnull(reach, 0))
        FROM \(SymbolTable.source) WHERE space = 0 AND address < ? ORDER BY address DESC, base_symbol.ordinal DESC
        """, [end])
      var found: [BaseSymbol] = []
      while let row = try cursor.next() {
        let symbol = try SymbolTable.decode(row)
        let address = try row.integer(1)
        // Beyond this one no symbol reaches into the range, and none of size 0 stands in it.
        if try row.integer(9) <= start && address < start { break }
        if address >= start || address + Int64(symbol.byteCount) > start { found.append(symbol) }
      }
      return found.reversed()
    }
  }

  /// The symbol that best names an address: of those that contain it the innermost, global before weak before local.
  public func baseSymbol(containing address: VirtualAddress) throws(JournalError) -> BaseSymbol? {
    guard let range = AddressRange(validating: address, byteCount: 1) else { return nil }
    let candidates = try baseSymbols(overlapping: range).filter { $0.byteCount > 0 }
    func rank(_ symbol: BaseSymbol) -> Int {
      switch symbol.binding {
      case .global: 2
      case .weak: 1
      case .local: 0
      }
    }
    return candidates.max { ($0.address.rawValue, rank($0)) < ($1.address.rawValue, rank($1)) }
  }

  /// The ordinals of all units of a name.
  public func units(named name: String) throws(JournalError) -> [UInt32] {
    try lookUp { db in
      try db.all("SELECT ordinal FROM base_unit WHERE name = ? ORDER BY ordinal", [name]) {
        UInt32(truncatingIfNeeded: try $0.integer(0))
      }
    }
  }

  /// The layouts of a type in the base image; several where units disagree.
  public func baseTypes(named name: String) throws(JournalError) -> [TypeLayout] {
    try lookUp { try Self.baseTypes(named: name, in: $0) }
  }

  /// The layouts known at an update: those of the base image and those that the updates up to it brought.
  public func types(named name: String, at digest: Digest) throws(JournalError) -> [TypeLayout] {
    try lookUp { db in
      var found = try Self.baseTypes(named: name, in: db)
      for reach in try lineage(of: digest, in: db).path.reversed() {
        found += try db.all(
          """
          SELECT name, byte_count, layout FROM update_type WHERE name = ? AND branch_id = ? AND number <= ?
          ORDER BY number, ordinal
          """, [name, reach.branch, reach.limit], Self.typeLayout)
      }
      return found
    }
  }

  /// In the order of the image's needs.
  public func libraries() throws(JournalError) -> [BaseContent.Library] {
    try lookUp { db in
      try db.all("SELECT soname, path, build_id FROM base_library ORDER BY ordinal") { row in
        BaseContent.Library(
          soname: try row.text(0), path: try row.optionalText(1), buildID: try row.optionalBlob(2))
      }
    }
  }

  private static func baseTypes(named name: String, in db: Database) throws -> [TypeLayout] {
    try db.all("SELECT name, byte_count, layout FROM base_type WHERE name = ? ORDER BY id", [name], typeLayout)
  }

  private static func typeLayout(_ row: ResultRow) throws -> TypeLayout {
    TypeLayout(name: try row.text(0), byteCount: try row.unsigned(1), layout: try row.text(2))
  }

  private func symbols(where condition: String, _ values: [(any StatementValue)?]) throws(JournalError) -> [BaseSymbol]
  {
    try lookUp { db in
      try db.all(
        """
        SELECT \(SymbolTable.columns) FROM \(SymbolTable.source) WHERE \(condition)
        ORDER BY space, address, base_symbol.ordinal
        """, values, SymbolTable.decode)
    }
  }
}
