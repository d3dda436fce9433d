import Addressing
import Foundation
import Testing

@testable import Applier
@testable @_spi(Fuzzing) import Journal

/// Ways that the journal keeps as one step: whatever is kept, a target gets what the updates would give it one by one.
@Suite struct StretchTests {
  static let seeds: [UInt64] = [1, 2, 3, 4]

  let base = SmallImage.base()
  let applier = UpdateApplier(base: SmallImage.base(), options: .init(), clock: .stoppedClock)

  /// Generated updates in a journal, in which four make a stretch, and four of those one of the next level.
  final class History {
    let store: JournalStore
    private(set) var generator: UpdateGenerator
    private let folder: String
    /// By the digests that the generator has given.
    private(set) var digests: [Digest: Digest]
    var positions: [TargetHeader.Position]

    init(seed: UInt64, count: Int, hasBranches: Bool, width: Int64 = 4) throws {
      folder = NSTemporaryDirectory() + UUID().uuidString
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let base = SmallImage.base()
      let file = SmallImage.file()
      store = try JournalStore.create(
        at: folder + "/small.hcsj", base: base,
        content: BaseContent(
          symbols: [], imports: [], types: [], libraries: [],
          readPreparedImage: { Array(file[Int($0.rawValue)..<Int($0.rawValue) + $1]) }))
      generator = UpdateGenerator(seed: seed)
      digests = [base.digest: base.digest]
      positions = [base.position]
      var random = SplitMix(seed: seed)
      for _ in 0..<count {
        let isElsewhere = hasBranches && Int.random(in: 0..<7, using: &random) == 0
        let other = generator.updates.randomElement(using: &random)?.digest
        let update = generator.addUpdate(on: isElsewhere ? other : nil)
        let recorded = try store.append(update.content, parent: digests[update.parent] ?? .zero)
        digests[update.digest] = recorded.digest
        positions.append(TargetHeader.Position(digest: recorded.digest, number: recorded.number))
      }
      try store.keepStretches(width: width)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The file at an update, its header saying so.
    func file(at index: Int) -> [UInt8] {
      let generated = index == 0 ? generator.base.digest : generator.updates[index - 1].digest
      var bytes = generator.states[generated]?.file ?? []
      let header = TargetHeader(base: generator.base.digest, position: positions[index]).encoded()
      bytes.replaceSubrange(
        generator.layout.headerOffset..<generator.layout.headerOffset + header.count, with: header)
      return bytes
    }

    func damageBlock(_ number: Int64) throws {
      try store.write { db in
        try db.run("UPDATE fresh_block SET content = zeroblob(length(content)) WHERE to_number = ?", [number])
      }
    }

    func net(_ from: Int, _ to: Int) throws -> [Step] {
      try store.netSteps(from: positions[from].digest, to: positions[to].digest)
    }

    func steps(_ from: Int, _ to: Int) throws -> [Step] {
      try store.steps(from: positions[from].digest, to: positions[to].digest)
    }
  }

  @Test(arguments: seeds, [false, true])
  func `the kept way does what the updates do one by one, for files and tasks, from anywhere to anywhere`(
    seed: UInt64, hasBranches: Bool
  ) throws {
    let history = try History(seed: seed, count: 90, hasBranches: hasBranches)
    let proof = ShortcutProof(base: base)
    var random = SplitMix(seed: seed)
    var ways = [(0, 90), (90, 0), (64, 90), (3, 61)]
    for _ in 0..<12 { ways.append((Int.random(in: 0...90, using: &random), Int.random(in: 0...90, using: &random))) }
    for (from, to) in ways where from != to {
      let net = try history.net(from, to)
      let steps = try history.steps(from, to)
      try proof.check(net, against: steps, leadingTo: history.positions[to])
      #expect(net.flatMap(\.runs).joined() == steps.flatMap(\.runs).joined())
      if !hasBranches, steps.count > 30 {
        #expect(net.count <= 4 * 6)
        #expect(net.contains { $0.stretch != nil })
      }
    }
  }

