import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// An update that takes what the arena grows by: in a process mapped over what allowed nothing, in a file behind its end.
@Suite struct ArenaGrowthTests {
  /// The second half of the arena's code, which the file does not have.
  private static let grown = AddressRange(
    start: SmallImage.arenaCode.start.displaced(by: 0x4000), byteCount: 0x4000)

  private let base: BaseImage = {
    var base = SmallImage.base()
    base.segments = SmallImage.segments.flatMap { segment -> [Segment] in
      guard segment.range == SmallImage.arenaCode else { return [segment] }
      var first = segment
      first.range = AddressRange(start: segment.range.start, byteCount: 0x4000)
      first.fileByteCount = 0x4000
      let second = Segment(
        range: Self.grown, fileOffset: FileOffset(SmallImage.fileByteCount), fileByteCount: 0x4000,
        protection: segment.protection, isPartOfArena: true)
      return [first, second]
    }
    return base
  }()

  private let body: [UInt8] = [0x90, 0xc3]

  private var update: Update {
    .small([
      .map(
        MapOperation(range: Self.grown, protection: [.read, .execute], isMappedBefore: false, isMappedAfter: true)),
      .resize(ResizeOperation(before: SmallImage.fileByteCount, after: SmallImage.fileByteCount + 0x4000)),
      .write(WriteOperation(place: .virtual(Self.grown.start), before: [0, 0], after: body, isFresh: true)),
    ])
  }

  private var forward: [Step] { [Step(update: update, direction: .forward)] }
  private var backward: [Step] { [Step(update: update, direction: .backward)] }

  /// The loader has mapped other bytes of the file there, which nobody may read.
  private func reservedTask() -> SimulatedTask {
    let task = SimulatedTask()
    task.reserve(Self.grown)
    return task
  }

  @Test func `what the arena grows by is known from where the file ends`() {
    #expect(base.growth.map(\.range) == [Self.grown])
    #expect(SmallImage.base().growth.isEmpty)
  }

  @Test func `a process has the room mapped over what it kept free for it, once`() throws {
    let simulated = reservedTask()
    let task = try LiveTask(simulated, base: base)
    #expect(try task.read(.virtual(Self.grown.start), count: 2) == [0, 0])
    let applier = UpdateApplier(base: base)
    #expect(try applier.apply(forward, to: update.position, on: task).mappedByteCount == 0x4000)
    #expect(simulated.log.filter { $0 == "replace" }.count == 1)
    #expect(!simulated.log.contains("map"))
    #expect(try simulated.peek(Self.grown.start, 4) == body + [0, 0])
    #expect(try task.protections(of: [Self.grown]) == [[.read, .execute]])
    // Back and forward again, also by another applier: bodies and room stay.
    _ = try applier.apply(backward, to: base.position, on: task)
    #expect(try simulated.peek(Self.grown.start, 2) == body)
    let next = try LiveTask(simulated, base: base)
    #expect(try applier.apply(forward, to: update.position, on: next).mappedByteCount == 0)
    #expect(simulated.log.filter { $0 == "replace" }.count == 1)
  }

  @Test func `a process started from the grown file has the room already`() throws {
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    _ = try UpdateApplier(base: base).apply(forward, to: update.position, on: task)
    #expect(!simulated.log.contains("replace") && !simulated.log.contains("map"))
  }

  @Test func `a process of the unprepared image gets all of the arena at once`() throws {
    let simulated = SimulatedTask(isPrepared: false)
    let task = try LiveTask(simulated, base: base)
    let report = try UpdateApplier(base: base).apply(forward, to: update.position, on: task)
    #expect(report.mappedByteCount == 0x8000 + 0x1000 + 0x4000)
    #expect(!simulated.log.contains("replace"))
    #expect(try simulated.peek(Self.grown.start, 2) == body)
  }

