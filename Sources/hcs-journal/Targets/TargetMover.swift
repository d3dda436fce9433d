import Applier
import Journal

/// Takes targets to an update and keeps in the journal where they stand.
struct TargetMover {
  enum Way {
    /// Forward: to the given update, or the newest.
    case replay(UpdateNumber?)
    /// Back: to the given update, or the one before.
    case rollback(UpdateNumber?)
    /// Wherever that is.
    case anyWay(UpdateNumber)
  }

  let store: JournalStore
  let options: ApplyOptions
  var isDryRun: Bool

  /// Each target by itself: that one refuses does not keep the others from moving.
  func move(_ names: [TargetName], _ way: Way) -> [TargetResult] {
    names.map { name in
      do {
        return TargetResult(name: name, outcome: .success(try move(name, way)))
      } catch {
        return TargetResult(name: name, outcome: .failure(error))
      }
    }
  }

  private func move(_ name: TargetName, _ way: Way) throws -> ApplyReport {
    let (result, end) = try held(name, way)
    guard !isDryRun else { return try result.get() }
    // The first error is the one to be known: what is left in the journal, the next command finds.
    if case .failure = result { try? end() } else { try end() }
    return try result.get()
  }

  /// The target is let go with the return: whoever waits for the journal must not keep a process attached, for which signals
  /// wait meanwhile.
  /// - Returns: and what is then to be noted.
  private func held(
    _ name: TargetName, _ way: Way
  ) throws -> (Result<ApplyReport, any Error>, () throws(JournalError) -> Void) {
    let open = try OpenTarget(name, store: store, options.writeMethod, breaksLinks: options.breakLinks)
    if !isDryRun, let process = open.process { try noteBefore(process, open.target) }
    let notes = try TargetNotes(open, in: store)
    do {
      let report = try move(open.target, way) { (header) throws(ApplyError) in try notes.begin(header) }
      return (.success(report), notes.end(at: report.to.digest))
    } catch {
      return (.failure(error), notes.end(after: error))
    }
  }

  /// Also where it is refused: `targets` and `--all` find the process from now on.
  private func noteBefore(_ process: LiveProcess, _ target: any UpdateTarget) throws {
    let position = try UpdateApplier(base: store.base).standing(of: target).position
    let known = process.known(at: position.digest)
    if try !store.targets().contains(where: { $0.pid == known.pid && $0.startTime == known.startTime }) {
      try store.noteTarget(known)
    }
  }

  /// - Parameter announce: see `UpdateApplier.apply`.
  func move(
    _ target: any UpdateTarget, _ way: Way, announce: UpdateApplier.Announcement = { _ in }
  ) throws -> ApplyReport {
    let applier = UpdateApplier(base: store.base, options: options.applier(isDryRun))
    var standing = try applier.standing(of: target)
    var settled: ApplyReport.Settled?
    if case .torn(let position, let intent) = standing, !isDryRun {
      settled = try settle(target, applier, position, intent, for: way, announce)
      standing = try applier.standing(of: target)
    }
    let position = standing.position
    guard case .at = standing else { return try applier.apply([], to: position, on: target) }
    var report = try move(target, applier, way.after(settled), from: position, announce)
    report.settled = settled
    return report
  }

  private func move(
    _ target: any UpdateTarget, _ applier: UpdateApplier, _ way: Way, from position: TargetHeader.Position,
    _ announce: UpdateApplier.Announcement
  ) throws -> ApplyReport {
    guard let from = try number(position.digest) else {
      throw ApplyError(.positionUnknown, target: target.name, found: position.digest.bytes)
    }
    let destination = try destination(of: way, from: position.digest, target)
    return try store.along(position.digest, destination.digest, isSigned: options.signatures.areRequired) { steps in
      try check(steps, of: way, from: from, to: destination.number, target)
      try options.signatures.check(steps, to: destination.digest, in: store)
      if steps.isEmpty { return try applier.apply([], to: destination, on: target) }
      let old = try OldBodies(store, at: destination.digest, from: position.digest).code
      return try applier.apply(steps, to: destination, on: target, superseded: old, announce: announce)
    }
  }

