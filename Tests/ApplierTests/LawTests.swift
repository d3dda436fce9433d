import Addressing
import Journal
import Testing

@testable import Applier

/// The laws of an apply, over generated updates.
@Suite struct LawTests {
  static let seeds: [UInt64] = Array(1...24)
  static let count = 8

  let applier = UpdateApplier(base: SmallImage.base())

  private func move(
    _ target: any UpdateTarget, _ updates: UpdateGenerator, from start: Int, to end: Int
  ) throws -> ApplyReport {
    try applier.apply(updates.steps(from: start, to: end), to: updates.position(end), on: target)
  }

  private func task(_ simulated: SimulatedTask, stage: TaskStage = .running) throws -> LiveTask {
    try LiveTask(simulated, base: SmallImage.base(), stage: stage)
  }

  // MARK: Files

  @Test("A file at each update is what the updates make of it, whichever way it got there", arguments: seeds)
  func filesAgree(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    try TemporaryFile.with(SmallImage.file()) { path in
      let image = try FileImage(path: path, base: SmallImage.base())
      for index in 1...Self.count {
        _ = try move(image, updates, from: index - 1, to: index)
        #expect(try TemporaryFile.bytes(path) == updates.file(at: index))
        #expect(try applier.verify(updates.steps(from: 0, to: index), on: image) == [])
      }
      _ = try move(image, updates, from: Self.count, to: 3)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 3))
      _ = try move(image, updates, from: 3, to: 0)
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
      _ = try move(image, updates, from: 0, to: Self.count)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: Self.count))
    }
  }

  // MARK: Tasks

  @Test("A task at each update holds what the updates left there, whichever way it got there", arguments: seeds)
  func tasksAgree(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    for isPrepared in [true, false] {
      let simulated = SimulatedTask(isPrepared: isPrepared)
      let protections = simulated.regions.mapValues(\.protection)
      let task = try task(simulated)
      var index = 0
      for next in [1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 8, 3, 0, 8, 2, 1, 5, 0] {
        let report = try move(task, updates, from: index, to: next)
        index = next
        #expect(report.to == updates.position(next))
        #expect(try applier.standing(of: task) == .at(updates.position(next)))
        #expect(try applier.verify(updates.steps(from: 0, to: index), on: task) == [])
      }
      #expect(simulated.unsafeWrites == [])
      #expect(!simulated.isStopped)
      #expect(
        simulated.regions.mapValues(\.protection).merging(protections) { $1 }
          == simulated.regions.mapValues(\.protection))
      #expect(protections.allSatisfy { simulated.regions[$0.key]?.protection == $0.value })
    }
  }

  @Test("A task taken back to the base has its reachable bytes again", arguments: seeds)
  func tasksReturn(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    let simulated = SimulatedTask()
    let before = simulated.regions
    let task = try task(simulated)
    _ = try move(task, updates, from: 0, to: Self.count)
    for index in (0..<Self.count).reversed() { _ = try move(task, updates, from: index + 1, to: index) }
    for (start, region) in before where region.name == "small" && start < 0x5555_0080_0000 {
      #expect(simulated.regions[start] == region)
    }
  }

  @Test("A file and a task at the same update hold the same covered bytes", arguments: seeds)
  func natureAgrees(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    let simulated = SimulatedTask()
    let task = try task(simulated)
    for index in 1...Self.count {
      _ = try move(task, updates, from: index - 1, to: index)
      let plan = try ApplyPlan(
        steps: updates.steps(from: 0, to: index), destination: updates.position(index), base: SmallImage.base(),
        nature: .task(.running))
      let file = updates.file(at: index)
      for extent in plan.edits {
        let offset = SmallImage.layout.offset(of: VirtualAddress(extent.start))
        let found = try simulated.peek(VirtualAddress(extent.start), extent.after.count)
        #expect(found == Array(file[offset..<offset + found.count]))
      }
      for cell in plan.cells {
        guard case .address = cell.after else { continue }
        let offset = SmallImage.layout.offset(of: cell.address)
        let word = UInt64(littleEndianBytes: try simulated.peek(cell.address, 8))
        #expect(word &- simulated.slide.rawValue == UInt64(littleEndianBytes: file[offset..<offset + 8]))
      }
    }
  }

  @Test("A process brought to an update at its entry point has the values that the file has there", arguments: seeds)
  func entryHasNewestValues(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    for start in [0, 3] {
      for end in 0...Self.count where end != start {
        let simulated = try SimulatedTask.started(from: updates, at: start)
        _ = try move(try task(simulated, stage: .atEntry), updates, from: start, to: end)
        let file = updates.file(at: end)
        for variable in (updates.states[updates.position(end).digest]?.variables ?? []) {
          let value = variable.range.start.displaced(by: 8)
          let offset = SmallImage.layout.offset(of: value)
          #expect(try simulated.peek(value, 8) == Array(file[offset..<offset + 8]))
          #expect(try simulated.peek(variable.flag, 1) == [1])
        }
        let offset = SmallImage.layout.offset(of: SmallImage.variables.start)
        #expect(try simulated.peek(SmallImage.variables.start, 0x100) == Array(file[offset..<offset + 0x100]))
      }
    }
  }

  @Test("A running task keeps its variables, forward and back", arguments: seeds)
  func variablesAreKept(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: Self.count)
    let simulated = SimulatedTask()
    let task = try task(simulated)
    let own = [UInt8](repeating: 0x5a, count: 0x1000)
    try simulated.poke(own, at: SmallImage.variables.start)
    _ = try move(task, updates, from: 0, to: Self.count)
    let variables = updates.states[updates.position(Self.count).digest]?.variables ?? []
    for variable in variables {
      try simulated.poke([7, 7, 7, 7, 7, 7, 7, 7], at: variable.range.start.displaced(by: 8))
    }
    var index = Self.count
    for next in [0, 4, 1, Self.count] {
      _ = try move(task, updates, from: index, to: next)
      index = next
    }
    #expect(try simulated.peek(SmallImage.variables.start, 0x1000) == own)
    for variable in variables {
      #expect(try simulated.peek(variable.range.start.displaced(by: 8), 8) == [7, 7, 7, 7, 7, 7, 7, 7])
    }
  }

  @Test("Branches of the tree are reached over their common ancestor", arguments: seeds)
  func branchesAreReached(seed: UInt64) throws {
    var updates = UpdateGenerator.chain(seed: seed, count: 3)
    let trunk = updates.updates
    let branch = [updates.addUpdate(on: trunk[0].digest)]
    let simulated = SimulatedTask()
    let task = try task(simulated)
    let position = TargetHeader.Position(digest: branch[0].digest, number: branch[0].number)
    for _ in 0..<2 {
      _ = try applier.apply(
        trunk.map { Step(update: $0, direction: .forward) }, to: updates.position(3), on: task)
      let across =
        [Step(update: trunk[2], direction: .backward), Step(update: trunk[1], direction: .backward)]
        + branch.map { Step(update: $0, direction: .forward) }
      _ = try applier.apply(across, to: position, on: task)
      let history = [trunk[0], branch[0]].map { Step(update: $0, direction: .forward) }
      #expect(try applier.verify(history, on: task) == [])
      _ = try applier.apply(
        history.reversed().map(\.reversed), to: SmallImage.base().position, on: task)
    }
  }

  // MARK: Refusing

  @Test("One wrong byte among those an update expects is found before the first write", arguments: seeds.prefix(6))
  func wrongBytesAreRefused(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 4)
    let plan = try ApplyPlan(
      steps: updates.steps(from: 3, to: 4), destination: updates.position(4), base: SmallImage.base(),
      nature: .task(.running))
    for extent in plan.edits {
      for index in extent.before.indices {
        let simulated = try SimulatedTask.started(from: updates, at: 3)
        let address = VirtualAddress(extent.start + UInt64(index))
        // Not one that a debugger or another tool would have left there: that is told by a name of its own.
        let foreign: Set<UInt8> = [0xcc, 0xe9, 0xff, 0x68, 0x48, 0x49]
        let wrong =
          foreign.contains(extent.before[index] ^ 0x55) ? extent.before[index] ^ 0x57 : extent.before[index] ^ 0x55
        try simulated.poke([wrong], at: address)
        if extent.isStaged, extent.alternative?[index] == wrong { continue }
        let before = simulated.regions
        let error = #expect(throws: ApplyError.self) { try move(try task(simulated), updates, from: 3, to: 4) }
        #expect(error?.code == .contentMismatch)
        #expect(error?.outcome == .untouched)
        #expect(error?.address == address)
        #expect(simulated.regions == before)
      }
    }
  }
}
