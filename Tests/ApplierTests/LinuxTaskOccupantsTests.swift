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

  @Test(arguments: ["apart", "local", "frame"], [true, false])
  func `a handler on an alternate stack does not hide what it interrupted`(
    place: String, isConservative: Bool
  ) throws {
    let victim = try LinuxVictim("altstack", [place])
    let task = try victim.attach()
    try task.stopThreads()
    let found = try task.occupants(of: [
      guarded(victim.address("outer"), 16, isConservative: isConservative),
      guarded(victim.address("innermost"), 16, isConservative: isConservative),
    ])
    let guards = found.filter { $0.kind == .stackWord && $0.threadName == "handler" }.map(\.guardIndex)
    #expect(Set(guards) == [0, 1])
    try task.resumeThreads()
  }

  @Test(arguments: ["apart", "local", "frame"])
  func `what a handler that has returned had interrupted is not where a thread is`(place: String) throws {
    let victim = try LinuxVictim("altstack", [place, "returned"])
    let task = try victim.attach()
    try task.stopThreads()
    let outer = try guarded(victim.address("outer"), 16, isConservative: false)
    #expect(try task.occupants(of: [outer]).isEmpty)
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

  @Test func `threads of a task that runs are looked at one by one, and all of them go on`() throws {
    let kinds = ["spin", "sleep", "epoll", "receive", "signal", "nap"]
    let victim = try LinuxVictim("threads", kinds)
    let task = try victim.attach()
    try task.stopThreads()
    let spinner = try #require(task.threads.values.first { task.process.threadName($0.id) == "spin" })
    let counter = RuntimeAddress(rawValue: try #require(spinner.registers)[.rip])
    try task.resumeThreads()
    let loop = try guarded(RuntimeAddress(rawValue: counter.rawValue & ~31), 64, isConservative: false)
    for _ in 0..<50 {
      let survey = try task.survey([loop])
      #expect(survey.occupants.contains { $0.thread == spinner.id && $0.kind == .programCounter })
      #expect(survey.unseen.isEmpty)
      #expect(!task.isHeld && task.threads.count == 1)
    }
    task.detach()
    #expect(try victim.advances("loops"))
    usleep(20000)
    #expect(try victim.value("interruptions") == 0)
  }

  @Test func `threads that come and go while a task is looked at are no failure`() throws {
    let victim = try LinuxVictim("churn", ["4"])
    let task = try victim.attach()
    let code = try guarded(task.image.entryPoint, 16)
    for _ in 0..<30 { _ = try task.survey([code]) }
    task.detach()
    #expect(try victim.advances("started"))
    #expect(try victim.value("failed") == 0)
  }

  @Test func `a thread in vfork, which does not stop, is told as unseen and goes on later`() throws {
    let victim = try LinuxVictim("children", ["vfork"])
    let task = try victim.attach()
    var unseen: [UnseenThread] = []
    // Now and then it is between two of them.
    for _ in 0..<200 where unseen.isEmpty {
      unseen = try task.survey([guarded(task.image.entryPoint, 16)]).unseen
      usleep(100_000)
    }
    #expect(unseen.count == 1)
    #expect(unseen.first.map { $0.thread != victim.id } == true)
    let loops = try victim.value("loops")
    let forks = try victim.value("forks")
    try patiently(until: { try victim.value("forks") >= forks + 2 }, meanwhile: task.attend)
    #expect(try victim.value("forks") >= forks + 2)
    #expect(try victim.value("loops") > loops)
    task.detach()
    #expect(try victim.value("failed") == 0)
  }

  @Test func `a thread in vfork that was looked at is let go with all others, though the one who looked goes on`()
    throws
  {
    let victim = try LinuxVictim("children", ["vfork"])
    let task = try victim.attach()
    try patiently { try !task.survey([guarded(task.image.entryPoint, 16)]).unseen.isEmpty }
    task.detach()
    let forks = try victim.value("forks")
    try patiently { try victim.value("forks") >= forks + 2 }
    #expect(try victim.value("forks") >= forks + 2)
    #expect(try victim.value("failed") == 0)
  }

  @Test func `threads are looked at only while they stand still`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    #expect(throws: ApplyError.self) { try task.occupants(of: [guarded(victim.address("answer"), 4)]) }
  }
}
