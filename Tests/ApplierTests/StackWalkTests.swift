import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

@Suite(.serialized)
struct StackWalkTests {
  /// Who is in `marked`, and what the main thread's walk came to.
  private func look(
    _ mode: String, isConservative: Bool, flags: [String] = []
  ) throws -> (found: [ThreadOccupant], walk: StackWalk) {
    let victim = try LinuxVictim("stale", [mode], flags: flags)
    // Until it is in the call that it waits in.
    if mode != "spinning" { try patiently { try victim.states() == ["S"] } }
    let task = try victim.attach()
    try task.stopThreads()
    let start = try victim.address("start")
    let byteCount = try victim.address("end").rawValue - start.rawValue
    let range = try #require(RuntimeRange(start: start, byteCount: byteCount))
    let found = try task.occupants(of: [GuardedRange(range: range, reach: .whole, isConservative: isConservative)])
    let walk = try walk(of: task.process.id, in: task)
    try task.resumeThreads()
    return (found, walk)
  }

  private func walk(of thread: Int32, in task: LinuxTask) throws -> StackWalk {
    let registers = try #require(task.threads[thread]?.registers)
    let mappings = try task.process.mapsLines()
    let pointer = RuntimeAddress(rawValue: registers[.rsp])
    let stack = try #require(mappings.first { $0.range.contains(pointer) })
    return StackWalker(task.process, executable: task.image.unwinding, mappings: mappings)
      .walk(registers, on: stack.range)
  }

  @Test(arguments: [true, false], ["stale", "thread"])
  func `a return address that a live frame has left over is nobody's`(isConservative: Bool, mode: String) throws {
    let (found, walk) = try look(mode, isConservative: isConservative)
    #expect(walk.isWhole)
    #expect(found.isEmpty)
  }

  static let builds = [
    [], ["-O2"], ["-O0"], ["-static-pie"], ["-no-pie", "-fcf-protection"], ["-fno-omit-frame-pointer"],
  ]

  @Test(arguments: builds)
  func `frames are found however a program was built`(flags: [String]) throws {
    let (found, walk) = try look("stale", isConservative: true, flags: flags)
    #expect(walk.isWhole)
    #expect(found.isEmpty)
    let (inside, _) = try look("inside", isConservative: true, flags: flags)
    #expect(inside.contains { $0.kind == .stackWord })
  }

  @Test(arguments: [true, false])
  func `a frame counts, and one that a signal handler has interrupted`(isConservative: Bool) throws {
    for mode in ["inside", "handler"] {
      let (found, walk) = try look(mode, isConservative: isConservative)
      #expect(walk.isWhole)
      #expect(found.contains { $0.kind == .stackWord })
    }
  }

  /// Static executables of Debian's gcc have no `.eh_frame_hdr`.
  @Test(arguments: [["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"], ["-static"]])
  func `without unwind information a word that is left over counts`(flags: [String]) throws {
    let (found, walk) = try look("stale", isConservative: true, flags: flags)
    #expect(!walk.isWhole)
    #expect(found.contains { $0.kind == .stackWord })
  }

  @Test func `a thread that was interrupted anywhere is walked as well`() throws {
    let (found, walk) = try look("spinning", isConservative: true)
    #expect(walk.isWhole)
    #expect(found.isEmpty)
  }

  @Test(arguments: [["-Wl,-z,lazy"], ["-O2", "-Wl,-z,now"]])
  func `a thread is walked wherever it is stopped`(flags: [String]) throws {
    let victim = try LinuxVictim("stale", ["calling"], flags: flags)
    let task = try victim.attach()
    let start = try victim.address("start")
    let byteCount = try victim.address("end").rawValue - start.rawValue
    let range = try #require(RuntimeRange(start: start, byteCount: byteCount))
    var images: Set<ArraySlice<UInt8>> = []
    // On a busy machine it may not get on from one stop to the next.
    for turn in 0..<20_000 where turn < 80 || images.count < 2 {
      try task.stopThreads()
      let counter = RuntimeAddress(rawValue: try #require(task.threads[victim.id]?.registers)[.rip])
      for line in try task.process.mapsLines() where line.range.contains(counter) { images.insert(line.name) }
      #expect(try walk(of: victim.id, in: task).isWhole, "stopped at \(counter)")
      #expect(
        try task.occupants(of: [GuardedRange(range: range, reach: .whole, isConservative: false)]).isEmpty)
      try task.resumeThreads()
      usleep(500)
    }
    #expect(images.count > 1)
  }

  @Test func `damaged unwind information ends a walk in doubt`() throws {
    let victim = try LinuxVictim("stale", ["stale"])
    try patiently { try victim.states() == ["S"] }
    let task = try victim.attach()
    try task.stopThreads()
    let registers = try #require(task.threads[victim.id]?.registers)
    let mappings = try task.process.mapsLines()
    let pointer = RuntimeAddress(rawValue: registers[.rsp])
    let stack = try #require(mappings.first { $0.range.contains(pointer) })
    var outcomes: Set<Bool> = []
    // Every read gives other bytes than memory holds: seeded, so that a failure comes again.
    for seed in 0..<UInt64(200) {
      let memory = DamagedMemory(process: task.process, state: seed, every: 1 + seed % 40)
      let walk = StackWalker(memory, executable: task.image.unwinding, mappings: mappings)
        .walk(registers, on: stack.range)
      outcomes.insert(walk.isWhole)
      if walk.isWhole { #expect(walk.top <= stack.range.end.rawValue + 8) }
    }
    #expect(outcomes.contains(false))
    try task.resumeThreads()
  }
}

/// A process's memory with every so many bytes changed.
private struct DamagedMemory: ReadableMemory {
  let process: LinuxProcess
  let state: UInt64
  let every: UInt64

  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    var bytes = try process.read(at, count)
    var value = state &* 0x9e37_79b9_7f4a_7c15 ^ at.rawValue
    for index in bytes.indices {
      value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      if (value >> 33) % every == 0 { bytes[index] = UInt8(truncatingIfNeeded: value >> 40) }
    }
    return bytes
  }
}