  @Test(arguments: seeds)
  func `files and tasks that go by kept ways hold what the updates left there`(seed: UInt64) throws {
    let history = try History(seed: seed, count: 70, hasBranches: true)
    for isPrepared in [true, false] {
      let simulated = SimulatedTask(isPrepared: isPrepared)
      let task = try LiveTask(simulated, base: base)
      try TemporaryFile.with(SmallImage.file()) { path in
        let image = try FileImage(path: path, base: base)
        var random = SplitMix(seed: seed)
        var position = 0
        for turn in 0..<9 {
          let next = turn == 0 ? 70 : turn == 1 ? 0 : Int.random(in: 0...70, using: &random)
          // One way is kept, and another one by one: both lead to the same place.
          let steps = turn % 4 == 3 ? try history.steps(position, next) : try history.net(position, next)
          simulated.forgetWrites()
          let report = try applier.apply(steps, to: history.positions[next], on: task)
          #expect(simulated.writeCounts.values.allSatisfy { $0 == 1 })
          if turn == 0 { #expect(report.byteCount <= UInt64(simulated.writeCounts.count)) }
          _ = try applier.apply(steps, to: history.positions[next], on: image)
          position = next
          #expect(try TemporaryFile.bytes(path) == history.file(at: position))
          for target in [task, image] as [any UpdateTarget] {
            #expect(try applier.verify(history.steps(0, position), on: target) == [])
            #expect(try applier.verify(history.net(0, position), on: target) == [])
          }
        }
      }
      #expect(simulated.unsafeWrites == [])
    }
  }

  @Test(arguments: seeds.prefix(2), SimulatedTask.Failure.allCases)
  func `whichever call of a long move fails, the next run settles the task`(
    seed: UInt64, how: SimulatedTask.Failure
  ) throws {
    let history = try History(seed: seed, count: 24, hasBranches: false)
    let (from, to) = (3, 24)
    #expect(try history.net(from, to).contains { $0.stretch != nil })
    var torn = 0
    var number = 1
    while true {
      let simulated = SimulatedTask()
      _ = try applier.apply(
        history.steps(0, from), to: history.positions[from], on: try LiveTask(simulated, base: base))
      simulated.restartCounting()
      let before = simulated.contents
      simulated.failing = (number, how)
      do throws(ApplyError) {
        let task = try LiveTask(simulated, base: base)
        let steps = try unwrapped { try history.net(from, to) }
        _ = try applier.apply(steps, to: history.positions[to], on: task)
        if simulated.callCount < number { break }
      } catch {
        simulated.heal()
        if error.outcome == .untouched {
          for (start, region) in before { #expect(simulated.contents[start] == region) }
        }
        torn += try settle(simulated, history, from, to) ? 1 : 0
      }
      simulated.heal()
      #expect(try applier.verify(history.steps(0, to), on: try LiveTask(simulated, base: base)) == [])
      #expect(simulated.unsafeWrites == [])
      number += 3
    }
    #expect(torn > 0 || how == .once || how == .half)
  }

  private func unwrapped<Value>(_ body: () throws -> Value) throws(ApplyError) -> Value {
    do { return try body() } catch { throw ApplyError(.stretchUnreadable, cause: error) }
  }

  /// - Returns: whether it was torn.
  private func settle(_ simulated: SimulatedTask, _ history: History, _ from: Int, _ to: Int) throws -> Bool {
    let task = try LiveTask(simulated, base: base)
    switch try applier.standing(of: task) {
    case .at(let position):
      guard position == history.positions[from] else {
        #expect(position == history.positions[to])
        return false
      }
      _ = try applier.apply(history.net(from, to), to: history.positions[to], on: task)
      return false
    case .torn:
      // Undone by the updates themselves, and gone once more the kept way.
      _ = try applier.settle(history.steps(from, to), by: .undo, on: task)
      #expect(try applier.verify(history.steps(0, from), on: try LiveTask(simulated, base: base)) == [])
      _ = try applier.apply(history.net(from, to), to: history.positions[to], on: try LiveTask(simulated, base: base))
      return true
    }
  }

  @Test func `a wrong byte where a stretch brings some is found before the first write, and whose it is`() throws {
    let history = try History(seed: 5, count: 16, hasBranches: false)
    let step = try #require(try history.net(0, 16).first { $0.stretch != nil })
    var first: FreshBlock.Extent?
    _ = try step.stretch?.forEachBlock { (block) throws(ApplyError) in
      first = block.extents.first
      return first == nil
    }.get()
    let extent = try #require(first)
    let simulated = SimulatedTask()
    try simulated.poke([0x5a], at: extent.start)
    let before = simulated.regions
    let error = #expect(throws: ApplyError.self) {
      try applier.apply(
        history.net(0, 16), to: history.positions[16], on: try LiveTask(simulated, base: SmallImage.base()))
    }
    #expect(error?.code == .contentMismatch)
    #expect(error?.outcome == .untouched)
    #expect(error?.address == extent.start)
    #expect(error?.update == extent.update)
    #expect(error?.operation == extent.operation)
    #expect(simulated.regions == before)
  }

  /// Of a way from the base: what the last of its blocks brings last, and the block.
  private func last(of steps: [Step]) throws -> (extent: FreshBlock.Extent, block: FreshBlock) {
    var last: (FreshBlock.Extent, FreshBlock)?
    for step in steps {
      _ = try step.stretch?.forEachBlock { (block) throws(ApplyError) in
        last = block.extents.last.map { ($0, block) } ?? last
        return true
      }.get()
    }
    return try #require(last)
  }

  @Test(arguments: [TaskStage.running, .atEntry], [false, true])
  func `whatever is wrong with the last of the bytes that come into use, a task is left as it was`(
    stage: TaskStage, isJournal: Bool
  ) throws {
    let history = try History(seed: 6, count: 16, hasBranches: false)
    let steps = try history.net(0, 16)
    let extent = try last(of: steps).extent
    let simulated = SimulatedTask()
    if isJournal {
      try history.damageBlock(16)
    } else {
      try simulated.poke([0x5a], at: extent.start)
    }
    let before = simulated.contents
    let task = try LiveTask(simulated, base: base, stage: stage)
    let error = #expect(throws: ApplyError.self) {
      try applier.apply(steps, to: history.positions[16], on: task)
    }
    #expect(error?.code == (isJournal ? .stretchUnreadable : .contentMismatch))
    #expect(error?.outcome == .untouched)
    #expect(simulated.contents == before)
    #expect(try applier.standing(of: task) == .at(base.position))
    // A program that runs is not even touched; in one that has not begun something was written, and taken back.
    #expect(simulated.writeCounts.isEmpty == (stage == .running))
    guard isJournal else { return }
    let report = try applier.apply(history.steps(0, 16), to: history.positions[16], on: task)
    #expect(report.to == history.positions[16])
    #expect(try applier.verify(history.steps(0, 16), on: task) == [])
  }

