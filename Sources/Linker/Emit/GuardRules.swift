import Addressing
import Journal

/// Bodies that must not meet another version of what they call.
///
/// Without debug information nobody knows whether a changed function still takes the same arguments: where it and a caller change
/// together, no thread may be inside the caller's old bodies.
///
/// GCC's -fipa-ra: a caller may rely on which registers its callee leaves alone, as long as both come from one
/// compilation. Where `CalleeRegisters` cannot tell that it does not, no thread may be inside a caller's old bodies.
struct GuardRules {
  private let identities: AtomIdentities
  private let decisions: LinkDecisions
  private let registers: CalleeRegisters
  /// Where the code starts that the update writes.
  private let places: [PieceID: VirtualAddress]
  /// Which of `functions` has each canonical entry.
  private var entries: [VirtualAddress: LinkSet.Definition] = [:]
  /// The named functions of the objects.
  private let functions: [LinkSet.Definition]

  private var set: LinkSet { identities.set }

  init(
    identities: AtomIdentities, decisions: LinkDecisions, memory: PlacedMemory, places: [PieceID: VirtualAddress]
  ) throws(LinkError) {
    self.identities = identities
    self.decisions = decisions
    self.places = places
    functions = Self.functions(identities)
    registers = CalleeRegisters(identities: identities, memory: memory)
    for function in functions where mayRelyOnRegisters(function) {
      guard let entry = try identities.known(function.id, symbol: function.symbol)?.placement.entry else { continue }
      entries[entry] = function
    }
  }

  private static func functions(_ identities: AtomIdentities) -> [LinkSet.Definition] {
    let set = identities.set
    return set.ids.filter { set[$0].kind == .code && !identities.isAnonymous($0) }.flatMap { id in
      set[id].symbols.indices.filter { set[id].symbols[$0].isFunction }.map { LinkSet.Definition(id: id, symbol: $0) }
    }
  }

  private func mayRelyOnRegisters(_ function: LinkSet.Definition) -> Bool {
    set.objects[function.id.object].facts.mayRelyOnCalleeRegisters
  }

  func add(to state: inout EmitterState) throws(LinkError) {
    for function in functions {
      if decisions.placed.contains(function.id) { try addCallersOfUntyped(function, to: &state) }
      guard mayRelyOnRegisters(function) else { continue }
      try addOldBodies(of: function, to: &state)
      try addNewBody(of: function, to: &state)
    }
  }

  private func addCallersOfUntyped(_ caller: LinkSet.Definition, to state: inout EmitterState) throws(LinkError) {
    guard let known = try identities.known(caller.id, symbol: caller.symbol) else { return }
    for callee in try registers.allCallees(of: caller) where callee != caller && changes(callee) {
      guard let former = try identities.known(callee.id, symbol: callee.symbol),
        former.typeDigest == nil || identities.typeDigest(callee.id, symbol: callee.symbol) == nil
      else { continue }
      for body in try identities.directory.bodies(of: known) {
        add(body, of: caller, .unknownPrototype, .both, to: &state)
      }
      if let body = newBody(of: caller) { add(body, of: caller, .unknownPrototype, .backward, to: &state) }
      return
    }
  }

  /// They go on calling what has changed, and were compiled for what it was.
  private func addOldBodies(of caller: LinkSet.Definition, to state: inout EmitterState) throws(LinkError) {
    guard let known = try identities.known(caller.id, symbol: caller.symbol) else { return }
    let isReplaced = decisions.placed.contains(caller.id)
    for body in try identities.directory.bodies(of: known) where isReplaced || body != known.placement.body {
      if try registers.mayMislead(
        body, ofUnit: set.objects[caller.id.object].unit,
        visit: { entry throws(LinkError) in try isMisleading(entry, for: caller) })
      {
        add(body, of: caller, .interproceduralRegisters, .both, to: &state)
      }
    }
  }

  /// Nil for what the objects do not define.
  private func isMisleading(_ entry: VirtualAddress, for caller: LinkSet.Definition) throws(LinkError) -> Bool? {
    guard let callee = entries[entry] else { return nil }
    guard callee != caller, try isOfOneCompilation(caller, callee, at: entry) else { return false }
    return try registers.mayMislead(callersOf: callee) { function throws(LinkError) in changes(function) }
  }

  /// Or was, before the callee's source moved to another file.
  private func isOfOneCompilation(
    _ caller: LinkSet.Definition, _ callee: LinkSet.Definition, at entry: VirtualAddress
  ) throws(LinkError) -> Bool {
    guard callee.id.object != caller.id.object else { return true }
    let unit = set.objects[caller.id.object].unit
    let symbols = try identities.directory.baseSymbols(overlapping: AddressRange(start: entry, byteCount: 1))
    return symbols.contains { $0.unit == unit }
  }

  /// Whether the function's entry leads to another body from now on. Never that of a part or clone that a compiler made: the
  /// new one is an atom of its own, and old bodies keep theirs.
  private func changes(_ function: LinkSet.Definition) -> Bool {
    decisions.changes(function.id) && !identities.isAnonymous(function.id)
  }

  /// It was compiled for what it calls now: not for any earlier version, to which going back further leads.
  private func addNewBody(of caller: LinkSet.Definition, to state: inout EmitterState) throws(LinkError) {
    guard let body = newBody(of: caller) else { return }
    for callee in try registers.callees(of: caller) where callee != caller {
      if try registers.mayMislead(callersOf: callee, isChanged: hasVersions) {
        return add(body, of: caller, .interproceduralRegisters, .backward, to: &state)
      }
    }
  }

  private func newBody(of function: LinkSet.Definition) -> AddressRange? {
    guard decisions.placed.contains(function.id), let start = places[function.id] else { return nil }
    let symbol = set[function.id].symbols[function.symbol]
    return AddressRange(
      validating: start.displaced(by: Int64(bitPattern: symbol.offset)), byteCount: symbol.byteCount)
  }

  private func hasVersions(_ function: LinkSet.Definition) throws(LinkError) -> Bool {
    if changes(function) { return true }
    guard !identities.isAnonymous(function.id), let known = try identities.known(function.id, symbol: function.symbol)
    else { return false }
    return try identities.directory.bodies(of: known).count > 1
  }

  private func add(
    _ body: AddressRange, of caller: LinkSet.Definition, _ reason: Guard.Reason, _ direction: Guard.Direction,
    to state: inout EmitterState
  ) {
    state.draft.add(
      Guard(
        range: body, reach: .whole, reason: reason, direction: direction,
        function: set[caller.id].symbols[caller.symbol].name))
  }
}
