import Addressing
import Journal
import Testing

@testable import Applier

/// The one code path of an apply, on tasks of the simulated kernel.
@Suite struct DarwinApplyTests {
  static let seeds: [UInt64] = Array(1...6)
  static let count = 6
  static let layout = SimulatedMach.layout

  let base = layout.base()
  let applier = UpdateApplier(base: layout.base(), options: .init(), clock: .stoppedClock)

  private func chain(_ seed: UInt64) -> UpdateGenerator {
    UpdateGenerator.chain(seed: seed, count: Self.count, layout: Self.layout)
  }

  private func slide(_ seed: UInt64) -> UInt64 {
    var random = SplitMix(seed: seed ^ 0x51de)
    return UInt64.random(in: 0..<0x1_0000, using: &random) * Self.layout.page
  }

  @Test("A task goes to each update and back, at any slide, and its pages allow what they did", arguments: seeds)
  func tasksAgree(seed: UInt64) throws {
    let updates = chain(seed)
    for isPrepared in [true, false] {
      let mach = SimulatedMach.small(isPrepared: isPrepared, slide: slide(seed))
      let file = mach.pages.filter { $0.value.isShared }
      let original = file.mapValues(\.contents)
      let task = try mach.task()
      let target = try LiveTask(task, base: base)
      var index = 0
      for next in [1, 2, 3, 6, 4, 0, 6, 5, 1, 0] {
        let protections = mach.protections
        let report = try applier.apply(
          updates.steps(from: index, to: next), to: updates.position(next), on: target)
        index = next
        #expect(report.to == updates.position(next))
        #expect(try applier.standing(of: target) == .at(updates.position(next)))
        #expect(try applier.verify(updates.steps(from: 0, to: index), on: target) == [])
        #expect(protections.allSatisfy { mach.protections[$0.key] == $0.value })
        #expect(!mach.isSuspended)
        #expect(mach.crash == nil)
      }
      // Other processes map the same file.
      #expect(file.allSatisfy { original[$0.key] == $0.value.contents })
      task.detach()
      #expect(mach.openPortCount == 0)
      #expect(mach.openThreadListCount == 0)
      #expect(mach.locks.isEmpty)
    }
  }

  @Test("What is fetched as an instruction is what was written, update after update", arguments: seeds)
  func instructionsAreNew(seed: UInt64) throws {
    let updates = chain(seed)
    let mach = SimulatedMach.small(slide: slide(seed))
    let target = try LiveTask(try mach.task(), base: base)
    for index in 1...Self.count {
      _ = try applier.apply(updates.steps(from: index - 1, to: index), to: updates.position(index), on: target)
      for range in [Self.layout.code, Self.layout.arenaCode] {
        let start = range.start.rawValue &+ slide(seed)
        for page in stride(from: start, to: start + range.byteCount, by: Int(Self.layout.page)) {
          _ = mach.fetch(page)
          #expect(mach.pages[page]?.fetched == mach.pages[page]?.contents)
        }
      }
    }
  }

  // MARK: Faults

  struct Case: CustomTestStringConvertible, Sendable {
    var seed: UInt64
    var start: Int
    var end: Int
    var isPrepared = true

    var testDescription: String { "seed \(seed), \(start) to \(end), \(isPrepared ? "prepared" : "unprepared")" }
  }

  static let cases = [
    Case(seed: 1, start: 0, end: 1), Case(seed: 1, start: 0, end: 3, isPrepared: false),
    Case(seed: 2, start: 3, end: 1),
  ]

  private func ready(_ test: Case, _ updates: UpdateGenerator) throws -> SimulatedMach {
    let mach = SimulatedMach.small(isPrepared: test.isPrepared)
    if test.start > 0 { _ = try apply(updates, from: 0, to: test.start, mach) }
    mach.restartCounting()
    return mach
  }

  private func apply(
    _ updates: UpdateGenerator, from start: Int, to end: Int, _ mach: SimulatedMach
  ) throws(ApplyError) -> ApplyReport {
    let task = try mach.task()
    defer { task.detach() }
    return try applier.apply(
      updates.steps(from: start, to: end), to: updates.position(end), on: try LiveTask(task, base: base))
  }

  @Test("Whichever call fails, the next run settles the task", arguments: cases, SimulatedMach.Failure.allCases)
  func everyCallFails(test: Case, how: SimulatedMach.Failure) throws {
    let updates = chain(test.seed)
    var outcomes: Set<String> = []
    var number = 1
    while true {
      let mach = try ready(test, updates)
      let protections = mach.protections
      let before = contents(mach)
      mach.failing = (number, how)
      let error = failure { () throws(ApplyError) in try apply(updates, from: test.start, to: test.end, mach) }
      let hasMetFault = mach.callCount >= number
      mach.heal()
      mach.applierDies()
      if let error {
        outcomes.insert("\(error.outcome)")
        try check(error, test, updates, mach, before)
      } else if !hasMetFault {
        break
      }
      number += 1
      #expect(mach.crash == nil)
      #expect(!mach.isSuspended)
      #expect(mach.openPortCount == 0)
      #expect(mach.openThreadListCount == 0)
      // What a dead applier left open may be written still; but code can be executed again.
      let found = mach.protections
      #expect(protections.allSatisfy { found[$0.key]?.first?.isSuperset(of: $0.value.first ?? []) == true })
      if how != .forGood { #expect(protections.allSatisfy { found[$0.key] == $0.value }) }
    }
    #expect(outcomes.contains("the target is untouched"))
  }

  private func contents(_ mach: SimulatedMach) -> [UInt64: [UInt8]] {
    mach.contents(besides: Self.layout.header, slide: Slide(rawValue: 0x1_0480_0000))
  }

  private func check(
    _ error: ApplyError, _ test: Case, _ updates: UpdateGenerator, _ mach: SimulatedMach, _ before: [UInt64: [UInt8]]
  ) throws {
    let task = try mach.task()
    let target = try LiveTask(task, base: base)
    let standing = try applier.standing(of: target)
    let steps = updates.steps(from: test.start, to: test.end)
    switch error.outcome {
    case .untouched:
      let after = contents(mach)
      #expect(before.allSatisfy { after[$0.key] == $0.value })
      #expect(standing == .at(updates.position(test.start)))
      _ = try applier.apply(steps, to: updates.position(test.end), on: target)
    case .rolledBack:
      #expect(standing == .at(updates.position(test.start)))
      #expect(try applier.verify(updates.steps(from: 0, to: test.start), on: target) == [])
      _ = try applier.apply(steps, to: updates.position(test.end), on: target)
    case .torn(let number):
      #expect(number == updates.position(test.end).number)
      if case .torn = standing {
        let undone = try applier.settle(steps, by: .undo, on: target)
        #expect(undone.to == updates.position(test.start))
        #expect(try applier.verify(updates.steps(from: 0, to: test.start), on: target) == [])
      }
      if try applier.standing(of: target) == .at(updates.position(test.start)) {
        _ = try applier.apply(steps, to: updates.position(test.end), on: target)
      }
    }
    #expect(try applier.standing(of: target) == .at(updates.position(test.end)))
    #expect(try applier.verify(updates.steps(from: 0, to: test.end), on: target) == [])
    task.detach()
  }
}
