import Addressing
import Journal

/// What a compilation unit of the base image defined and its new object does not: told once, until it comes back.
///
/// Nothing is written for it: old frames and kept pointers go on in what stands there. Local symbols only, for a global
/// one that an object lacks may well be another object's; and only by names that compilers keep.
struct Removals {
  private let identities: AtomIdentities
  private let decisions: LinkDecisions

  init(identities: AtomIdentities, decisions: LinkDecisions) {
    self.identities = identities
    self.decisions = decisions
  }

  func changes() throws(LinkError) -> [AtomChange] { try returns() + removals() }

  /// Local symbols that come back as they were: nothing is placed for them either.
  private func returns() throws(LinkError) -> [AtomChange] {
    var changes: [AtomChange] = []
    for id in decisions.kept.keys.sorted() where !identities.isAnonymous(id) {
      for (index, symbol) in identities.set[id].symbols.enumerated() where symbol.isLocal && isKept(symbol.name) {
        guard let atom = try identities.known(id, symbol: index), try identities.directory.isRemoved(atom.identity)
        else { continue }
        changes.append(
          AtomChange(
            atom: atom.identity, atomKind: atom.kind, change: .added, before: nil, after: atom.placement,
            operations: [], typeDigest: atom.typeDigest))
      }
    }
    return changes
  }

  private func removals() throws(LinkError) -> [AtomChange] {
    var changes: [AtomChange] = []
    for (index, object) in identities.set.objects.enumerated() where !object.unit.isEmpty {
      let ordinal = try identities.ordinal(of: index)
      let present = Set(object.pieces.lazy.flatMap(\.symbols).map(\.name))
      let locals = try identities.directory.baseLocals(unit: object.unit, ordinal: ordinal)
      for (name, symbols) in locals.sorted(by: { $0.key < $1.key }) where !present.contains(name) {
        guard symbols.count == 1, isKept(name), let symbol = symbols.first,
          symbol.kind == .function || symbol.kind == .data,
          let change = try change(name, object.unit, ordinal)
        else { continue }
        changes.append(change)
      }
    }
    return changes
  }

  /// Whether the name is the source's own and not one that a compiler makes up and numbers.
  private func isKept(_ name: String) -> Bool {
    !SymbolNaming.isClone(name) && !SymbolNaming.isAnonymousConstant(name) && !name.contains(".")
  }

  private func change(_ name: String, _ unit: String, _ ordinal: UInt32) throws(LinkError) -> AtomChange? {
    let identity = AtomIdentity(name: name, unit: unit, unitOrdinal: ordinal)
    guard try !identities.directory.isRemoved(identity),
      let atom = try identities.directory.local(named: name, unit: unit, ordinal: ordinal)
    else { return nil }
    return AtomChange(
      atom: atom.identity, atomKind: atom.kind, change: .removed, before: atom.placement, after: nil, operations: [],
      typeDigest: atom.typeDigest)
  }
}
