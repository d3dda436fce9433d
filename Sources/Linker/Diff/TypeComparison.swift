import Journal
import ObjectFile

/// Refuses a change of layout under a running program: what it holds in memory has the old one.
struct TypeComparison {
  private let directory: AtomDirectory

  init(directory: AtomDirectory) { self.directory = directory }

  /// Returns the layouts that the parent update does not know yet.
  func compare(
    _ set: LinkSet, _ types: [ObjectTypes], decisions: inout LinkDecisions
  ) throws(LinkError) -> [TypeLayout] {
    var added: [String: TypeLayout] = [:]
    for (index, object) in set.objects.enumerated() where changes(object: index, in: decisions) {
      guard types[index].isKnown else {
        decisions.notes.append(LinkNote(kind: .layoutUnchecked, subject: object.path))
        continue
      }
      for layout in types[index].layouts {
        let known = try known(layout)
        guard let first = known.first else {
          added[layout.type.name] = layout.type
          continue
        }
        guard !known.contains(where: { Self.isCompatible(layout.type.layout, with: $0.layout) }) else { continue }
        throw LinkError(
          .typeLayoutChanged, object: object.path, symbol: layout.type.name,
          detail: DWARFTypeLayout.difference(between: first.layout, and: layout.type.layout))
      }
    }
    return added.values.sorted { $0.name < $1.name }
  }

  /// The unit's own type where units differ, else whatever type of that name there is.
  private func known(_ layout: UnitTypes.Layout) throws(LinkError) -> [TypeLayout] {
    var own: [TypeLayout] = []
    for key in layout.keys { own += try directory.types(named: key) }
    return own.isEmpty ? try directory.types(named: layout.type.name) : own
  }

  /// New enumerators harm nobody: what is in memory means what it meant.
  private static func isCompatible(_ new: String, with old: String) -> Bool {
    new == old || DWARFTypeLayout.onlyAddsEnumerators(from: old, to: new)
  }

  private func changes(object: Int, in decisions: LinkDecisions) -> Bool {
    decisions.placed.contains { $0.object == object } || decisions.inPlace.keys.contains { $0.object == object }
      || decisions.rewritten.keys.contains { $0.object == object }
      || decisions.reinitialized.keys.contains { $0.object == object }
  }
}
