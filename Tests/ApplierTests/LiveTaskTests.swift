import Addressing
import Journal
import Testing

@testable import Applier

@Suite struct LiveTaskTests {
  let base = SmallImage.base()
  let updates = UpdateGenerator.chain(seed: 5, count: 3)

  @Test func `a task of the unprepared image stands at the base and gets its arena with the first apply`() throws {
    let simulated = SimulatedTask(isPrepared: false)
    let task = try LiveTask(simulated, base: base)
    #expect(try task.header() == nil)
    let applier = UpdateApplier(base: base)
    let report = try applier.apply(updates.steps(from: 0, to: 3), to: updates.position(3), on: task)
    #expect(report.mappedByteCount == 0x8000 + 0x1000 + 0x4000)
    #expect(try LiveTask(simulated, base: base).header()?.position == updates.position(3))
    let protections = try task.protections(of: [SmallImage.arenaCode, SmallImage.arenaConstants, SmallImage.cells])
    #expect(protections == [[.read, .execute], .read, [.read, .write]])
    let back = try applier.apply(updates.steps(from: 3, to: 0), to: base.position, on: task)
    #expect(back.mappedByteCount == 0)
  }

  @Test func `a task of an unprepared image without build-id is known by its first segment`() throws {
    let first = try #require(SmallImage.segments.first { !$0.isPartOfArena })
    let start = Int(first.fileOffset.rawValue)
    var base = base
    base.identity = Digest.sha256(of: Array(SmallImage.file()[start..<start + Int(first.fileByteCount)])).bytes
    let simulated = SimulatedTask(isPrepared: false)
    simulated.buildID = []
    #expect(try UpdateApplier(base: base).standing(of: try LiveTask(simulated, base: base)) == .at(base.position))
    try simulated.poke([0xff], at: first.range.start)
    let error = failure { () throws(ApplyError) in
      try UpdateApplier(base: base).standing(of: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .identityMismatch)
  }

  @Test func `an arena that the program's own memory is in the way of is refused`() throws {
    let simulated = SimulatedTask(isPrepared: false)
    simulated.addRegion(at: SmallImage.arenaCode.start.displaced(by: 0x2000), byteCount: 0x1000, name: "[heap]")
    let error = failure { () throws(ApplyError) in try LiveTask(simulated, base: base) }
    #expect(error?.code == .arenaOccupied)
    #expect(error?.description.contains("[heap]") == true)
  }

  @Test func `zeroes of the program's heap are not taken for a header page`() throws {
    let simulated = SimulatedTask(isPrepared: false)
    simulated.addRegion(at: SmallImage.arenaCode.start, byteCount: 0x20000, name: "[heap]")
    let error = failure { () throws(ApplyError) in
      try UpdateApplier(base: base).standing(of: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .arenaOccupied)
  }

  @Test func `a header page that holds something else is refused`() throws {
    let simulated = SimulatedTask()
    try simulated.poke([1], at: SmallImage.header.start)
    let task = try LiveTask(simulated, base: base)
    #expect(failure { () throws(ApplyError) in try task.header() }?.code == .taskMemoryMalformed)
  }

  @Test func `an import that no library of the process has is refused before the first write`() throws {
    let cell = SmallImage.cells.start
    let symbol = ImportedSymbol(name: "nowhere", version: nil, library: nil)
    let update = Update.small(
      [.bind(BindOperation(cell: cell, before: nil, after: symbol, records: [], isFresh: true))])
    let simulated = SimulatedTask()
    let before = simulated.regions
    let error = failure { () throws(ApplyError) in
      try UpdateApplier(base: base).apply(
        [Step(update: update, direction: .forward)], to: update.position, on: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .importNotFound)
    #expect(error?.symbol == "nowhere")
    #expect(error?.operation == 0)
    #expect(simulated.regions == before)
  }

  @Test func `a cell that is bound gets the address found in the task, and keeps it on the way back`() throws {
    let cell = SmallImage.cells.start
    let symbol = UpdateGenerator.imports[1]
    let update = Update.small(
      [.bind(BindOperation(cell: cell, before: nil, after: symbol, records: [], isFresh: true))])
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    let applier = UpdateApplier(base: base)
    for _ in 0..<2 {
      _ = try applier.apply([Step(update: update, direction: .forward)], to: update.position, on: task)
      #expect(try simulated.peek(cell, 8) == 0x7fff_1000_0100.bytes)
      _ = try applier.apply([Step(update: update, direction: .backward)], to: base.position, on: task)
      #expect(try simulated.peek(cell, 8) == 0x7fff_1000_0100.bytes)
    }
  }

  @Test func `a pointer to nothing stays null whatever the slide`() throws {
    let cell = SmallImage.cells.start
    let set = Update.small([
      .pointer(
        PointerOperation(
          cell: cell, before: nil, after: SmallImage.code.start, wordBefore: 0, wordAfter: 0x40_1000, records: []))
    ])
    let simulated = SimulatedTask(slide: UInt64.max - 0xfff)
    let task = try LiveTask(simulated, base: base)
    let applier = UpdateApplier(base: base)
    _ = try applier.apply([Step(update: set, direction: .forward)], to: set.position, on: task)
    #expect(try simulated.peek(cell, 8) == UInt64(0x40_0000).bytes)
    _ = try applier.apply([Step(update: set, direction: .backward)], to: base.position, on: task)
    #expect(try simulated.peek(cell, 8) == UInt64(0).bytes)
  }
}
