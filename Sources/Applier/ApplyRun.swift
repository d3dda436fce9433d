import Addressing
import Journal

/// One way of a target from where it stands to where a plan leads, and back when something fails on it.
///
/// Invariants:
///  (I1) Before the header says where the target is going, nothing but the room for it has been made.
///  (I2) A byte is in the undo log before it is written.
///  (I3) What is reachable is written only while the threads stand still past every guard, or by single stores.
///  (I4) The header names the destination, and no intent, only after everything is written.
///  (I5) Whoever finds an intent in a header finds each byte of the plan as on one side or the other.
///  (I6) A target that is held, and would stand still were this program killed, has an intent in its header that says so: the
///       header that has none comes after its threads have been let go.
///
/// States, and what leads from one to the next:
/// ```
/// standing ─stage→ staging ─commit→ committing ─last header→ committed ─finish→ done
///    ↑                │                 │
///    └── takeBack ────┴─────────────────┤
///                                       └─ takeBack fails → torn: left by `settle` only
/// ```
struct ApplyRun {
  enum State {
    case standing
    case staging
    case committing
    case committed
  }

  let target: any UpdateTarget
  let plan: ApplyPlan
  let pending: PendingWrites
  /// What the header says while the target is on its way: position and intent.
  let underWay: TargetHeader
  /// What it said before; nil where this is a settling, whose failure leaves the target as torn as it was.
  let standing: TargetHeader?
  let superseded: SupersededCode
  let timeoutNanoseconds: UInt64
  let clock: ApplyClock
  /// Whether the writes must be met together or not at all.
  let holdsTarget: Bool

  private(set) var report: ApplyReport
  private var fresh: FreshPass
  private var state = State.standing
  private var undoLog: [PendingWrite] = []
  /// Whose bodies they are in is asked once the threads go on.
  private var occupantsOfOldCode: [GuardOccupant] = []
  private var isHeld = false

  init(
    target: any UpdateTarget, plan: ApplyPlan, pending: PendingWrites, fresh: FreshPass, underWay: TargetHeader,
    standing: TargetHeader?, superseded: SupersededCode, timeoutNanoseconds: UInt64, clock: ApplyClock,
    holdsTarget: Bool, report: ApplyReport
  ) {
    self.target = target
    self.plan = plan
    self.pending = pending
    self.fresh = fresh
    self.underWay = underWay
    self.standing = standing
    self.superseded = superseded
    self.timeoutNanoseconds = timeoutNanoseconds
    self.clock = clock
    self.holdsTarget = holdsTarget
    self.report = report
  }

  mutating func execute() throws(ApplyError) -> ApplyReport {
    let pages = PageSet(of: pending.all, and: pending.freshByteCount == 0 ? [] : plan.freshAreas)
    let found = try target.protections(of: pages.ranges)
    do throws(ApplyError) {
      report.mappedByteCount = try target.prepare(for: plan)
      try stage()
      try commit()
      try target.finish()
    } catch { throw takeBack(after: error) }
    report.protections = notes(pages.ranges, found: found)
    return report
  }

  // MARK: - Forward

  private mutating func stage() throws(ApplyError) {
    state = .staging
    if standing != nil { try target.write(header: underWay) }
    if let resize = plan.resize, resize.after > resize.before { try target.resize(to: resize.after) }
    if pending.freshByteCount != 0 { report.byteCount += try fresh.write() }
    for write in pending.staged { try perform(write) }
  }

  private mutating func commit() throws(ApplyError) {
    let isStopping = report.stopsThreads
    let start = isStopping ? try stopPastGuards() : 0
    state = .committing
    // Where threads run, what has been staged may be in use once the first of these writes is done: from here on it
    // stays, as it does in a task that was rolled back.
    if !isStopping {
      undoLog.removeAll()
      fresh.keep()
    }
    for write in pending.overwrites { try perform(write) }
    for write in pending.cells { try perform(write) }
    if let resize = plan.resize, resize.after < resize.before { try target.resize(to: resize.after) }
    let isHeld = isHeld || endsHold
    if !isHeld { try target.write(header: arrived) }
    state = .committed
    guard isStopping else { return try lookForOldFrames() }
    try resumeForGood()
    report.pauseNanoseconds = target.lastPauseNanoseconds ?? (clock.now() - start)
    if isHeld { try writeHeaderForGood() }
    report.threadsInOldBodies = superseded.places(of: occupantsOfOldCode, in: target)
  }

  private var arrived: TargetHeader { TargetHeader(base: underWay.base, position: plan.to) }

  /// Whether the target was found held by an applier that has died, and is to go on now.
  private var endsHold: Bool {
    standing == nil && underWay.intent?.isHeld == true && target.isJobControlStopped
  }

  /// Stops the threads where none is in a guarded range, or says which one stays in the way.
  /// - Returns: when the stop began.
  private mutating func stopPastGuards() throws(ApplyError) -> UInt64 {
    let (sum, overflow) = clock.now().addingReportingOverflow(timeoutNanoseconds)
    let deadline = overflow ? .max : sum
    var wait: UInt64 = 200_000
    let guards = plan.guards + superseded.parts.map(PlannedGuard.init)
    while true {
      let start = clock.now()
      try target.stop()
      var blocking = try findThreads(guards)
      if blocking == nil, try hold() { blocking = try findThreads(guards) }
      guard let blocking else { return start }
      try letGo()
      guard clock.now() < deadline else { throw blockedError(blocking) }
      try rest(wait)
      wait = min(2 * wait, 20_000_000)
      report.retryCount += 1
    }
  }