  @Test func `a file is left as it was where a block of a long way is damaged`() throws {
    let history = try History(seed: 6, count: 16, hasBranches: false)
    let steps = try history.net(0, 16)
    try history.damageBlock(16)
    try TemporaryFile.with(SmallImage.file()) { path in
      let image = try FileImage(path: path, base: base)
      let error = #expect(throws: ApplyError.self) {
        try applier.apply(steps, to: history.positions[16], on: image)
      }
      #expect(error?.code == .stretchUnreadable)
      #expect(error?.outcome == .untouched)
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
      _ = try applier.apply(history.steps(0, 16), to: history.positions[16], on: image)
      #expect(try TemporaryFile.bytes(path) == history.file(at: 16))
    }
  }

  @Test func `one write does for extents between which aligning left some bytes, where only updates write`() throws {
    let history = try History(seed: 7, count: 16, hasBranches: false)
    let plan = try ApplyPlan(
      steps: try history.net(0, 16), destination: history.positions[16], base: base, nature: .task(.running))
    let task = try LiveTask(SimulatedTask(), base: base)
    let pass = FreshPass(TargetComparison(plan: plan, target: task), base: base)

    func window(at start: VirtualAddress) throws -> FreshWindow {
      let block = try FreshBlockCoding.decode(
        FreshBlockCoding.encode(
          [(0, 5), (16, 3), (60, 2)].map { offset, count in
            FreshWrite(
              start: start.displaced(by: Int64(offset)), before: [UInt8](repeating: 0, count: count),
              after: [UInt8](repeating: 7, count: count), update: UpdateNumber(1), operation: 0)
          }))
      let windows = try FreshWindow.windows(
        of: block, .forward, in: base, holds: { _ in true },
        place: { (range) throws(ApplyError) in .virtual(range.start) })
      return try #require(windows.first)
    }

    let end = Int64(-0x80)
    let code = try window(at: SmallImage.arenaCode.end.displaced(by: end))
    #expect(pass.bridgedByteCount(in: code) == 15)
    var bytes = [UInt8](repeating: 1, count: code.byteCount)
    #expect(code.put(true, of: [true, true, true], into: &bytes, bridging: 15) == [0..<19, 60..<62])
    #expect(bytes[..<5].allSatisfy { $0 == 7 } && bytes[5..<16].allSatisfy { $0 == 1 })
    #expect(code.put(false, of: [true, false, true], into: &bytes, bridging: 15) == [0..<5, 60..<62])
    #expect(bytes[..<5].allSatisfy { $0 == 0 } && bytes[16..<19].allSatisfy { $0 == 7 })
    // What the program may write, and what the plan writes by itself.
    let data = try window(at: SmallImage.layout.data.end.displaced(by: end))
    #expect(pass.bridgedByteCount(in: data) == 0)
    #expect(data.put(true, of: [true, true, true], into: &bytes, bridging: 0) == [0..<5, 16..<19, 60..<62])
    let edit = try #require(plan.edits.first { SmallImage.code.contains(VirtualAddress($0.start - 8)) })
    #expect(try pass.bridgedByteCount(in: window(at: VirtualAddress(edit.start - 8))) == 0)
    let cell = try #require(plan.cells.first)
    #expect(plan.touches(AddressRange(start: cell.address.displaced(by: 7), byteCount: 1)))
    #expect(!plan.touches(AddressRange(start: SmallImage.arenaCode.end.displaced(by: end), byteCount: 0x80)))
  }
}
