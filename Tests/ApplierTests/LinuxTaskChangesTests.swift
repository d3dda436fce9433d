import Addressing
import Foundation
import Testing

@testable import Applier

/// Processes that become something else while they are held: that lose their main thread, have children, execute a program.
@Suite(.serialized)
struct LinuxTaskChangesTests {
  @Test func `a process whose main thread has ended is held, read and written like any other`() throws {
    let victim = try LinuxVictim("orphans", flags: ["-Wl,--build-id"])
    #expect(try victim.advances("loops"))
    let task = try victim.attach()
    let second = #expect(throws: ApplyError.self) { try victim.attach() }
    #expect(second?.code == .alreadyTraced)
    #expect(try task.identity().count == 20)
    for _ in 0..<5 {
      try task.stopThreads()
      let loops = try victim.value("loops")
      let word = RuntimeRange(start: try victim.address("constant"), byteCount: 8)
      #expect(try task.occupants(of: [GuardedRange(range: #require(word), reach: .whole, isConservative: false)]) == [])
      #expect(try victim.value("loops") == loops)
      try task.resumeThreads()
    }
    try task.write([43, 0, 0, 0, 0, 0, 0, 0], at: try victim.address("constant"))
    #expect(try victim.value("constant") == 43)
    let page = try #require(RuntimeRange(start: RuntimeAddress(rawValue: 0x5000_0000_0000), byteCount: 4096))
    try task.map(page, [.read, .write])
    #expect(try task.read(page.start, 1) == [0])
    task.detach()
    #expect(try victim.advances("loops"))
  }

  @Test func `a thread in vfork is named, and holds nobody else up`() throws {
    let victim = try LinuxVictim("children", ["vfork"])
    let task = try LinuxTask(
      attachingTo: victim.id, entryPoint: victim.entryPoint(), patienceNanoseconds: 100_000_000)
    var refusals = 0
    for _ in 0..<8 {
      do throws(ApplyError) {
        try task.stopThreads()
        try task.resumeThreads()
      } catch {
        #expect(error.code == .threadDoesNotStop)
        #expect(error.detail?.contains("(children") == true)
        refusals += 1
      }
      // Its main thread is told of each child that ends, by a signal.
      let loops = try victim.value("loops")
      try patiently(until: { try victim.value("loops") > loops }, meanwhile: task.attend)
      #expect(try victim.value("loops") > loops)
    }
    #expect(refusals > 0)
    let forks = try victim.value("forks")
    try patiently(until: { try victim.value("forks") >= forks + 2 }, meanwhile: task.attend)
    #expect(try victim.value("forks") >= forks + 2)
    task.detach()
    #expect(try victim.value("failed") == 0)
  }

  @Test func `with patience, a stop waits for the child of a vfork to end`() throws {
    let victim = try LinuxVictim("children", ["vfork"])
    let task = try victim.attach()
    for _ in 0..<3 {
      try task.stopThreads()
      #expect(task.threads.count == 2)
      try task.resumeThreads()
    }
    task.detach()
    #expect(try victim.advances("loops"))
    #expect(try victim.value("failed") == 0)
  }

  @Test(arguments: LinuxTask.WriteMethod.allCases)
  func `a program that the process executes meanwhile is told by name and not written to`(
    method: LinuxTask.WriteMethod
  ) throws {
    let victim = try LinuxVictim("children", ["exchange"])
    let task = try victim.attach(method)
    let place = try victim.address("loops")
    kill(victim.id, SIGUSR1)
    patiently(until: { !task.process.hasItsMemory(at: place) }, meanwhile: { try? task.attend() })
    let read = #expect(throws: ApplyError.self) { try task.read(place, 8) }
    #expect(read?.code == .programExchanged)
    let write = #expect(throws: ApplyError.self) { try task.write([1], at: place) }
    #expect(write?.code == .programExchanged)
    task.detach()
    #expect(try LinuxProcess(victim.id).executablePath?.hasSuffix("sleep") == true)
  }

  @Test func `no system call is made in a process that filters them, and memory is still written`() throws {
    let victim = try LinuxVictim("children", ["filter"])
    let task = try victim.attach()
    let page = try #require(RuntimeRange(start: RuntimeAddress(rawValue: 0x5000_0000_0000), byteCount: 4096))
    let error = #expect(throws: ApplyError.self) { try task.map(page, [.read, .write]) }
    #expect(error?.code == .systemCallsFiltered)
    try task.stopThreads()
    try task.write([9], at: try victim.address("forks"))
    try task.resumeThreads()
    task.detach()
    #expect(try victim.value("forks") == 9)
    #expect(try victim.value("failed") == 0)
    #expect(try victim.advances("loops"))
  }

  @Test func `a process is taken for ended only when it has`() throws {
    let victim = try LinuxVictim("orphans")
    // It says that it is ready before its first thread ends.
    try patiently { try String(contentsOfFile: "/proc/\(victim.id)/stat", encoding: .utf8).contains(") Z ") }
    // The thread that is traced is not the first: its parent waits for the process until the tracer has waited for it, or has ended.
    try onOwnThread {
      let task = try victim.attach()
      #expect(!task.process.hasEnded)
      // What the kernel says of one thread is not believed of all.
      #expect(task.error(SystemCallFailure(call: "ptrace", number: .gone)).code == .taskCallFailed)
      kill(victim.id, SIGKILL)
      patiently { task.process.hasEnded }
      #expect(task.process.hasEnded)
      #expect(task.error(SystemCallFailure(call: "ptrace", number: .gone)).code == .processExited)
    }
  }

  @Test func `a signal for the thread that stays traced does not wait for a blocked commit to end`() throws {
    let victim = try LinuxVictim("signals")
    let task = try victim.attach()
    for number in 1...5 {
      var value = sigval()
      value.sival_int = Int32(number)
      #expect(sigqueue(victim.id, firstRealTimeSignal, value) == 0)
    }
    try patiently(until: { try victim.value("count") == 5 }, meanwhile: task.attend)
    #expect(try victim.value("count") == 5)
    task.detach()
  }
}