  @Test(arguments: [[.read, .write], [.read], []] as [PageProtection])
  func `memory of the program where the arena grows is left alone, and the update refused`(
    protection: PageProtection
  ) throws {
    let simulated = reservedTask()
    simulated.setProtection([.read, .write], ofRegionAt: Self.grown.start)
    simulated.split(at: Self.grown.start.displaced(by: 0x1000))
    simulated.setProtection(protection, ofRegionAt: Self.grown.start)
    let before = simulated.regions
    let error = failure { () throws(ApplyError) in
      try UpdateApplier(base: base).apply(
        forward, to: update.position, on: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .arenaOccupied)
    #expect(simulated.regions == before)
  }

  @Test func `an applier that fails anywhere leaves a process that the next one brings on`() throws {
    for call in 1... {
      let simulated = reservedTask()
      simulated.failing = (call, .forGood)
      let error = failure { () throws(ApplyError) in
        try UpdateApplier(base: base).apply(
          forward, to: update.position, on: try LiveTask(simulated, base: base))
      }
      simulated.heal()
      guard error != nil else {
        #expect(call > 5)
        return
      }
      let task = try LiveTask(simulated, base: base)
      let applier = UpdateApplier(base: base)
      if case .torn = try applier.standing(of: task) {
        _ = try applier.settle(forward, by: .finish, on: task)
      } else if try applier.standing(of: task) == .at(base.position) {
        _ = try applier.apply(forward, to: update.position, on: task)
      }
      #expect(try simulated.peek(Self.grown.start, 4) == body + [0, 0])
      #expect(try applier.standing(of: task) == .at(update.position))
    }
  }

  @Test func `a file becomes longer by it, and as long as before on the way back`() throws {
    let offset = Int(SmallImage.fileByteCount)
    try TemporaryFile.with(SmallImage.file()) { path in
      let applier = UpdateApplier(base: base)
      _ = try applier.apply(forward, to: update.position, on: try FileImage(path: path, base: base))
      let grown = try TemporaryFile.bytes(path)
      #expect(grown.count == offset + 0x4000)
      #expect(Array(grown[offset..<offset + 2]) == body)
      #expect(try applier.verify(forward, on: try FileImage(path: path, base: base)).isEmpty)
      _ = try applier.apply(backward, to: base.position, on: try FileImage(path: path, base: base))
      #expect(try TemporaryFile.bytes(path) == SmallImage.file())
    }
  }

  @Test func `a file that has grown and was cut since is refused, whatever is asked of it, and left as it is`() throws {
    let grownEnd = SmallImage.fileByteCount + 0x4000
    let (digest, grown) = (update.digest, grownEnd)
    let lengths = FileLengths { $0 == digest ? grown : nil }
    try TemporaryFile.with(SmallImage.file()) { path in
      let applier = UpdateApplier(base: base)
      func open() throws(ApplyError) -> FileImage { try FileImage(path: path, base: base, lengths: lengths) }
      _ = try applier.apply(forward, to: update.position, on: try open())
      #expect(try applier.verify(forward, on: try open()).isEmpty)
      // Behind the two bytes that an update has written there nothing would be missed.
      let cut = Array(try TemporaryFile.bytes(path).dropLast(0x1000))
      try Data(cut).write(to: URL(fileURLWithPath: path))
      let error = failure { () throws(ApplyError) in try applier.verify(forward, on: try open()) }
      #expect(error?.code == .fileMalformed)
      #expect(error?.detail == "it is cut short: \(cut.count) bytes of \(grownEnd)")
      let back = failure { () throws(ApplyError) in
        try applier.apply(backward, to: base.position, on: try open())
      }
      #expect(back?.code == .fileMalformed)
      #expect(try TemporaryFile.bytes(path) == cut)
    }
  }

  @Test func `a file whose length nobody can tell is refused with what stands in the way`() throws {
    struct Unreadable: Error {}
    try TemporaryFile.with(SmallImage.file()) { path in
      let error = failure { () throws(ApplyError) in
        try UpdateApplier(base: base).standing(
          of: try FileImage(path: path, base: base, lengths: FileLengths { _ in throw Unreadable() }))
      }
      #expect(error?.code == .positionUnknown)
      #expect(error?.cause is Unreadable)
    }
  }
}
