public import Addressing
import GRDB

/// Where atoms stand at an update (its digest, or the base image's). Atoms that no update has changed are answered by
/// `baseSymbols`.
extension JournalStore {
  public func placement(of atom: AtomIdentity, at digest: Digest) throws(JournalError) -> PlacedAtom? {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      return try AtomTable(db: db).id(of: atom).flatMap { try current($0, at: lineage, in: db) }
    }
  }

  /// Whether the newest update on the way that touched the atom removed it.
  public func isRemoved(_ atom: AtomIdentity, at digest: Digest) throws(JournalError) -> Bool {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard let id = try AtomTable(db: db).id(of: atom) else { return false }
      return try newest(id, at: lineage, in: db).map { !$0.isCurrent } ?? false
    }
  }

  public func placements(named name: String, at digest: Digest) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      return try AtomTable(db: db).ids(named: name).compactMap { try current($0, at: lineage, in: db) }
    }
  }

  /// The same for many names at once, which costs much less than one by one. A name without atoms is not in the answer.
  ///
  /// - Parameter includingRemoved: whether those that an update removed are among them, not current, where they stood
  ///   last.
  public func placements(
    named names: some Collection<String>, at digest: Digest, includingRemoved: Bool = false
  ) throws(JournalError) -> [String: [PlacedAtom]] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      let ids = try db.all(namedOneOf: names, "SELECT id FROM atom WHERE name IN", orderedBy: "name, id") {
        try $0.integer(0)
      }
      let atoms = try ids.compactMap { id in
        try includingRemoved ? newest(id, at: lineage, in: db) : current(id, at: lineage, in: db)
      }
      return Dictionary(grouping: atoms, by: \.identity.name)
    }
  }

  /// The atoms of one compilation unit that updates have placed or changed and none has removed; no static locals, no
  /// variants.
  public func placements(
    inUnit unit: String, ordinal: UInt32, at digest: Digest
  ) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      let ids = try db.all(
        """
        SELECT id FROM atom WHERE unit = ? AND unit_ordinal = ? AND enclosing_function IS NULL AND variant IS NULL
        ORDER BY name, id
        """, [unit, Int64(ordinal)]
      ) { try $0.integer(0) }
      return try ids.compactMap { try current($0, at: lineage, in: db) }
    }
  }

  /// The atoms that other files see which an object of this unit defined last, and which no update has removed.
  public func placements(
    definedBy unit: CompilationUnit, at digest: Digest
  ) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      return try DefinerTable(db: db).atoms(of: unit).compactMap { atom in
        guard let placed = try current(atom, at: lineage, in: db), placed.definer == unit else { return nil }
        return placed
      }
    }
  }

  /// What stands at an address: the current body, else the newest of the superseded ones that are still there.
  public func placement(
    containing address: VirtualAddress, at digest: Digest
  ) throws(JournalError) -> PlacedAtom? {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard let row = try occupant(of: address, at: lineage, in: db) else { return nil }
      let current = try PlacementTable(db: db).row(of: row.atom, at: lineage)
      return PlacedAtom(row, isCurrent: current?.isSame(as: row) ?? false)
    }
  }

  /// Every body of a function that has ever held an address, on any branch, the newest first: room of the arena is used again.
  public func functionBodies(containing address: VirtualAddress) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let table = PlacementTable(db: db)
      return try table.bodies(containing: address).flatMap { found in
        try table.rows(of: found.atom).filter { row in
          row.kind == .function && row.placement?.body.start == found.start
            && row.placement?.body.contains(address) == true
        }
      }.sorted { $0.from > $1.from }.compactMap { PlacedAtom($0, isCurrent: false) }
    }
  }

  /// Every body that functions have had on the way to an update and have left, the base image's included: where a
  /// thread may still be, executing what is no longer the program. Not those whose room other code has now.
  public func supersededBodies(at digest: Digest) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let rows = try PlacementTable(db: db).rows(on: try lineage(of: digest, in: db))
      let overwritten = OverwrittenBodies.indexes(in: rows)
      var latest: [Int64: PlacementRow] = [:]
      for row in rows where row.kind == .function { latest[row.atom] = row }
      var seen: Set<AddressRange> = []
      return rows.enumerated().reversed().compactMap { index, row in
        guard row.kind == .function, !overwritten.contains(index), let body = row.placement?.body,
          body.start != latest[row.atom]?.placement?.body.start, seen.insert(body).inserted
        else { return nil }
        return PlacedAtom(row, isCurrent: false)
      }
    }
  }

  /// Every body that any function has had on the way to an update, as far as updates have touched it.
  public func functionBodies(at digest: Digest) throws(JournalError) -> [AddressRange] {
    try lookUp { db in
      try PlacementTable(db: db).rows(on: try lineage(of: digest, in: db)).compactMap { row in
        row.kind == .function ? row.placement?.body : nil
      }
    }
  }

  /// Every body a function has had on the way to an update, oldest first; the last one is flagged as current unless
  /// the function has been removed. Not those whose room other code has now.
  public func bodies(ofFunction atom: AtomIdentity, at digest: Digest) throws(JournalError) -> [PlacedAtom] {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard let id = try AtomTable(db: db).id(of: atom) else { return [] }
      let table = PlacementTable(db: db)
      let rows = try table.rows(of: id, on: lineage)
      let overwritten = OverwrittenBodies.indexes(in: rows)
      return try rows.enumerated().compactMap { index, row in
        let isCurrent = index == rows.count - 1
        if try !isCurrent && (overwritten.contains(index) || isOverwritten(row, at: lineage, table)) { return nil }
        return PlacedAtom(row, isCurrent: isCurrent)
      }
    }
  }

  /// Whether another atom has a body where this one was, since: room is used again from its start on.
  private func isOverwritten(_ row: PlacementRow, at lineage: Lineage, _ table: PlacementTable) throws -> Bool {
    guard row.from > 0, let body = row.placement?.body, base.arena.code.contains(body) else { return false }
    return try table.bodies(containing: body.start).contains { other in
      guard other.atom != row.atom else { return false }
      let newer = try table.row(of: other.atom, bodyAt: other.start, containing: body.start, at: lineage)
      return newer.map { $0.from > row.from } ?? false
    }
  }

  /// The newest update on the way that changed the atom, and what it did; nil where none has.
  public func newestChange(
    of atom: AtomIdentity, at digest: Digest
  ) throws(JournalError) -> (update: UpdateNumber, change: AtomChange.Kind)? {
    try lookUp { db in
      let lineage = try lineage(of: digest, in: db)
      guard let id = try AtomTable(db: db).id(of: atom),
        let row = try PlacementTable(db: db).row(of: id, at: lineage), let change = row.change
      else { return nil }
      return (UpdateNumber(row.from), change)
    }
  }

  /// The write that put a body in place, with its fixups; nil for the base image's. An atom that went back to a body that it
  /// had was written there by an earlier update.
  public func bodyWrite(of placed: PlacedAtom) throws(JournalError) -> WriteOperation? {
    if placed.update == .base { return nil }
    let update = try update(holding: placed.update)
    let own = update.content.atoms.first { $0.atom == placed.identity && $0.after == placed.placement }?
      .bodyWrite(in: update.content)?.write
    if let own { return own }
    let start = placed.placement.body.start
    for found in try writes(overlapping: placed.placement.body, at: update.digest).reversed() {
      if case .write(let write) = found.operation, write.place == .virtual(start) { return write }
    }
    return nil
  }

  private func newest(_ atom: Int64, at lineage: Lineage, in db: Database) throws -> PlacedAtom? {
    let table = PlacementTable(db: db)
    if let row = try table.row(of: atom, at: lineage), row.placement != nil { return PlacedAtom(row, isCurrent: true) }
    return try table.rows(of: atom, on: lineage).last { $0.placement != nil }.flatMap {
      PlacedAtom($0, isCurrent: false)
    }
  }

  private func current(_ atom: Int64, at lineage: Lineage, in db: Database) throws -> PlacedAtom? {
    try PlacementTable(db: db).row(of: atom, at: lineage).flatMap { PlacedAtom($0, isCurrent: true) }
  }
}

extension PlacedAtom {
  /// Nil where the row says that the atom is gone.
  init?(_ row: PlacementRow, isCurrent: Bool) {
    guard let placement = row.placement else { return nil }
    self.init(
      identity: row.identity, kind: row.kind, placement: placement, update: UpdateNumber(row.from),
      typeDigest: row.typeDigest, content: row.content, definer: row.definer, isCurrent: isCurrent)
  }
}
