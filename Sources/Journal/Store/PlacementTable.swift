import Addressing
import GRDB

/// Where an atom stands from one update of a branch until another.
struct PlacementRow {
  var atom: Int64
  var identity: AtomIdentity
  var branch: Int64
  /// 0 for where the base image has it.
  var from: Int64
  /// The update of the same branch that changed it next.
  var until: Int64?
  var kind: AtomKind
  /// Nil for the base image's own.
  var change: AtomChange.Kind?
  /// Nil from the update on that removed it.
  var placement: Placement?
  var typeDigest: String?
  /// Its bytes, masked: where they are kept, and their digest.
  var payload: Int64?
  /// Where the lines of the body are kept, unless in the update itself.
  var lines: Int64?
  var content: Digest?
  var definer: CompilationUnit?
}

struct PlacementTable {
  private static let selection = """
    SELECT atom_id, branch_id, from_number, until_number, kind, change, body_address, body_byte_count, capacity, entry,
      cell, type_digest, payload_id, atom.name, atom.unit, atom.unit_ordinal, atom.enclosing_function, atom.variant,
      payload.digest, lines_id, definer.unit, definer.unit_ordinal
    FROM placement JOIN atom ON atom.id = placement.atom_id LEFT JOIN payload ON payload.id = placement.payload_id
      LEFT JOIN definer ON definer.id = placement.definer_id
    """

  let db: Database

  /// As much of the row that holds at the end of a lineage as recording needs.
  func newest(of atom: Int64, at lineage: Lineage) throws -> RecordingMemory.NewestPlacement? {
    for reach in lineage.path {
      let row = try db.first(
        """
        SELECT branch_id, from_number, payload_id, lines_id FROM placement
        WHERE atom_id = ? AND branch_id = ? AND from_number <= ? ORDER BY from_number DESC LIMIT 1
        """, [atom, reach.branch, reach.limit]
      ) { row in
        RecordingMemory.NewestPlacement(
          branch: try row.integer(0), from: try row.integer(1), payload: try row.optionalInteger(2),
          lines: try row.optionalInteger(3))
      }
      if let row { return row }
    }
    return nil
  }

  /// The row that holds at the end of a lineage; nil where no update on it, nor the base row, knows the atom.
  func row(of atom: Int64, at lineage: Lineage) throws -> PlacementRow? {
    for reach in lineage.path {
      let row = try db.first(
        """
        \(Self.selection) WHERE atom_id = ? AND branch_id = ? AND from_number <= ?
        ORDER BY from_number DESC LIMIT 1
        """, [atom, reach.branch, reach.limit], Self.decode)
      if let row { return row }
    }
    return nil
  }

  /// All rows of an atom on a lineage, oldest first.
  func rows(of atom: Int64, on lineage: Lineage) throws -> [PlacementRow] {
    try lineage.path.reversed().flatMap { reach in
      try db.all(
        """
        \(Self.selection) WHERE atom_id = ? AND branch_id = ? AND from_number <= ?
        ORDER BY from_number
        """, [atom, reach.branch, reach.limit], Self.decode)
    }
  }

  /// All rows of all atoms on a lineage, oldest first.
  func rows(on lineage: Lineage) throws -> [PlacementRow] {
    try lineage.path.reversed().flatMap { reach in
      try db.all(
        """
        \(Self.selection) WHERE branch_id = ? AND from_number <= ? ORDER BY from_number, atom_id
        """, [reach.branch, reach.limit], Self.decode)
    }
  }

  /// All rows of an atom, on all branches.
  func rows(of atom: Int64) throws -> [PlacementRow] {
    try db.all("\(Self.selection) WHERE atom_id = ? ORDER BY from_number, branch_id", [atom], Self.decode)
  }

  /// The newest row on a lineage by which an atom's body starts at one address and holds another.
  ///
  /// Left to itself SQLite takes the primary key, which has the order that is asked for, and walks all that the atom has been.
  func row(
    of atom: Int64, bodyAt start: VirtualAddress, containing address: VirtualAddress, at lineage: Lineage
  ) throws -> PlacementRow? {
    let (start, address) = (Int64(clamping: start.rawValue), Int64(clamping: address.rawValue))
    for reach in lineage.path {
      let row = try db.first(
        """
        \(Self.selection) WHERE atom_id = ? AND branch_id = ? AND from_number = (
          SELECT from_number FROM placement AS body INDEXED BY placement_by_body
          WHERE atom_id = ? AND body_address = ? AND branch_id = ? AND from_number <= ? AND body_byte_count > ?
          ORDER BY from_number DESC LIMIT 1)
        """, [atom, reach.branch, atom, start, reach.branch, reach.limit, address - start], Self.decode)
      if let row { return row }
    }
    return nil
  }

