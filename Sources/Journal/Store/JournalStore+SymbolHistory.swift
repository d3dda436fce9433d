import GRDB

/// Every body that an atom has had, on all branches.
public struct SymbolHistory: Hashable, Sendable {
  public struct Body: Hashable, Sendable {
    /// The update that placed it; `.base` for where the base image has it.
    public var update: UpdateNumber
    /// Nil for the base image's own.
    public var change: AtomChange.Kind?
    /// Nil from the update on that removed the atom.
    public var placement: Placement?
    /// 0 is the base's branch.
    public var branch: Int64
    /// The update of the same branch that changed the atom next.
    public var replacedBy: UpdateNumber?
    /// Whether it is on the way to the update that was asked for, and whether it is the atom's body there.
    public var isOnTheWay: Bool
    public var isCurrent: Bool
    /// As `PlacedAtom.content`.
    public var content: Digest?
    public var typeDigest: String?
  }

  public var identity: AtomIdentity
  public var kind: AtomKind
  /// In the order of the updates.
  public var bodies: [Body]
}

extension JournalStore {
  /// The history of each atom of a name, in the order in which updates first changed them; then the symbols of the base image
  /// that no update has changed. Names are those of the object files; static locals go by the name in the source.
  ///
  /// - Parameter digest: the update for which `isCurrent` is told.
  public func histories(named name: String, at digest: Digest) throws(JournalError) -> [SymbolHistory] {
    let changed = try lookUp { db -> [SymbolHistory] in
      let lineage = try lineage(of: digest, in: db)
      let table = PlacementTable(db: db)
      return try AtomTable(db: db).ids(named: name).compactMap { atom in
        let rows = try table.rows(of: atom)
        guard let first = rows.first else { return nil }
        let current = try table.row(of: atom, at: lineage)
        let bodies = rows.map { SymbolHistory.Body($0, on: lineage, isCurrent: current?.isSame(as: $0) ?? false) }
        return SymbolHistory(identity: first.identity, kind: first.kind, bodies: bodies)
      }
    }
    let known = Set(changed.map(\.identity))
    let unchanged = try baseSymbols(named: name).map(basePlacement).filter { placed in
      // An update may know an alias by the identity of a global of the same name.
      !known.contains(placed.identity)
    }
    return changed
      + unchanged.map { placed in
        let body = SymbolHistory.Body(
          update: .base, change: nil, placement: placed.placement, branch: 0, replacedBy: nil, isOnTheWay: true,
          isCurrent: true, content: nil, typeDigest: placed.typeDigest)
        return SymbolHistory(identity: placed.identity, kind: placed.kind, bodies: [body])
      }
  }

  /// Names of atoms and of the base image's symbols that begin in one of these ways and hold a text: where a name as a
  /// compiler wrote it is looked for by a part of it. Costs the names that begin so, not the history.
  public func names(beginningWith prefixes: [String], containing part: String) throws(JournalError) -> [String] {
    try lookUp { db in
      var found: Set<String> = []
      for prefix in prefixes {
        guard let last = prefix.unicodeScalars.last, let next = UnicodeScalar(last.value + 1) else { continue }
        let end = String(prefix.dropLast()) + String(next)
        for table in ["atom", "base_symbol"] {
          found.formUnion(
            try db.all(
              "SELECT DISTINCT name FROM \(table) WHERE name >= ? AND name < ? AND instr(name, ?) > 0",
              [prefix, end, part]
            ) { try $0.text(0) })
        }
      }
      return found.sorted()
    }
  }
}

extension SymbolHistory.Body {
  init(_ row: PlacementRow, on lineage: Lineage, isCurrent: Bool) {
    self.init(
      update: UpdateNumber(row.from), change: row.change, placement: row.placement, branch: row.branch,
      replacedBy: row.until.map { UpdateNumber($0) },
      isOnTheWay: lineage.path.contains { $0.branch == row.branch && row.from <= $0.limit }, isCurrent: isCurrent,
      content: row.content, typeDigest: row.typeDigest)
  }
}
