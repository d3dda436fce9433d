import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskTests {
  @Test func `the slide is that of the running image, and the identity its build-id in memory`() throws {
    let victim = try LinuxVictim("pages", flags: ["-Wl,--build-id=0x0123456789abcdef"])
    let task = try victim.attach()
    #expect(try task.identity() == [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef])
    let text = try task.read(try victim.address("answer"), 4)
    #expect(text != [0, 0, 0, 0])
    #expect(try task.mappings().contains { $0.name.hasSuffix("pagesWlbuildid0x0123456789abcdef") })
    #expect(try LinuxProcess(victim.id).mainImage().slide == task.slide)
  }

  @Test func `attaching stops nothing, and a second applier is told who holds the process`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    let error = #expect(throws: ApplyError.self) { try victim.attach() }
    #expect(error?.code == .alreadyTraced)
    #expect(error?.process == ProcessInfo.processInfo.processIdentifier)
    #expect(try victim.advances("calls"))
    task.detach()
    #expect(throws: Never.self) { try victim.attach() }
  }

  @Test func `no system call of a stopped thread fails, whatever it waits in`() throws {
    let kinds = ["sleep", "nap", "poll", "epoll", "epoll-short", "condition", "read", "receive", "signal", "spin"]
    let victim = try LinuxVictim("threads", kinds)
    let task = try victim.attach()
    for _ in 0..<50 {
      try task.stopThreads()
      #expect(task.threads.count == kinds.count + 1)
      let loops = try victim.value("loops")
      #expect(try victim.value("loops") == loops)
      try task.resumeThreads()
    }
    #expect(try victim.advances("loops"))
    task.detach()
    usleep(20000)
    #expect(try victim.value("interruptions") == 0)
    #expect(task.lastPauseNanoseconds.map { $0 > 0 } == true)
  }
}