  /// Who is in the way; where nobody is, those in old bodies are kept for the report.
  private mutating func findThreads(_ guards: [PlannedGuard]) throws(ApplyError) -> GuardOccupant? {
    let occupants = try target.occupants(of: guards)
    if let blocking = occupants.first(where: { $0.guardIndex < plan.guards.count }) { return blocking }
    occupantsOfOldCode = occupants
    return nil
  }

  /// Where the writes must be met together or not at all, the target is not to run were this program killed among them.
  /// - Returns: whether a thread no longer stands where it was found.
  private mutating func hold() throws(ApplyError) -> Bool {
    guard holdsTarget, try target.mayHold() else { return false }
    var header = underWay
    header.intent?.isHeld = true
    try target.write(header: header)
    isHeld = true
    return try target.hold()
  }

  private mutating func letGo() throws(ApplyError) {
    try target.resume()
    guard isHeld else { return }
    isHeld = false
    try target.write(header: underWay)
  }

  /// Who goes on in an old body, where nothing was stopped: from the last write on nobody enters one any more, so that each
  /// thread can be looked at by itself.
  private mutating func lookForOldFrames() throws(ApplyError) {
    if superseded.isEmpty { return }
    let (found, unseen) = try target.survey(superseded.parts.map(PlannedGuard.init))
    report.threadsInOldBodies = superseded.places(of: found, in: target)
    report.unseenThreads = unseen
  }

  /// Time for the threads to get on. Signals for the one that stays traced are passed on meanwhile.
  private func rest(_ nanoseconds: UInt64) throws(ApplyError) {
    var left = nanoseconds
    while left > 0 {
      let part = min(left, 1_000_000)
      clock.sleep(part)
      try target.attend()
      left -= part
    }
  }

  private func resumeForGood() throws(ApplyError) {
    try forGood("its threads could not be resumed") { () throws(ApplyError) in
      if endsHold { try target.endJobControlStop() }
      try target.resume()
    }
  }

  private func writeHeaderForGood() throws(ApplyError) {
    try forGood("its header could not be written") { () throws(ApplyError) in try target.write(header: arrived) }
  }

  /// Once more where it fails: nothing can be taken back any more.
  private func forGood(_ detail: String, _ last: () throws(ApplyError) -> Void) throws(ApplyError) {
    do throws(ApplyError) {
      try last()
    } catch {
      do throws(ApplyError) {
        try last()
      } catch {
        var error = error.left(.torn(at: plan.to.number))
        error.detail = "all of the update is written, but " + detail
        throw error
      }
    }
  }

  private mutating func perform(_ write: PendingWrite) throws(ApplyError) {
    undoLog.append(write)
    try put(write.bytes, of: write)
    report.byteCount += UInt64(write.bytes.count)
  }

  private func put(_ bytes: [UInt8], of write: PendingWrite) throws(ApplyError) {
    if write.isCell, case .virtual(let cell) = write.place {
      try target.store(UInt64(littleEndianBytes: bytes), at: cell)
    } else {
      try target.write(bytes, at: write.place)
    }
  }

  // MARK: - Back

  /// Undoes what was written and says how the target was left.
  private mutating func takeBack(after error: ApplyError) -> ApplyError {
    defer { target.cancel() }
    if case .torn = error.outcome { return error }
    if target.keepsOriginalUntilFinish { return error.left(.untouched) }
    defer {
      // Whoever lets go of the target lets its threads go as well: a failure here adds nothing to the one reported.
      try? target.resume()
    }
    // Nothing is left of a process that has ended, or that runs another program, that could be settled.
    if Self.ends(error) { return error.left(.untouched) }
    guard let standing else { return error.left(.torn(at: tornNumber)) }
    if state == .standing { return error.left(.untouched) }
    do throws(ApplyError) {
      for write in undoLog.reversed() { try put(write.found, of: write) }
      try fresh.undo()
      if isHeld { try target.resume() }
      try target.write(header: standing)
    } catch {
      if Self.ends(error) { return error.left(.untouched) }
      // (I5): the intent stays in the header, and the first error is the one to be known.
      return withCause(error, left: .torn(at: tornNumber))
    }
    return error.left(state == .staging ? .untouched : .rolledBack)

    func withCause(_ second: ApplyError, left outcome: ApplyError.Outcome) -> ApplyError {
      var result = error.left(outcome)
      result.cause = result.cause ?? second
      return result
    }
  }

  private static func ends(_ error: ApplyError) -> Bool {
    error.code == .processExited || error.code == .programExchanged
  }

  private var tornNumber: UpdateNumber { underWay.intent?.destination.number ?? plan.to.number }

  // MARK: - Words for the report

  private func blockedError(_ occupant: GuardOccupant) -> ApplyError {
    let wanted = plan.guards[occupant.guardIndex]
    let place =
      superseded.place(of: occupant, in: target)
      ?? ThreadPlace(
        thread: occupant.thread, threadName: occupant.threadName, function: wanted.function,
        offset: occupant.address.rawValue &- wanted.range.start.rawValue, update: nil)
    return ApplyError(.blockedByThread, update: wanted.update, address: occupant.address, thread: place)
  }

  /// What became of the pages that did not allow writing. Failing to look is no failure of an update that is applied.
  private func notes(_ ranges: [AddressRange], found: [PageProtection?]) -> [ProtectionNote] {
    let left = (try? target.protections(of: ranges)) ?? []
    return zip(ranges, found).enumerated().compactMap { index, page in
      guard let found = page.1, !found.contains(.write) else { return nil }
      return ProtectionNote(range: page.0, found: found, left: index < left.count ? left[index] : nil)
    }
  }
}