  /// Brings a target that an applier has left half-way to the side that the way leads to.
  private func settle(
    _ target: any UpdateTarget, _ applier: UpdateApplier, _ position: TargetHeader.Position,
    _ intent: TargetHeader.Intent, for way: Way, _ announce: UpdateApplier.Announcement
  ) throws -> ApplyReport.Settled {
    let settlement = way.settlement(from: position.number, intent)
    let reached = settlement == .finish ? intent.destination : position
    try store.along(
      position.digest, intent.destination.digest, isSigned: options.signatures.areRequired, isSettling: true
    ) { steps in
      if settlement == .finish { try options.signatures.check(steps, to: intent.destination.digest, in: store) }
      let old = try OldBodies(store, at: reached.digest, from: position.digest).code
      _ = try applier.settle(steps, by: settlement, on: target, superseded: old, announce: announce)
    }
    return ApplyReport.Settled(from: position, to: intent.destination, settlement: settlement)
  }

  private func number(_ digest: Digest) throws(JournalError) -> UpdateNumber? {
    do throws(JournalError) {
      return try store.number(of: digest)
    } catch {
      if error.code == .unknownDigest { return nil }
      throw error
    }
  }

  private func destination(
    of way: Way, from digest: Digest, _ target: any UpdateTarget
  ) throws -> TargetHeader.Position {
    switch way {
    case .replay(let number?), .rollback(let number?), .anyWay(let number): return try store.position(number)
    case .replay(nil): return try store.newestPosition()
    case .rollback(nil):
      if digest == store.base.digest { throw CommandError(.atBase, target: target.name) }
      let summary = try store.summary(digest: digest)
      return try summary.pruned.map { try store.position($0.from) } ?? store.position(digest: summary.parent)
    }
  }

  /// Forward means forward, back means back: a number mistyped must not undo what the user did not name. Between branches
  /// the way leads back and then forward; that is a replay.
  private func check(
    _ steps: [Step], of way: Way, from: UpdateNumber, to: UpdateNumber, _ target: any UpdateTarget
  ) throws(CommandError) {
    guard !steps.isEmpty else { return }
    let isBack = steps.allSatisfy { $0.direction == .backward }
    switch way {
    case .replay where isBack:
      throw CommandError(.updateIsBehind, target: target.name, position: from, update: to)
    case .rollback where !isBack:
      throw CommandError(.updateIsNotBehind, target: target.name, position: from, update: to)
    default: break
    }
  }
}

extension TargetMover.Way {
  /// The end at which the user's way goes on: where it leads, or else the nearer of the two.
  fileprivate func settlement(from position: UpdateNumber, _ intent: TargetHeader.Intent) -> Settlement {
    // Its threads stand where the way on was free, and do not get on: nobody in the way back would ever leave it.
    if intent.isHeld { return .finish }
    switch self {
    case .replay(let number), .rollback(let number), .anyWay(let number as UpdateNumber?):
      if number == intent.destination.number { return .finish }
      if number == position { return .undo }
    }
    let leadsForward = if case .rollback = self { false } else { true }
    return leadsForward == (intent.direction == .forward) ? .finish : .undo
  }

  /// Back by one is done where what had been begun forward was taken back, or what had been begun backward was finished.
  fileprivate func after(_ settled: ApplyReport.Settled?) -> Self {
    guard let settled, case .rollback(nil) = self else { return self }
    return .rollback(settled.reached.number)
  }
}

extension JournalStore {
  func position(_ number: UpdateNumber) throws(JournalError) -> TargetHeader.Position {
    TargetHeader.Position(digest: number == .base ? base.digest : try digest(of: number), number: number)
  }

  func position(digest: Digest) throws(JournalError) -> TargetHeader.Position {
    TargetHeader.Position(digest: digest, number: digest == base.digest ? .base : try number(of: digest))
  }

  func newestPosition() throws(JournalError) -> TargetHeader.Position {
    try head().map { TargetHeader.Position(digest: $0.digest, number: $0.number) } ?? base.position
  }
}
