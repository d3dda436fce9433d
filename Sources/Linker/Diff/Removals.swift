import Addressing
import Journal

/// What a compilation unit defined and its new object does not: told once, until it comes back.
///
/// Nothing is written for it: old frames and kept pointers go on in what stands there. Only what is known to be the
/// unit's own: its local symbols, of the base image or of updates; those global ones of the base image whose unit debug
/// information or the objects given to `init` tell; and those that an update placed from an object of the unit, as long
/// as no other's has defined them since. And only by names that compilers keep.
struct Removals {
  let identities: AtomIdentities
  let decisions: LinkDecisions

  private var directory: AtomDirectory { identities.directory }

  func changes() throws(LinkError) -> [AtomChange] { try returns() + removals() }

  /// Symbols that come back as they were: nothing is placed for them either.
  private func returns() throws(LinkError) -> [AtomChange] {
    var changes: [AtomChange] = []
    for id in decisions.kept.keys.sorted() where !identities.isAnonymous(id) {
      for (index, symbol) in identities.set[id].symbols.enumerated() where isKept(symbol.name) {
        guard let atom = try identities.known(id, symbol: index), atom.isRemoved else { continue }
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
      for name in try locals(of: object.unit, ordinal) where isGone(name, present) {
        guard let atom = try directory.local(named: name, unit: object.unit, ordinal: ordinal) else { continue }
        append(atom, to: &changes)
      }
      for name in try directory.baseGlobals(unit: object.unit, ordinal: ordinal) where isGone(name, present) {
        guard let atom = try directory.global(named: name), !atom.isPlacedByUpdate else { continue }
        append(atom, to: &changes)
      }
      for placed in try directory.placedGlobals(unit: object.unit, ordinal: ordinal) {
        guard isGone(placed.identity.name, present), let atom = try directory.global(named: placed.identity.name),
          atom.identity == placed.identity
        else { continue }
        append(atom, to: &changes)
      }
    }
    return changes
  }

  /// The names of a unit's functions and data that no other file sees, each once.
  private func locals(of unit: String, _ ordinal: UInt32) throws(LinkError) -> [String] {
    let base = try directory.baseLocals(unit: unit, ordinal: ordinal).values.filter { symbols in
      symbols.count == 1 && symbols.allSatisfy { $0.kind == .function || $0.kind == .data }
    }
    let placed = try directory.placedLocals(unit: unit, ordinal: ordinal).filter { $0.kind != .importStub }
    return Set(base.joined().map(\.name) + placed.map(\.identity.name)).sorted()
  }

  /// Whether the name is the source's own, not one that a compiler makes up and numbers, and no given object has it.
  private func isGone(_ name: String, _ present: Set<String>) -> Bool {
    isKept(name) && !present.contains(name) && identities.set.definition(of: name) == nil
  }

  private func isKept(_ name: String) -> Bool {
    // What compilers make up has a dot: clones, numbered constants, labels. Exception tables have none, and are numbered by object
    // (LLVM, lib/CodeGen/AsmPrinter/EHStreamer.cpp).
    !name.isEmpty && !name.utf8.contains(UInt8(ascii: ".")) && !name.hasPrefix("GCC_except_table")
  }

  private func append(_ atom: KnownAtom, to changes: inout [AtomChange]) {
    guard !atom.isRemoved, atom.threadOffset == nil else { return }
    changes.append(
      AtomChange(
        atom: atom.identity, atomKind: atom.kind, change: .removed, before: atom.placement, after: nil,
        operations: [], typeDigest: atom.typeDigest))
  }
}
