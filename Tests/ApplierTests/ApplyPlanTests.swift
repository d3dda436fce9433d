import Addressing
import Journal
import Testing

@testable import Applier

@Suite struct ApplyPlanTests {
  let base = SmallImage.base()

  private func plan(_ update: Update, _ nature: TargetNature = .task(.running)) throws(ApplyError) -> ApplyPlan {
    try ApplyPlan(
      steps: [Step(update: update, direction: .forward)], destination: update.position, base: base, nature: nature)
  }

  private func write(_ address: UInt64, _ count: Int) -> Journal.Operation {
    .write(
      WriteOperation(
        place: .virtual(VirtualAddress(address)), before: [UInt8](repeating: 0, count: count),
        after: [UInt8](repeating: 1, count: count)))
  }

  private func pointer(_ address: UInt64) -> Journal.Operation {
    .pointer(
      PointerOperation(
        cell: VirtualAddress(address), before: nil, after: SmallImage.code.start, wordBefore: 0,
        wordAfter: SmallImage.code.start.rawValue, records: []))
  }

  @Test("What no operation may touch is refused for every target", arguments: [TargetNature.file, .task(.running)])
  func foreignPlaces(nature: TargetNature) {
    let cases: [(Journal.Operation, ApplyError.Code)] = [
      (write(0x10_0000, 4), .addressNotInImage), (write(0x40_2ffe, 4), .addressNotInImage),
      (write(.max - 1, 2), .addressNotInImage), (write(SmallImage.header.start.rawValue + 80, 4), .operationsConflict),
      (pointer(SmallImage.header.start.rawValue), .operationsConflict), (pointer(0x99_0000), .addressNotInImage),
    ]
    for (operation, code) in cases {
      let error = failure { () throws(ApplyError) in try plan(Update.small([operation]), nature) }
      #expect(error?.code == code)
      #expect(error?.operation == 0)
      #expect(error?.update == UpdateNumber(1))
    }
  }

  @Test func `a file-only place in the header page is refused for a file and passed over by a task`() throws {
    let update = Update.small([
      .write(WriteOperation(place: .file(FileOffset(0xe010)), before: [0], after: [1]))
    ])
    #expect(failure { () throws(ApplyError) in try plan(update, .file) }?.code == .operationsConflict)
    #expect(try plan(update).edits.isEmpty)
  }

  @Test func `a cell that is not aligned is refused for a task`() {
    let update = Update.small([pointer(SmallImage.cells.start.rawValue + 4)])
    #expect(failure { () throws(ApplyError) in try plan(update) }?.code == .operationsConflict)
  }

  @Test func `bytes written around a cell leave it to its own operation`() throws {
    let start = SmallImage.arenaConstants.start.rawValue
    let update = Update.small([write(start, 24), pointer(start + 8)])
    let edits = try plan(update).edits
    #expect(edits.map(\.start) == [start, start + 16])
    #expect(edits.map(\.after.count) == [8, 8])
    #expect(try plan(update).cells.map(\.after) == [.address(SmallImage.code.start)])
  }

  @Test func `bytes that cover a part of a cell are refused`() {
    let start = SmallImage.arenaConstants.start.rawValue
    let update = Update.small([write(start, 12), pointer(start + 8)])
    #expect(failure { () throws(ApplyError) in try plan(update) }?.code == .operationsConflict)
  }

  @Test func `steps that do not follow one another, or end elsewhere, are refused`() {
    let updates = UpdateGenerator.chain(seed: 1, count: 3)
    let apart = [updates.steps(from: 0, to: 1), updates.steps(from: 2, to: 3)].flatMap { $0 }
    for (steps, destination) in [(apart, 3), (updates.steps(from: 0, to: 2), 3), ([], 0)] {
      let error = failure { () throws(ApplyError) in
        try ApplyPlan(steps: steps, destination: updates.position(destination), base: base, nature: .file)
      }
      #expect(error?.code == .stepsNotConnected)
    }
  }

  @Test func `an update and its way back come to nothing but what a task keeps`() throws {
    let updates = UpdateGenerator.chain(seed: 2, count: 3)
    let steps = updates.steps(from: 1, to: 3) + updates.steps(from: 3, to: 1)
    for nature in [TargetNature.file, .task(.running)] {
      let plan = try ApplyPlan(steps: steps, destination: updates.position(1), base: base, nature: nature)
      #expect(plan.edits.allSatisfy { $0.isStaged || $0.before == $0.after })
      #expect(plan.from == updates.position(1).digest)
    }
  }

  @Test func `protections that an update records are in the plan once`() throws {
    let protect = Journal.Operation.protect(
      ProtectOperation(range: SmallImage.code, found: [.read, .execute], wanted: [.read, .write, .execute]))
    #expect(try plan(Update.small([protect, protect])).protections.count == 1)
  }
}
