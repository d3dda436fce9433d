import Addressing
import Journal

/// Sections that a program walks as one array, from `__start_NAME` to `__stop_NAME`, which linkers define where the
/// section's name is a C identifier. Nothing can be added to one in a running program, nor taken out.
struct LinkerSets {
  let identities: AtomIdentities
  let decisions: LinkDecisions

  private var directory: AtomDirectory { identities.directory }

  /// - Parameter removals: of `Removals`.
  func refuseChanges(_ removals: [AtomChange]) throws(LinkError) {
    for id in decisions.placed.sorted() {
      let piece = identities.set[id]
      guard piece.kind != .code, let name = piece.setName, try range(of: name) != nil else { continue }
      throw LinkError(
        .linkerSetChanged, object: identities.set.objects[id.object].path, symbol: piece.name,
        detail: "it would not stand in section \(name)")
    }
    for change in removals where change.change == .removed { try refuse(change) }
  }

  /// The section's name is not known any more where an element went: its place tells.
  private func refuse(_ change: AtomChange) throws(LinkError) {
    guard let start = change.before?.body.start, change.atomKind != .function else { return }
    var names: Set<String> = []
    for piece in identities.set.objects.lazy.flatMap(\.pieces) {
      if let name = piece.setName { names.insert(name) }
      for case .external(let symbol, _) in piece.targets where symbol.hasPrefix(Self.startPrefix) {
        names.insert(String(symbol.dropFirst(Self.startPrefix.count)))
      }
    }
    for name in names.sorted() {
      guard let range = try range(of: name), range.contains(start) else { continue }
      throw LinkError(
        .linkerSetChanged, symbol: change.atom.name, address: start, detail: "it still stands in section \(name)")
    }
  }

  private static let startPrefix = "__start_"

  /// Nil where no code of the image asked for it.
  private func range(of name: String) throws(LinkError) -> AddressRange? {
    let start = try directory.baseSymbols(named: Self.startPrefix + name).first?.address
    let end = try directory.baseSymbols(named: "__stop_" + name).first?.address
    guard let start else { return nil }
    return AddressRange(validating: start, byteCount: (end ?? start).rawValue &- start.rawValue)
  }
}
