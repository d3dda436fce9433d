public import Addressing
import GRDB

/// What a journal knows of one address at one update.
public struct AddressHistory: Hashable, Sendable {
  public var address: VirtualAddress
  /// The atom whose body the address is in, and the update that placed it there.
  public var placed: PlacedAtom
  /// The body that the atom has at the update, where the address is in an older one.
  public var current: PlacedAtom?
  /// The body that the atom had before this one.
  public var previous: PlacedAtom?
  /// What stood at this address before this body did; nil for fresh room of the arena.
  public var replaced: PlacedAtom?
  /// The newest update that has written this very byte since the body was placed: an entry stub, an edit in place.
  public var overwritten: UpdateNumber?

  /// In bytes from the start of the body.
  public var offset: UInt64 { address.rawValue &- placed.placement.body.start.rawValue }
}

/// Costs what the answer costs: a few searches, however many updates there are, and however often the atom has changed.
extension JournalStore {
  /// Nil where no atom has ever stood.
  public func history(of address: VirtualAddress, at digest: Digest) throws(JournalError) -> AddressHistory? {
    let found = try lookUp { db -> AddressHistory? in
      let lineage = try lineage(of: digest, in: db)
      guard let row = try occupant(of: address, at: lineage, in: db) else { return nil }
      let table = PlacementTable(db: db)
      let newest = try table.row(of: row.atom, at: lineage)
      let isCurrent = newest?.isSame(as: row) ?? false
      guard let placed = PlacedAtom(row, isCurrent: isCurrent) else { return nil }
      var history = AddressHistory(address: address, placed: placed)
      if !isCurrent { history.current = newest.flatMap { PlacedAtom($0, isCurrent: true) } }
      if row.from > 0 {
        let before = lineage.before(row.from)
        history.previous = try table.row(of: row.atom, at: before).flatMap { PlacedAtom($0, isCurrent: false) }
        history.replaced = try occupant(of: address, at: before, in: db).flatMap { PlacedAtom($0, isCurrent: false) }
      }
      let writers = try SpanTable(db: db).hits(
        .memory, from: address.rawValue, to: address.rawValue &+ 1, on: lineage)
      if let last = writers.last, last.number > row.from, try !isOwn(last, of: row, in: db) {
        history.overwritten = UpdateNumber(last.number)
      }
      return history
    }
    if var found {
      if found.replaced == nil, found.placed.update != .base {
        found.replaced = try baseSymbol(containing: address).map(basePlacement)
      }
      return found
    }
    return try baseSymbol(containing: address).map {
      AddressHistory(address: address, placed: basePlacement(of: $0))
    }
  }

  /// Whether a write is what put a body in place that a pruned update has placed: it bears the number that the shortcut leads to.
  private func isOwn(_ hit: SpanTable.Hit, of row: PlacementRow, in db: Database) throws -> Bool {
    let range = try ShortcutTable(db: db, store: self).range(pruning: row.from)
    return range?.to.rawValue == hit.number && row.placement?.body.start.rawValue == hit.start
  }

  /// A symbol that no update has changed, as the atom that it is.
  public func basePlacement(of symbol: BaseSymbol) -> PlacedAtom {
    let body =
      AddressRange(validating: symbol.address, byteCount: symbol.byteCount)
      ?? AddressRange(start: symbol.address, byteCount: 0)
    let kind: AtomKind =
      switch symbol.kind {
      case .function, .label, .indirectFunction: .function
      case .data, .threadLocal:
        base.segments.contains { $0.range.contains(symbol.address) && !$0.protection.contains(.write) }
          ? .constant : .variable
      }
    return PlacedAtom(
      // A global's unit is known at times, and is no part of what it is.
      identity: symbol.binding == .local
        ? AtomIdentity(name: symbol.name, unit: symbol.unit, unitOrdinal: symbol.unitOrdinal)
        : AtomIdentity(name: symbol.name),
      kind: kind,
      placement: Placement(
        body: body, capacity: symbol.byteCount, entry: kind == .function ? symbol.address : nil),
      update: .base, typeDigest: symbol.typeDigest, content: nil, isCurrent: true)
  }

  /// The row of the body that an address is in: the current body of an atom, else the newest of the superseded ones.
  func occupant(of address: VirtualAddress, at lineage: Lineage, in db: Database) throws -> PlacementRow? {
    let table = PlacementTable(db: db)
    var former: PlacementRow?
    for body in try table.bodies(containing: address) {
      guard let row = try table.row(of: body.atom, bodyAt: body.start, containing: address, at: lineage) else {
        continue
      }
      if try table.row(of: body.atom, at: lineage)?.isSame(as: row) ?? false { return row }
      if row.from >= former?.from ?? 0 { former = row }
    }
    return former
  }
}

extension PlacementRow {
  func isSame(as other: PlacementRow) -> Bool {
    atom == other.atom && branch == other.branch && from == other.from
  }
}

extension Lineage {
  /// The part of the way that comes before an update of it.
  func before(_ number: Int64) -> Lineage {
    Lineage(
      number: min(self.number, number - 1),
      path: path.map { Reach(branch: $0.branch, limit: min($0.limit, number - 1)) })
  }
}
