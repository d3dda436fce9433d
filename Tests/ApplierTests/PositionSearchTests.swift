import Addressing
import Journal
import Testing

@testable import Applier

/// Where a target stands, told by what it holds.
@Suite struct PositionSearchTests {
  private let base = SmallImage.base()
  private let updates = UpdateGenerator.chain(seed: 21, count: 12)

  private func candidates(
    _ target: any UpdateTarget, _ known: [Update]? = nil, atMost count: Int = 3
  ) throws -> [(position: TargetHeader.Position, differences: Int)] {
    var search = PositionSearch(base: base, target: target)
    for update in known ?? updates.updates { try search.add(update) }
    return search.candidates(atMost: count)
  }

  @Test func `a process without a header is found at each update, by its bytes alone`() throws {
    for index in 0...updates.updates.count {
      let simulated = try SimulatedTask.started(from: updates, at: index)
      try simulated.poke([UInt8](repeating: 0, count: 0x1000), at: SmallImage.header.start)
      let found = try candidates(try LiveTask(simulated, base: base), atMost: 20)
      let nearest = found.filter { $0.differences == found[0].differences }
      #expect(nearest.contains { $0.position == updates.position(index) })
    }
  }

  @Test func `so is a file`() throws {
    for index in 0...updates.updates.count {
      try TemporaryFile.with(updates.file(at: index)) { path in
        let found = try candidates(try FileImage(path: path, base: base), atMost: 20)
        let nearest = found.filter { $0.differences == found[0].differences }
        #expect(nearest.contains { $0.position == updates.position(index) })
      }
    }
  }

  @Test func `what is nearest comes first, newer ones before older ones, and no more than are wanted`() throws {
    let task = try LiveTask(try SimulatedTask.started(from: updates, at: 7), base: base)
    let found = try candidates(task, atMost: 20)
    #expect(found.count == updates.updates.count + 1)
    #expect(
      zip(found, found.dropFirst()).allSatisfy { first, second in
        (first.differences, second.position.number) < (second.differences, first.position.number)
      })
    #expect(try candidates(task, atMost: 2).map(\.position) == found.prefix(2).map(\.position))
  }

  @Test func `an update is told from the one before by its cells`() throws {
    let cell = SmallImage.cells.start
    func pointer(_ before: UInt64?, _ after: UInt64) -> Journal.Operation {
      .pointer(
        PointerOperation(
          cell: cell, before: before.map { VirtualAddress($0) }, after: VirtualAddress(after), wordBefore: before ?? 0,
          wordAfter: after, records: [], isFresh: before == nil))
    }
    let first = Update.small([pointer(nil, 0x40_1000)])
    var second = Update.small([pointer(0x40_1000, 0x40_1040)])
    second.parent = first.digest
    second.digest = SmallImage.digest(0x2002)
    second.number = UpdateNumber(2)
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    try simulated.poke((0x40_1000 &+ simulated.slide.rawValue).bytes, at: cell)
    #expect(try candidates(task, [first, second]).first?.position == first.position)
    try simulated.poke((0x40_1040 &+ simulated.slide.rawValue).bytes, at: cell)
    #expect(try candidates(task, [first, second]).first?.position == second.position)
    // Neither is there: both differ by as much, and the base by nothing, for it knows no cell.
    try simulated.poke(UInt64(0).bytes, at: cell)
    let found = try candidates(task, [first, second])
    #expect(found.first?.position == base.position)
    #expect(found.dropFirst().allSatisfy { $0.differences == 1 })
  }

  @Test func `what the base image has there counts against the base as well`() throws {
    let place = SmallImage.code.start.displaced(by: 0x40)
    let update = Update.small([
      .write(WriteOperation(place: .virtual(place), before: [1, 2, 3, 4], after: [5, 6, 7, 8]))
    ])
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    for (bytes, differences) in [([1, 2, 3, 4], [0, 1]), ([5, 6, 7, 8], [1, 0]), ([9, 9, 9, 9], [1, 1])]
      as [([UInt8], [Int])]
    {
      try simulated.poke(bytes, at: place)
      let found = try candidates(task, [update])
      let ofBase = found.first { $0.position == base.position }?.differences
      let ofUpdate = found.first { $0.position == update.position }?.differences
      #expect([ofBase, ofUpdate] == differences)
    }
  }

  @Test func `a process that went back keeps bodies, which say nothing`() throws {
    let simulated = try SimulatedTask.started(from: updates, at: 0)
    let task = try LiveTask(simulated, base: base)
    let applier = UpdateApplier(base: base)
    _ = try applier.apply(updates.steps(from: 0, to: 9), to: updates.position(9), on: task)
    _ = try applier.apply(updates.steps(from: 9, to: 4), to: updates.position(4), on: task)
    let found = try candidates(task, atMost: 20)
    #expect(found.filter { $0.differences == found[0].differences }.contains { $0.position == updates.position(4) })
  }

  @Test func `a header written anew says what the bytes say`() throws {
    let simulated = try SimulatedTask.started(from: updates, at: 5)
    try simulated.poke([UInt8](repeating: 0, count: 0x1000), at: SmallImage.header.start)
    let task = try LiveTask(simulated, base: base)
    let applier = UpdateApplier(base: base)
    let history = updates.steps(from: 0, to: 5)
    #expect(try applier.mismatches(of: history, at: updates.position(5), on: task).isEmpty)
    #expect(try !applier.mismatches(of: updates.steps(from: 0, to: 12), at: updates.position(12), on: task).isEmpty)
    try applier.restoreHeader(updates.position(5), on: task)
    #expect(try applier.standing(of: task) == .at(updates.position(5)))
  }
}
