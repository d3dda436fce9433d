import Addressing
import Journal
import Testing

@testable import Applier

/// Every call of an apply fails, one after the other, once or for good: the target is untouched, rolled back or torn
/// and says so, and the next run settles it.
@Suite struct FaultSweepTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var seed: UInt64
    var start: Int
    var end: Int
    var isPrepared = true

    var testDescription: String { "seed \(seed), \(start) to \(end), \(isPrepared ? "prepared" : "unprepared")" }
  }

  static let cases: [Case] = (1...5).flatMap { seed in
    [
      Case(seed: seed, start: 0, end: 1), Case(seed: seed, start: 0, end: 4, isPrepared: false),
      Case(seed: seed, start: 2, end: 4), Case(seed: seed, start: 4, end: 1),
    ]
  }

  let applier = UpdateApplier(base: SmallImage.base(), options: .init(), clock: .stoppedClock)

  private func task(_ simulated: SimulatedTask) throws(ApplyError) -> LiveTask {
    try LiveTask(simulated, base: SmallImage.base())
  }

  /// A task that stands at the start of the case.
  private func ready(_ test: Case, _ updates: UpdateGenerator) throws -> SimulatedTask {
    let simulated = SimulatedTask(isPrepared: test.isPrepared)
    if test.start > 0 {
      _ = try applier.apply(
        updates.steps(from: 0, to: test.start), to: updates.position(test.start), on: try task(simulated))
    }
    simulated.restartCounting()
    return simulated
  }

  @Test("Whichever call fails, the next run settles the task", arguments: cases, SimulatedTask.Failure.allCases)
  func everyCallFails(test: Case, how: SimulatedTask.Failure) throws {
    let updates = UpdateGenerator.chain(seed: test.seed, count: 4)
    var outcomes: Set<String> = []
    // How often a task was left standing still.
    var heldCount = 0
    var number = 1
    while true {
      let simulated = try ready(test, updates)
      let before = simulated.contents
      simulated.failing = (number, how)
      guard let error = failure(of: { () throws(ApplyError) in try apply(test, updates, simulated) }) else {
        // A call that nothing depends on may fail unnoticed; past the last one nothing fails.
        if simulated.callCount < number { break }
        number += 1
        continue
      }
      outcomes.insert("\(error.outcome)")
      simulated.heal()
      if try check(error, test, updates, simulated, before: before) { heldCount += 1 }
      number += 1
    }
    #expect(outcomes.isSuperset(of: ["the target is untouched"]))
    let mustNotMix = try ApplyPlan(
      steps: updates.steps(from: test.start, to: test.end), destination: updates.position(test.end),
      base: SmallImage.base(), nature: .task(.running)
    ).mustNotMix
    // A call that fails but once is made again where it matters.
    let staysFailed = how == .forGood || how == .halfForGood
    #expect(heldCount > 0 || !mustNotMix || !staysFailed)
  }

  private func apply(
    _ test: Case, _ updates: UpdateGenerator, _ simulated: SimulatedTask
  ) throws(ApplyError) -> ApplyReport {
    try applier.apply(
      updates.steps(from: test.start, to: test.end), to: updates.position(test.end), on: try task(simulated))
  }

  /// Whether the task was left standing still.
  private func check(
    _ error: ApplyError, _ test: Case, _ updates: UpdateGenerator, _ simulated: SimulatedTask,
    before: [UInt64: SimulatedTask.Region]
  ) throws -> Bool {
    let standing = try applier.standing(of: try task(simulated))
    let wasHeld = simulated.isJobControlStopped
    if simulated.isJobControlStopped {
      guard case .torn(_, let intent) = standing else {
        Issue.record("it stands still, and nothing says why: \(error)")
        return true
      }
      #expect(intent.isHeld)
    }
    defer { #expect(!simulated.isJobControlStopped) }
    switch error.outcome {
    case .untouched:
      for (start, region) in before { #expect(simulated.contents[start] == region) }
      #expect(standing == .at(updates.position(test.start)))
      _ = try apply(test, updates, simulated)
    case .rolledBack:
      #expect(standing == .at(updates.position(test.start)))
      #expect(try applier.verify(updates.steps(from: 0, to: test.start), on: try task(simulated)) == [])
      _ = try apply(test, updates, simulated)
    case .torn(let number):
      #expect(number == updates.position(test.end).number)
      switch standing {
      case .at(updates.position(test.end)): break  // All of it is written, but the threads did not go on.
      case .at(let position):
        // The first write failed, and so did looking after it: nothing was written.
        #expect(position == updates.position(test.start))
        for (start, region) in before { #expect(simulated.contents[start] == region) }
        _ = try apply(test, updates, simulated)
      case .torn:
        try settle(test, updates, simulated)
      }
    }
    #expect(try applier.verify(updates.steps(from: 0, to: test.end), on: try task(simulated)) == [])
    #expect(simulated.unsafeWrites == [])
    return wasHeld
  }

  private func settle(_ test: Case, _ updates: UpdateGenerator, _ simulated: SimulatedTask) throws {
    let refused = failure { () throws(ApplyError) in try apply(test, updates, simulated) }
    #expect(refused?.code == .torn)
    let steps = updates.steps(from: test.start, to: test.end)
    // Failing on the way leaves it torn, and the next one settles it.
    simulated.restartCounting()
    simulated.failing = (4, .halfForGood)
    let failed = failure { () throws(ApplyError) in
      try applier.settle(steps, by: .undo, on: try task(simulated))
    }
    simulated.heal()
    if failed == nil {
      Issue.record("a settling whose calls fail cannot succeed")
      return
    }
    let undone = try applier.settle(steps, by: .undo, on: try task(simulated))
    #expect(undone.to == updates.position(test.start))
    #expect(try applier.verify(updates.steps(from: 0, to: test.start), on: try task(simulated)) == [])
    _ = try apply(test, updates, simulated)
  }

  @Test("A torn task is finished as well as undone", arguments: cases, [SimulatedTask.Failure.forGood, .halfForGood])
  func tornIsFinished(test: Case, how: SimulatedTask.Failure) throws {
    let updates = UpdateGenerator.chain(seed: test.seed, count: 4)
    var tornCount = 0
    var number = 1
    while true {
      let simulated = try ready(test, updates)
      simulated.failing = (number, how)
      let error = failure { () throws(ApplyError) in try apply(test, updates, simulated) }
      if error == nil, simulated.callCount < number { break }
      simulated.heal()
      number += 1
      guard case .torn = try applier.standing(of: try task(simulated)) else { continue }
      tornCount += 1
      let report = try applier.settle(
        updates.steps(from: test.start, to: test.end), by: .finish, on: try task(simulated))
      #expect(report.to == updates.position(test.end))
      #expect(try applier.verify(updates.steps(from: 0, to: test.end), on: try task(simulated)) == [])
    }
    #expect(tornCount > 0)
  }
}

extension ApplyClock {
  /// Time passes only where somebody sleeps.
  static var stoppedClock: ApplyClock { ApplyClock(now: { 0 }, sleep: { _ in }) }
}
