import Addressing
import Journal
import Testing

@testable import Applier

/// Whatever number of updates lies between two, a target gets their net effect.
@Suite struct NetEffectTests {
  let applier = UpdateApplier(base: SmallImage.base())

  private func move(
    _ target: any UpdateTarget, _ updates: UpdateGenerator, from start: Int, to end: Int
  ) throws -> ApplyReport {
    try applier.apply(updates.steps(from: start, to: end), to: updates.position(end), on: target)
  }

  @Test("A hundred updates at once write each byte of a task once", arguments: LawTests.seeds.prefix(6))
  func bytesOfTasks(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 100)
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: SmallImage.base())
    for (start, end) in [(0, 100), (100, 0), (0, 60), (60, 100), (100, 7)] {
      simulated.forgetWrites()
      let report = try move(task, updates, from: start, to: end)
      #expect(simulated.writeCounts.values.allSatisfy { $0 == 1 })
      #expect(UInt64(simulated.writeCounts.count) == report.byteCount)
      #expect(!simulated.writeCounts.isEmpty)
    }
  }

  @Test("A hundred updates of one function at once store its cell once, and back again")
  func oneFunction() throws {
    var updates = UpdateGenerator(seed: 3)
    while updates.states[updates.updates.last?.digest ?? updates.base.digest]?.cells.isEmpty ?? true {
      _ = updates.addUpdate()
    }
    let start = updates.updates.count
    for _ in 0..<100 { _ = updates.addRedirection() }
    let end = updates.updates.count
    #expect(end == start + 100)
    let cell = try #require(updates.states[updates.position(end).digest]?.cells.min { $0.key < $1.key }).value.cell
    let simulated = try SimulatedTask.started(from: updates, at: start)
    let task = try LiveTask(simulated, base: SmallImage.base())
    let forward = try move(task, updates, from: start, to: end)
    #expect(!forward.stopsThreads)
    #expect(simulated.writeCounts[cell] == 1)
    #expect(simulated.writeCounts.values.allSatisfy { $0 == 1 })
    simulated.forgetWrites()
    let back = try move(task, updates, from: end, to: start)
    #expect(back.byteCount == 8)
    #expect(simulated.writeCounts.count == 8)
    #expect(simulated.writeCounts[cell] == 1)
  }

  @Test("A hundred updates at once write each byte of a file once", arguments: LawTests.seeds.prefix(4))
  func bytesOfFiles(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 100)
    try TemporaryFile.with(SmallImage.file()) { path in
      for (start, end) in [(0, 100), (100, 4)] {
        let writes = try fileWrites(updates, from: start, to: end, path: path)
        #expect(!writes.isEmpty)
        #expect(Self.areApart(writes))
      }
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 4))
    }
  }

  /// What was written where, the header left out.
  private func fileWrites(
    _ updates: UpdateGenerator, from start: Int, to end: Int, path: String
  ) throws -> [Range<UInt64>] {
    let calls = FaultyFileCalls()
    let image = try FileImage(path: path, base: SmallImage.base(), calls: calls)
    _ = try move(image, updates, from: start, to: end)
    let header = UInt64(SmallImage.layout.headerOffset)
    return calls.writes.filter { $0.lowerBound != header }
  }

  private static func areApart(_ ranges: [Range<UInt64>]) -> Bool {
    let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
    return zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
  }
}
