import Journal

/// LLVM keeps the members of a static struct apart where its uses allow it (`state.0`, `state.1`). When an edit changes
/// the uses, the form changes, and what looks like a new variable would begin without the old one's value.
///
/// LLVM, lib/Transforms/IPO/GlobalOpt.cpp: SRAGlobal.
struct SplitVariables {
  private let identities: AtomIdentities

  init(identities: AtomIdentities) { self.identities = identities }

  /// - Parameter id: a variable that the image does not have.
  func refuseForm(_ id: PieceID) throws(LinkError) {
    let object = identities.set.objects[id.object]
    guard object.facts.hasLLVM, let symbol = identities.set[id].symbols.first, symbol.isLocal else { return }
    let present = Set(object.pieces.lazy.flatMap(\.symbols).map(\.name))
    let ordinal = try identities.ordinal(of: id.object)
    let locals = try identities.directory.baseLocals(unit: object.unit, ordinal: ordinal)
    var former = locals.keys.filter { Self.whole(of: $0) == symbol.name }
    if let whole = Self.whole(of: symbol.name) { former.append(whole) }
    for name in former.sorted() where !present.contains(name) {
      guard
        let atom = try identities.directory.local(named: name, unit: object.unit, ordinal: ordinal),
        atom.kind == .variable
      else { continue }
      throw LinkError(.variableSplit, object: object.path, symbol: symbol.name, detail: "it was \(name)")
    }
  }

  /// The variable that a name stands for a part of.
  private static func whole(of name: String) -> String? {
    let (stem, isNumbered) = SymbolNaming.stem(name)
    return isNumbered ? stem : nil
  }
}