  /// The atoms that updates have touched which are on the way to one of two, and not to both.
  func atoms(touchedBetween one: Lineage, and other: Lineage) throws -> [Int64] {
    var found: Set<Int64> = []
    for (path, others) in [(one.path, other.path), (other.path, one.path)] {
      for reach in path {
        let shared = others.first { $0.branch == reach.branch }?.limit ?? 0
        found.formUnion(
          try db.all(
            "SELECT DISTINCT atom_id FROM placement WHERE branch_id = ? AND from_number > ? AND from_number <= ?",
            [reach.branch, shared, reach.limit]
          ) { try $0.integer(0) })
      }
    }
    return found.sorted()
  }

  /// Where bodies start that hold an address, on any branch, and whose they are.
  func bodies(containing address: VirtualAddress) throws -> [(atom: Int64, start: VirtualAddress)] {
    guard let point = Int64(exactly: address.rawValue) else { return [] }
    var found: [(atom: Int64, start: VirtualAddress)] = []
    var sizeClass: Int64 = -1
    while let next = try nextSizeClass(after: sizeClass) {
      sizeClass = next
      let lowest = point - min(point, Int64(clamping: SizeClass.largest(in: sizeClass)))
      found += try db.all(
        """
        SELECT DISTINCT atom_id, address FROM body
        WHERE size_class = ? AND address BETWEEN ? AND ? AND byte_count > ? - address
        """, [sizeClass, lowest, point, point]
      ) { (atom: try $0.integer(0), start: try $0.address(1)) }
    }
    return found
  }

  private func nextSizeClass(after sizeClass: Int64) throws -> Int64? {
    try db.first("SELECT min(size_class) FROM body WHERE size_class > ?", [sizeClass]) {
      try $0.optionalInteger(0)
    }.flatMap { $0 }
  }

  func insert(_ row: PlacementRow) throws {
    let body = row.placement?.body
    let definer = try row.definer.map { try DefinerTable(db: db).intern($0, of: row.atom) }
    try db.run(
      """
      INSERT INTO placement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (atom_id, branch_id, from_number) DO NOTHING
      """,
      [
        row.atom, row.branch, row.from, row.until, Int(row.kind.rawValue), row.change.map { Int($0.rawValue) },
        try body.map { try stored($0.start) }, try body.map { try stored($0.byteCount) },
        try (row.placement?.capacity).map { try stored($0) }, try (row.placement?.entry).map { try stored($0) },
        try (row.placement?.cell).map { try stored($0) }, row.typeDigest, row.payload,
        row.lines, definer,
      ])
    if db.changesCount == 0 {
      // Another branch has kept the base row; a second change of an atom in one update contradicts the first.
      if row.from == 0 { return }
      throw JournalError(.invalidUpdate, update: UpdateNumber(row.from), detail: "an atom is changed twice")
    }
    if let body {
      try db.run(
        "INSERT OR IGNORE INTO body VALUES (?, ?, ?, ?)",
        [SizeClass.of(body.byteCount), try stored(body.start), try stored(body.byteCount), row.atom])
    }
  }

  func end(_ placement: RecordingMemory.NewestPlacement, of atom: Int64, at number: Int64) throws {
    try db.run(
      "UPDATE placement SET until_number = ? WHERE atom_id = ? AND branch_id = ? AND from_number = ?",
      [number, atom, placement.branch, placement.from])
  }

  /// The columns `body_address` to `cell`; nil from the update on that removed the atom.
  static func placement(_ row: ResultRow, from index: Int) throws -> Placement? {
    guard try row.optionalInteger(index) != nil else { return nil }
    let entry = try row.optionalInteger(index + 3) == nil ? nil : try row.address(index + 3)
    let cell = try row.optionalInteger(index + 4) == nil ? nil : try row.address(index + 4)
    return Placement(body: try row.range(index), capacity: try row.unsigned(index + 2), entry: entry, cell: cell)
  }

  private static func decode(_ row: ResultRow) throws -> PlacementRow {
    return PlacementRow(
      atom: try row.integer(0), identity: try AtomTable.decode(row, from: 13), branch: try row.integer(1),
      from: try row.integer(2),
      until: try row.optionalInteger(3), kind: try row.kind(4, AtomKind.self),
      change: try row.optionalInteger(5) == nil ? nil : try row.kind(5, AtomChange.Kind.self),
      placement: try placement(row, from: 6),
      typeDigest: try row.optionalText(11), payload: try row.optionalInteger(12),
      lines: try row.optionalInteger(19),
      content: try row.optionalBlob(18).flatMap { Digest(bytes: $0) }, definer: try DefinerTable.decode(row, from: 20))
  }
}
