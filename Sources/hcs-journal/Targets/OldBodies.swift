import Addressing
import Applier
import Journal

/// The code in which a thread would execute what is no longer the program.
///
/// Not only what is on the way to the update that is reached: a process may have been at later updates, and threads may still be
/// in their bodies.
struct OldBodies {
  let code: SupersededCode

  /// - Parameter origin: where the target comes from.
  init(_ store: JournalStore, at reached: Digest, from origin: Digest) throws(JournalError) {
    if store.base.isPrepared {
      let names = BodyNames(store: store, reached: reached, others: [origin, try store.head()?.digest ?? origin])
      code = SupersededCode(parts: try Self.parts(store, at: reached), body: names.body)
    } else {
      var bodies = ObservedBodies(store, at: reached)
      try bodies.add(from: origin)
      code = SupersededCode(bodies.bodies)
    }
  }

  /// In the image what functions have left, in the arena all that no current body takes: the cost is that of the functions, and
  /// not of the bodies that they have had.
  private static func parts(
    _ store: JournalStore, at reached: Digest
  ) throws(JournalError) -> [SupersededCode.Part] {
    let arena = store.base.arena.code
    let used = try store.cursors().code
    var parts: [SupersededCode.Part] = []
    var current: [AddressRange] = []
    for function in try store.functionPlaces(at: reached) {
      if let body = function.current?.body, arena.contains(body.start) { current.append(body) }
      guard let base = function.base, !base.body.isEmpty, function.current?.body.start != base.body.start else {
        continue
      }
      parts.append(
        SupersededCode.Part(range: base.body, beginsWithEntryStub: base.entry == base.body.start))
    }
    var start = arena.start
    for body in current.sorted(by: { $0.start < $1.start }) {
      add(from: start, to: body.start)
      start = max(start, body.end)
    }
    add(from: start, to: used)
    return parts

    func add(from start: VirtualAddress, to end: VirtualAddress) {
      guard start < end else { return }
      parts.append(
        SupersededCode.Part(range: AddressRange(start: start, byteCount: end.rawValue - start.rawValue)))
    }
  }
}

/// Whose body it is where a thread was found.
private struct BodyNames: Sendable {
  let store: JournalStore
  let reached: Digest
  /// Updates at which the process may have been, and whose bodies it may have.
  let others: [Digest]

  func body(at address: VirtualAddress, _ memory: SupersededCode.Memory) -> SupersededBody? {
    do {
      var likely: SupersededBody?
      for digest in [reached] + others {
        guard let placed = try store.placement(containing: address, at: digest) else { continue }
        guard isThere(placed, memory) else {
          likely = likely ?? SupersededBody(placed.identity, placed.placement, of: placed.update)
          continue
        }
        // What stands there now, and an entry stub at the start of a former body, are the program.
        if digest == reached, placed.isCurrent { return nil }
        if placed.placement.body.start == address, placed.placement.entry == address { return nil }
        return SupersededBody(placed.identity, placed.placement, of: placed.update)
      }
      guard likely != nil else { return nil }
      let other = try store.functionBodies(containing: address).first { isThere($0, memory) }
      return other.map { SupersededBody($0.identity, $0.placement, of: $0.update) } ?? likely
    } catch {
      // The target is where it was to be: that the journal cannot be read now does not make its thread's place less true.
      return SupersededBody(
        range: AddressRange(start: address, byteCount: 1), function: "\(address)", update: .base,
        beginsWithEntryStub: false)
    }
  }
}

extension BodyNames {
  /// Room of the arena has had several bodies: whether it is this one that a process has.
  private func isThere(_ placed: PlacedAtom, _ memory: SupersededCode.Memory) -> Bool {
    let range = placed.placement.body
    guard store.base.arena.code.contains(range), let held = memory(range),
      // What a pruned update held nobody can tell any more.
      let digest = try? store.digest(of: placed.update), let wanted = try? store.bytes(range, at: digest)
    else { return true }
    return held == wanted
  }
}

extension SupersededBody {
  fileprivate init(_ atom: AtomIdentity, _ placement: Placement, of update: UpdateNumber) {
    self.init(
      range: placement.body, function: atom.title(as: .function), update: update,
      beginsWithEntryStub: placement.entry == placement.body.start)
  }
}

/// Of an observed image, whose functions stand anywhere and overlap what stood there before: every body by itself.
private struct ObservedBodies {
  private let store: JournalStore
  private let reached: Digest
  private var current: [AtomIdentity: PlacedAtom?] = [:]
  private var seen: Set<AddressRange> = []
  private(set) var bodies: [SupersededBody] = []

  init(_ store: JournalStore, at reached: Digest) {
    self.store = store
    self.reached = reached
  }

  mutating func add(from origin: Digest) throws(JournalError) {
    for placed in try store.supersededBodies(at: reached) { add(placed.identity, placed.placement, of: placed.update) }
    let newest = try store.head()?.digest ?? reached
    for tip in [origin, newest] where tip != reached {
      for placed in try store.supersededBodies(at: tip) {
        try addUnlessCurrent(placed.identity, placed.placement, of: placed.update, placed.content)
      }
      for step in try store.steps(from: reached, to: tip) where step.direction == .forward {
        try add(step.update)
      }
    }
  }

  private mutating func add(_ update: Update) throws(JournalError) {
    for change in update.content.atoms where change.atomKind == .function && change.change != .rewritten {
      if let after = change.after { try addUnlessCurrent(change.atom, after, of: update.number) }
    }
  }

  private mutating func addUnlessCurrent(
    _ atom: AtomIdentity, _ placement: Placement, of update: UpdateNumber, _ content: Digest? = nil
  ) throws(JournalError) {
    // Most are there already: the question costs a query for each function.
    guard !seen.contains(placement.body), try !isCurrent(atom, placement.body.start, of: update, content) else {
      return
    }
    add(atom, placement, of: update)
  }

  private mutating func add(_ atom: AtomIdentity, _ placement: Placement, of update: UpdateNumber) {
    guard !placement.body.isEmpty, seen.insert(placement.body).inserted else { return }
    bodies.append(SupersededBody(atom, placement, of: update))
  }

  private mutating func isCurrent(
    _ atom: AtomIdentity, _ start: VirtualAddress, of update: UpdateNumber, _ content: Digest?
  ) throws(JournalError) -> Bool {
    if current[atom] == nil { current[atom] = .some(try store.placement(of: atom, at: reached)) }
    // What no update on the way has touched stands where the base image has it.
    guard let known = current[atom], let now = known else { return update == .base }
    guard now.placement.body.start == start else { return false }
    // A full arena's room is used again, also by the same function.
    guard let content, let currentContent = now.content else { return true }
    return content == currentContent
  }
}
