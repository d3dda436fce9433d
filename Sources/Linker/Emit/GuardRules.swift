import Addressing
import Journal

/// GCC's -fipa-ra: a caller may rely on which registers its callee leaves alone, as long as both come from one
/// compilation. Old bodies of direct callers must not meet a new callee.
struct GuardRules {
  private let identities: AtomIdentities
  private let decisions: LinkDecisions

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, decisions: LinkDecisions) {
    self.identities = identities
    self.decisions = decisions
  }

  func add(to state: inout EmitterState) throws(LinkError) {
    for object in set.objects.indices where set.objects[object].facts.mayRelyOnCalleeRegisters {
      for caller in try callersOfChanged(in: object) {
        try addOldBodies(of: caller, to: &state)
      }
    }
  }

  /// Pieces of the object that call a function of it which gets a new body, and that the image already has.
  private func callersOfChanged(in object: Int) throws(LinkError) -> [PieceID] {
    let graph = set.objects[object]
    var callers: [PieceID] = []
    for piece in graph.pieces where piece.kind == .code {
      let id = PieceID(object: object, piece: piece.index)
      let callsChanged = piece.targets.indices.contains { index in
        guard case (.entry(let callee, _), object) = set.target(index, of: id), callee != piece.index else {
          return false
        }
        return decisions.changes(PieceID(object: object, piece: callee))
      }
      if callsChanged, !identities.isAnonymous(id) { callers.append(id) }
    }
    return callers
  }

  private func addOldBodies(of caller: PieceID, to state: inout EmitterState) throws(LinkError) {
    for (index, symbol) in set[caller].symbols.enumerated() where symbol.isFunction {
      guard let known = try identities.known(caller, symbol: index) else { continue }
      let isReplaced = decisions.placed.contains(caller)
      for body in try identities.directory.bodies(of: known) where isReplaced || body != known.placement.body {
        state.draft.add(
          Guard(
            range: body, reach: .whole, reason: .interproceduralRegisters, direction: .both, function: symbol.name))
      }
    }
  }
}
