import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskOccupantsTests {
  private func guarded(
    _ start: RuntimeAddress, _ byteCount: UInt64, _ reach: Guard.Reach = .whole, isConservative: Bool = true
  ) throws -> GuardedRange {
    let range = try #require(RuntimeRange(start: start, byteCount: byteCount))
    return GuardedRange(range: range, reach: reach, isConservative: isConservative)
  }

  @Test(arguments: [true, false])
  func `a handler on an alternate stack does not hide what it interrupted`(isConservative: Bool) throws {
    let victim = try LinuxVictim("altstack")
    let task = try victim.attach()
    try task.stopThreads()
    let outer = try guarded(victim.address("outer"), 16, isConservative: isConservative)
    let found = try task.occupants(of: [outer])
    #expect(found.contains { $0.kind == .stackWord && $0.threadName == "handler" && $0.guardIndex == 0 })
    try task.resumeThreads()
  }

  @Test func `a jump buffer on the stack counts as where it leads`() throws {
    let victim = try LinuxVictim("jump")
    let task = try victim.attach()
    try task.stopThreads()
    let found = try task.occupants(of: [
      guarded(victim.address("saver"), 24), guarded(victim.address("untouched"), 8),
    ])
    #expect(found.contains { $0.kind == .stackWord && $0.guardIndex == 0 })
    #expect(!found.contains { $0.guardIndex == 1 })
    try task.resumeThreads()
  }

  @Test func `a program counter counts at the first byte only where the whole range is guarded`() throws {
    let victim = try LinuxVictim("threads", ["spin"])
    let task = try victim.attach()
    try task.stopThreads()
    let spinner = try #require(task.threads.values.first { task.process.threadName($0.id) == "spin" })
    let counter = RuntimeAddress(rawValue: try #require(spinner.registers)[.rip])
    let whole = try task.occupants(of: [guarded(counter, 4, .whole)])
    #expect(whole.contains { $0.kind == .programCounter && $0.thread == spinner.id && $0.address == counter })
    let interior = try task.occupants(of: [guarded(counter, 4, .interior)])
    #expect(!interior.contains { $0.kind == .programCounter && $0.thread == spinner.id })
    try task.resumeThreads()
  }

  @Test func `threads are looked at only while they stand still`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    #expect(throws: ApplyError.self) { try task.occupants(of: [guarded(victim.address("answer"), 4)]) }
  }
}
