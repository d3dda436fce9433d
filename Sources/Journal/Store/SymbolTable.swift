import Addressing
import GRDB

/// The base image's symbols, in the order of their addresses.
enum SymbolTable {
  static let columns = """
    base_symbol.name, base_symbol.address, base_symbol.byte_count, base_symbol.kind, base_symbol.binding,
    base_unit.name, base_unit.ordinal, base_type_digest.text, base_symbol.space
    """
  static let source = """
    base_symbol LEFT JOIN base_unit ON base_unit.id = base_symbol.unit_id
    LEFT JOIN base_type_digest ON base_type_digest.id = base_symbol.type_digest_id
    """

  private struct UnitKey: Hashable {
    var name: String
    var ordinal: UInt32
  }

  static func insert(_ symbols: [BaseSymbol], into db: Database) throws {
    var units: [UnitKey: Int64] = [:]
    var typeDigests: [String: Int64] = [:]
    let rows = try symbols.map { symbol in
      (
        space: symbol.kind == .threadLocal ? 1 : 0 as Int64,
        // An offset from the thread pointer may be negative; an address may not.
        address: symbol.kind == .threadLocal
          ? Int64(bitPattern: symbol.address.rawValue) : try stored(symbol.address, refusingWith: .invalidBase),
        symbol: symbol
      )
    }.sorted { ($0.space, $0.address) < ($1.space, $1.address) }
    var previous: (space: Int64, address: Int64, ordinal: Int64, reach: Int64)?
    for row in rows {
      let symbol = row.symbol
      let (end, overflow) = row.address.addingReportingOverflow(
        try stored(symbol.byteCount, refusingWith: .invalidBase))
      if overflow {
        throw JournalError(.invalidBase, address: symbol.address, detail: "\(symbol.name) leaves the address space")
      }
      let isFirst = previous?.space != row.space
      let ordinal = !isFirst && previous?.address == row.address ? (previous?.ordinal ?? 0) + 1 : 0
      let reach = isFirst ? end : max(end, previous?.reach ?? end)
      previous = (row.space, row.address, ordinal, reach)
      let unit = try symbol.unit.map { name in
        try intern(UnitKey(name: name, ordinal: symbol.unitOrdinal), in: &units) { id, key in
          try db.run("INSERT INTO base_unit VALUES (?, ?, ?)", [id, key.name, Int64(key.ordinal)])
        }
      }
      let typeDigest = try symbol.typeDigest.map { text in
        try intern(text, in: &typeDigests) { id, text in
          try db.run("INSERT INTO base_type_digest VALUES (?, ?)", [id, text])
        }
      }
      try db.run(
        "INSERT INTO base_symbol VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          row.space, row.address, ordinal, Int64(symbol.byteCount), Int64(symbol.kind.rawValue),
          Int64(symbol.binding.rawValue), unit, typeDigest, reach > end ? reach : nil, symbol.name,
        ])
    }
  }

  private static func intern<Key: Hashable>(
    _ key: Key, in known: inout [Key: Int64], insert: (Int64, Key) throws -> Void
  ) throws -> Int64 {
    if let id = known[key] { return id }
    let id = Int64(known.count + 1)
    try insert(id, key)
    known[key] = id
    return id
  }

  static func decode(_ row: ResultRow) throws(JournalError) -> BaseSymbol {
    let isThreadLocal = try row.integer(8) == 1
    return BaseSymbol(
      name: try row.text(0),
      address: isThreadLocal ? VirtualAddress(UInt64(bitPattern: try row.integer(1))) : try row.address(1),
      byteCount: try row.unsigned(2), kind: try row.kind(3, BaseSymbol.Kind.self),
      binding: try row.kind(4, BaseSymbol.Binding.self), unit: try row.optionalText(5),
      unitOrdinal: UInt32(truncatingIfNeeded: try row.optionalInteger(6) ?? 0), typeDigest: try row.optionalText(7))
  }
}
