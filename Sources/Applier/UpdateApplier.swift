public import Journal

/// Takes targets from one update to another: the one code path for files and tasks, forward and back.
///
/// Identity, position and every byte that the steps expect are compared before the first write. Its calls are
/// synchronous and belong to the thread that opened the target.
public struct UpdateApplier: Sendable {
  public struct Options: Sendable {
    /// How long a commit waits for threads to leave guarded ranges.
    public var timeoutNanoseconds: UInt64 = 5_000_000_000
    /// Compares and plans, and writes nothing.
    public var isDryRun = false
    /// Overwrites bodies in place although the image switches stacks in user space, where no check of stacks sees a
    /// suspended frame.
    public var assumesNoSwitchedStacks = false
    /// Stops all threads also where cells alone change, so that no thread sees one of them before another, also where this program
    /// is killed among them: the process then stays in a job-control stop until it is settled.
    public var isAtomic = false

    public init() {}
  }

  /// Takes down elsewhere what is about to be done to a target.
  public typealias Announcement = (TargetHeader) throws(ApplyError) -> Void

  public let base: BaseImage
  public var options: Options
  let clock: ApplyClock

  public init(base: BaseImage, options: Options = Options()) {
    self.init(base: base, options: options, clock: .system)
  }

  init(base: BaseImage, options: Options, clock: ApplyClock) {
    self.base = base
    self.options = options
    self.clock = clock
  }

  /// Where the target stands, once it is known to be of this image and this journal.
  public func standing(of target: any UpdateTarget) throws(ApplyError) -> TargetStanding {
    do throws(ApplyError) {
      let identity = try target.identity()
      let header = try target.header()
      // An image without build-id is known by the header that `init` put into it.
      guard identity == base.identity || (identity.isEmpty && header != nil) else {
        throw ApplyError(.identityMismatch, expected: base.identity, found: identity)
      }
      guard let header else { return .at(base.position) }
      guard header.base == base.digest else {
        throw ApplyError(.foreignBase, expected: base.digest.bytes, found: header.base.bytes)
      }
      return header.intent.map { .torn(header.position, $0) } ?? .at(header.position)
    } catch { throw error.named(target.name) }
  }

  /// Takes the target along the steps, all of them or none.
  ///
  /// - Parameters:
  ///   - steps: from where the target stands (`standing(of:)`) to the destination; empty when they are the same.
  ///   - superseded: code that is not the newest once the steps are taken: threads found there are reported.
  ///   - announce: told what the header is about to say, once everything has been compared and before anything is written. What it
  ///     throws ends the apply, the target untouched.
  public func apply(
    _ steps: [Step], to destination: TargetHeader.Position, on target: any UpdateTarget,
    superseded: SupersededCode = .none, announce: Announcement = { _ in }
  ) throws(ApplyError) -> ApplyReport {
    let position: TargetHeader.Position
    switch try standing(of: target) {
    case .at(let found): position = found
    case .torn(let found, let intent):
      throw ApplyError(
        .torn, outcome: .torn(at: intent.destination.number), target: target.name, update: intent.destination.number,
        detail: "on its way from update \(found.number) to \(intent.destination.number)")
    }
    do throws(ApplyError) {
      return try apply(steps, from: position, to: destination, on: target, superseded, announce)
    } catch { throw error.named(target.name) }
  }

  private func apply(
    _ steps: [Step], from position: TargetHeader.Position, to destination: TargetHeader.Position,
    on target: any UpdateTarget, _ superseded: SupersededCode, _ announce: Announcement
  ) throws(ApplyError) -> ApplyReport {
    var report = ApplyReport(target: target.name, from: position, to: destination)
    report.isDryRun = options.isDryRun
    let origin = steps.first?.origin ?? destination.digest
    guard origin == position.digest else {
      throw ApplyError(.positionMismatch, expected: origin.bytes, found: position.digest.bytes)
    }
    if steps.isEmpty { return report }
    let plan = try ApplyPlan(steps: steps, destination: destination, base: base, nature: target.nature)
    try checkStacks(plan)
    try target.checkMayChange()
    let comparison = TargetComparison(plan: plan, target: target)
    let fresh = FreshPass(comparison, base: base)
    let pending = try comparison.pendingWrites(fresh, isDryRun: options.isDryRun)
    report.updates = plan.updates
    report.initializedVariableCount = pending.initializedVariableCount
    report.stopsThreads = plan.stopsThreads(isAtomic: options.isAtomic)
    if options.isDryRun {
      report.byteCount = pending.all.reduce(pending.freshByteCount ?? 0) { $0 + UInt64($1.bytes.count) }
      return report
    }
    let standing = TargetHeader(base: base.digest, position: position)
    var underWay = standing
    underWay.intent = TargetHeader.Intent(direction: plan.direction, destination: destination)
    try announce(underWay)
    var run = ApplyRun(
      target: target, plan: plan, pending: pending, fresh: fresh, underWay: underWay, standing: standing,
      superseded: superseded, timeoutNanoseconds: options.timeoutNanoseconds, clock: clock,
      holdsTarget: options.isAtomic || plan.mustNotMix, report: report)
    return try run.execute()
  }

  /// A suspended fiber's frames are on no thread's stack. What only replaces the first instructions of a function is
  /// safe all the same: no call stands in them, so that no frame returns into them.
  func checkStacks(_ plan: ApplyPlan) throws(ApplyError) {
    guard base.switchesStacks, !options.assumesNoSwitchedStacks else { return }
    if let risky = plan.guards.first(where: { $0.reason != .entryStub }) {
      throw ApplyError(
        .stacksSwitched, update: risky.update, address: risky.range.start, symbol: risky.function,
        detail: "\(risky.function) must not be on any stack")
    }
  }
}

/// Where a target stands.
public enum TargetStanding: Hashable, Sendable {
  case at(TargetHeader.Position)
  /// An applier died on the way from the position to the intent's destination.
  case torn(TargetHeader.Position, TargetHeader.Intent)

  /// Where it stands, or stood last.
  public var position: TargetHeader.Position {
    switch self {
    case .at(let position), .torn(let position, _): position
    }
  }
}

extension BaseImage {
  /// Update 0.
  public var position: TargetHeader.Position { TargetHeader.Position(digest: digest, number: .base) }
}

extension ApplyError {
  func named(_ target: String) -> ApplyError {
    var error = self
    error.target = error.target ?? target
    return error
  }
}
