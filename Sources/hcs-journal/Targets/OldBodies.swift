import Addressing
import Applier
import Journal

/// The bodies in which a thread would execute what is no longer the program.
///
/// Not only those on the way to the update that is reached: a process may have been at later updates, and threads may still
/// be in theirs.
struct OldBodies {
  private let store: JournalStore
  private let reached: Digest
  private var current: [AtomIdentity: VirtualAddress?] = [:]
  private var seen: Set<AddressRange> = []
  private(set) var bodies: [SupersededBody] = []

  /// - Parameter origin: where the target comes from.
  init(_ store: JournalStore, at reached: Digest, from origin: Digest) throws(JournalError) {
    self.store = store
    self.reached = reached
    for placed in try store.supersededBodies(at: reached) { add(placed.identity, placed.placement, of: placed.update) }
    let newest = try store.head()?.digest ?? reached
    for tip in [origin, newest] where tip != reached {
      for placed in try store.supersededBodies(at: tip) {
        try addUnlessCurrent(placed.identity, placed.placement, of: placed.update)
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
    _ atom: AtomIdentity, _ placement: Placement, of update: UpdateNumber
  ) throws(JournalError) {
    // Most are there already: the question costs a query for each function.
    guard !seen.contains(placement.body), try !isCurrent(atom, placement.body.start, of: update) else { return }
    add(atom, placement, of: update)
  }

  private mutating func add(_ atom: AtomIdentity, _ placement: Placement, of update: UpdateNumber) {
    guard !placement.body.isEmpty, seen.insert(placement.body).inserted else { return }
    bodies.append(
      SupersededBody(
        range: placement.body, function: atom.title(as: .function), update: update,
        beginsWithEntryStub: placement.entry == placement.body.start))
  }

  private mutating func isCurrent(
    _ atom: AtomIdentity, _ start: VirtualAddress, of update: UpdateNumber
  ) throws(JournalError) -> Bool {
    if current[atom] == nil {
      current[atom] = .some(try store.placement(of: atom, at: reached)?.placement.body.start)
    }
    // What no update on the way has touched stands where the base image has it.
    guard let known = current[atom], let address = known else { return update == .base }
    return address == start
  }
}
