import Addressing
import GRDB

/// What has become of an atom between two updates.
public struct AtomDifference: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case added
    case removed
    /// The same content elsewhere.
    case moved
    /// Other content, in the same place or in another.
    case changed
  }

  public var identity: AtomIdentity
  public var kind: AtomKind
  public var difference: Kind
  public var before: PlacedAtom?
  public var after: PlacedAtom?
}

extension JournalStore {
  /// The net effect of the way from one update to another, across branches: what was changed and changed back is not told.
  /// Costs the atoms that the updates between the two have touched.
  public func differences(from: Digest, to: Digest) throws(JournalError) -> [AtomDifference] {
    let pairs = try lookUp { db in
      let origin = try lineage(of: from, in: db)
      let destination = try lineage(of: to, in: db)
      let table = PlacementTable(db: db)
      return try table.atoms(touchedBetween: origin, and: destination).compactMap { atom -> AtomPair? in
        let before = try table.row(of: atom, at: origin)
        let after = try table.row(of: atom, at: destination)
        if let before, let after, before.isSame(as: after) { return nil }
        return AtomPair(
          before: before.flatMap { PlacedAtom($0, isCurrent: true) },
          after: after.flatMap { PlacedAtom($0, isCurrent: true) })
      }
    }
    var result: [AtomDifference] = []
    for pair in pairs {
      guard let kind = try difference(pair, from, to), let atom = pair.after ?? pair.before else { continue }
      result.append(
        AtomDifference(
          identity: atom.identity, kind: atom.kind, difference: kind, before: pair.before, after: pair.after))
    }
    return result.sorted { $0.order < $1.order }
  }

  private struct AtomPair {
    var before: PlacedAtom?
    var after: PlacedAtom?
  }

  private func difference(
    _ pair: AtomPair, _ from: Digest, _ to: Digest
  ) throws(JournalError) -> AtomDifference.Kind? {
    guard let before = pair.before else { return pair.after == nil ? nil : .added }
    guard let after = pair.after else { return .removed }
    if try !holdSame(before, from, after, to) { return .changed }
    return before.placement.body == after.placement.body ? nil : .moved
  }

  /// Whether two bodies are the same but for what follows from where they and what they refer to stand.
  private func holdSame(
    _ before: PlacedAtom, _ from: Digest, _ after: PlacedAtom, _ to: Digest
  ) throws(JournalError) -> Bool {
    if let old = before.content, let new = after.content { return old == new }
    guard before.placement.body.byteCount == after.placement.body.byteCount else { return false }
    let write = try bodyWrite(of: after)
    let former = write == nil ? try bodyWrite(of: before) : nil
    let fixups = (write ?? former)?.fixups ?? []
    let bytes = [try bytes(before.placement.body, at: from), try self.bytes(after.placement.body, at: to)]
    let masks = fixups.filter { Int($0.offset) + $0.byteCount <= bytes[0].count }
    return Payload.masked(bytes[0], fixups: masks) == Payload.masked(bytes[1], fixups: masks)
  }
}

extension AtomDifference {
  /// By name; functions before data, what has no name last.
  fileprivate var order: String {
    "\(identity.name.isEmpty ? 1 : 0)\(kind.rawValue)\(identity.name)\u{0}\(identity.unit ?? "")\u{0}\(identity.variant ?? "")"
  }
}
