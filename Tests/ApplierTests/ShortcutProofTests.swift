import Addressing
import Testing

@testable import Applier
@testable import Journal

/// Several updates as one step: what it does is compared, not believed.
@Suite struct ShortcutProofTests {
  private func step(_ updates: UpdateGenerator, _ range: Range<Int>) throws -> Update {
    let covered = updates.updates[range]
    let content = try #require(UpdateContent.net(of: covered.map(\.content), base: SmallImage.base()))
    return Update(
      number: covered[range.upperBound - 1].number, digest: covered[range.upperBound - 1].digest,
      parent: covered[range.lowerBound].parent, content: content)
  }

  private func check(_ step: Update, _ updates: UpdateGenerator, _ range: Range<Int>) throws(ApplyError) {
    try ShortcutProof(base: SmallImage.base()).check(step, against: Array(updates.updates[range]))
  }

  @Test(arguments: LawTests.seeds.prefix(12))
  func `the step of generated updates is proved`(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 40)
    for range in [0..<40, 0..<2, 7..<21, 30..<40] {
      let step = try step(updates, range)
      try check(step, updates, range)
      let before = updates.updates[range].reduce(0) { $0 + $1.content.operations.count }
      #expect(step.content.operations.count <= before)
    }
  }

  @Test(arguments: LawTests.seeds.prefix(4))
  func `a step that leaves out or changes an operation is refused`(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 20)
    let whole = try step(updates, 3..<15)
    for index in whole.content.operations.indices {
      var step = whole
      step.content.operations.remove(at: index)
      switch whole.content.operations[index] {
      case .map, .protect: continue
      case .write, .pointer, .bind, .resize: break
      }
      let error = #expect(throws: ApplyError.self) { try check(step, updates, 3..<15) }
      #expect(error.map { [.shortcutDiffers, .operationsConflict].contains($0.code) } == true)
      guard case .write(var write) = whole.content.operations[index], !write.after.isEmpty else { continue }
      write.after[0] ^= 1
      step = whole
      step.content.operations[index] = .write(write)
      #expect(throws: ApplyError.self) { try check(step, updates, 3..<15) }
    }
    for index in whole.content.guards.indices {
      var step = whole
      step.content.guards.removeAll { $0.range == whole.content.guards[index].range }
      let error = #expect(throws: ApplyError.self) { try check(step, updates, 3..<15) }
      #expect(error?.code == .shortcutDiffers)
    }
  }

  @Test(arguments: LawTests.seeds.prefix(4))
  func `a file and a task along the step are those along the updates`(seed: UInt64) throws {
    let updates = UpdateGenerator.chain(seed: seed, count: 24)
    let applier = UpdateApplier(base: SmallImage.base())
    let step = try step(updates, 4..<16)
    let forward = updates.steps(from: 0, to: 4) + [Step(update: step, direction: .forward)]
    try TemporaryFile.with(SmallImage.file()) { path in
      let image = try FileImage(path: path, base: SmallImage.base())
      _ = try applier.apply(forward, to: updates.position(16), on: image)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 16))
      let again = try FileImage(path: path, base: SmallImage.base())
      _ = try applier.apply([Step(update: step, direction: .backward)], to: updates.position(4), on: again)
      #expect(try TemporaryFile.bytes(path) == updates.file(at: 4))
    }
    let task = try LiveTask(SimulatedTask(), base: SmallImage.base())
    _ = try applier.apply(updates.steps(from: 0, to: 16), to: updates.position(16), on: task)
    _ = try applier.apply([Step(update: step, direction: .backward)], to: updates.position(4), on: task)
    _ = try applier.apply([Step(update: step, direction: .forward)], to: updates.position(16), on: task)
    #expect(try applier.verify(updates.steps(from: 0, to: 16), on: task).isEmpty)
    _ = try applier.apply(updates.steps(from: 16, to: 24), to: updates.position(24), on: task)
    #expect(try applier.verify(updates.steps(from: 0, to: 24), on: task).isEmpty)
  }
}
