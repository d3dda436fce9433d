import Addressing
public import Journal

/// Which way a torn target is taken out of its state.
public enum Settlement: Hashable, Sendable {
  /// On to where the applier that died was going.
  case finish
  /// Back to where it came from.
  case undo
}

extension UpdateApplier {
  /// Finishes or undoes what an applier that died half-way had begun. A failure leaves the target as torn as it was.
  ///
  /// - Parameters:
  ///   - steps: from the torn target's position to its intent's destination, as the dead applier took them.
  ///   - superseded: see `apply`.
  ///   - announce: see `apply`.
  public func settle(
    _ steps: [Step], by settlement: Settlement, on target: any UpdateTarget, superseded: SupersededCode = .none,
    announce: Announcement = { _ in }
  ) throws(ApplyError) -> ApplyReport {
    guard case .torn(let position, let intent) = try standing(of: target) else {
      let position = try standing(of: target).position
      return ApplyReport(target: target.name, from: position, to: position)
    }
    do throws(ApplyError) {
      return try settle(steps, by: settlement, from: position, intent, on: target, superseded, announce)
    } catch {
      throw error.named(target.name).left(.torn(at: intent.destination.number))
    }
  }

  private func settle(
    _ steps: [Step], by settlement: Settlement, from position: TargetHeader.Position, _ intent: TargetHeader.Intent,
    on target: any UpdateTarget, _ superseded: SupersededCode, _ announce: Announcement
  ) throws(ApplyError) -> ApplyReport {
    let onward = try ApplyPlan(steps: steps, destination: intent.destination, base: base, nature: target.nature)
    guard onward.from == position.digest else {
      throw ApplyError(.positionMismatch, expected: onward.from.bytes, found: position.digest.bytes)
    }
    // Which bytes are due follows from the way that was begun; which threads are in the way, from the one that is
    // taken.
    let plan: ApplyPlan
    switch settlement {
    case .finish: plan = onward
    case .undo:
      plan = try ApplyPlan(
        steps: steps.reversed().map(\.reversed), destination: position, base: base, nature: target.nature)
    }
    try checkStacks(plan)
    let comparison = TargetComparison(
      plan: onward, target: target, goal: settlement == .finish ? .after : .before, acceptsBothSides: true)
    let fresh = FreshPass(comparison, base: base)
    let pending = try comparison.pendingWrites(fresh, isDryRun: options.isDryRun)
    let isAtomic = options.isAtomic || intent.isHeld
    var report = ApplyReport(target: target.name, from: position, to: plan.to)
    report.updates = plan.updates
    report.isDryRun = options.isDryRun
    report.initializedVariableCount = pending.initializedVariableCount
    report.stopsThreads = plan.stopsThreads(isAtomic: isAtomic)
    if options.isDryRun { return report }
    let underWay = TargetHeader(base: base.digest, position: position, intent: intent)
    try announce(underWay)
    var run = ApplyRun(
      target: target, plan: plan, pending: pending, fresh: fresh, underWay: underWay, standing: nil,
      superseded: superseded, timeoutNanoseconds: options.timeoutNanoseconds, clock: clock,
      holdsTarget: isAtomic || plan.mustNotMix, report: report)
    return try run.execute()
  }
}
