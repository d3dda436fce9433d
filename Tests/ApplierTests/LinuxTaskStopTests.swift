import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskStopTests {
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

  @Test func `none of the calls that signal(7) names returns because its thread was stopped`() throws {
    let victim = try LinuxVictim("waits")
    // It takes with it what the system would keep of it.
    defer {
      kill(victim.id, SIGTERM)
      victim.process.waitUntilExit()
    }
    #expect(victim.lines.filter { $0.hasPrefix("without") } == [])
    let task = try victim.attach()
    let code = try #require(RuntimeRange(start: task.image.entryPoint, byteCount: 16))
    for _ in 0..<30 {
      try task.stopThreads()
      #expect(task.threads.count == 46)
      try task.resumeThreads()
      _ = try task.survey([GuardedRange(range: code, reach: .whole, isConservative: false)])
    }
    task.detach()
    usleep(50000)
    // Its error output names them.
    #expect(try victim.value("returned") == 0)
    #expect(try victim.value("first_errno") == 0)
  }

  @Test(arguments: ["spin", "sleep"])
  func `sixty-four threads stand still together, and go on together`(kind: String) throws {
    let victim = try LinuxVictim("threads", Array(repeating: kind, count: 64))
    let task = try victim.attach()
    for _ in 0..<5 {
      try task.stopThreads()
      #expect(task.threads.count == 65)
      #expect(task.threads.values.allSatisfy { $0.registers != nil })
      try task.resumeThreads()
      #expect(task.threads.count == 1)
    }
    task.detach()
    #expect(try victim.value("interruptions") == 0)
    if kind == "spin" { #expect(try victim.advances("loops")) }
  }

  @Test func `threads that come and go all the time are all stopped`() throws {
    let victim = try LinuxVictim("churn", ["4"])
    let task = try victim.attach()
    for _ in 0..<40 {
      try task.stopThreads()
      let started = try victim.value("started")
      usleep(500)
      #expect(try victim.value("started") == started)
      try task.resumeThreads()
    }
    #expect(try victim.advances("started"))
    task.detach()
    #expect(try victim.advances("started"))
    #expect(try victim.value("failed") == 0)
  }

  @Test func `every signal that comes during stops reaches its handler once, with its value`() throws {
    let victim = try LinuxVictim("signals", ["a", "b", "c"])
    let task = try victim.attach()
    let sent = 400
    for number in 1...sent {
      if number % 4 == 1 { try task.stopThreads() }
      var value = sigval()
      value.sival_int = Int32(number)
      #expect(sigqueue(victim.id, firstRealTimeSignal, value) == 0)
      if number % 4 == 3 { try task.resumeThreads() }
    }
    try task.resumeThreads()
    task.detach()
    try expectSoon(Int64(sent)) { try victim.value("count") }
    #expect(try victim.value("sum") == Int64(sent * (sent + 1) / 2))
    #expect(try victim.value("wrong") == 0)
  }

  @Test func `a signal that the program ignores does not make its calls fail because it is traced`() throws {
    let victim = try LinuxVictim("signals")
    let task = try victim.attach()
    for _ in 0..<20 {
      // SIGCHLD and SIGWINCH do nothing by default.
      kill(victim.id, SIGCHLD)
      kill(victim.id, SIGWINCH)
      usleep(500)
      try task.attend()
      try task.stopThreads()
      kill(victim.id, SIGCHLD)
      try task.resumeThreads()
    }
    task.detach()
    usleep(5000)
    #expect(try victim.value("interruptions") == 0)
  }

  @Test func `a process stopped by job control stays stopped, and goes on when it is continued`() throws {
    let victim = try LinuxVictim("pages")
    kill(victim.id, SIGSTOP)
    try patiently { try victim.states() == ["T"] }
    let calls = try victim.value("calls")
    let task = try victim.attach()
    for _ in 0..<3 {
      try task.stopThreads()
      try task.resumeThreads()
    }
    usleep(5000)
    #expect(try victim.value("calls") == calls)
    kill(victim.id, SIGCONT)
    try patiently(until: { try victim.value("calls") > calls }, meanwhile: task.attend)
    #expect(try victim.value("calls") > calls)
    kill(victim.id, SIGSTOP)
    usleep(2000)
    try task.attend()
    task.detach()
    try patiently { try victim.states() == ["T"] }
    let again = try victim.value("calls")
    usleep(5000)
    #expect(try victim.value("calls") == again)
    kill(victim.id, SIGCONT)
    #expect(try victim.advances("calls"))
  }

  @Test func `a tracer that ends in the middle of a stop leaves the program running`() throws {
    let victim = try LinuxVictim("threads", ["epoll", "spin", "sleep", "receive"])
    try onOwnThread {
      let task = try victim.attach()
      try task.stopThreads()
      // Never let go: the kernel lets threads go that a tracer's end leaves behind.
      _ = Unmanaged.passRetained(task)
    }
    #expect(try victim.advances("loops"))
    #expect(try victim.value("interruptions") == 0)
    #expect(throws: Never.self) { try victim.attach() }
  }

  @Test func `a signal that stands before its delivery is not lost with the tracer`() throws {
    let victim = try LinuxVictim("signals")
    for number in 1...5 {
      try onOwnThread {
        let task = try victim.attach()
        var value = sigval()
        value.sival_int = Int32(number)
        #expect(sigqueue(victim.id, firstRealTimeSignal, value) == 0)
        usleep(5000)
        try task.stopThreads()
        _ = Unmanaged.passRetained(task)
      }
      try expectSoon(Int64(number)) { try victim.value("count") }
    }
    #expect(try victim.value("sum") == 15)
  }

  @Test func `a call from another thread than the one that attached is refused in words`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    let shared = Unmanaged.passUnretained(task)
    let pointer = UInt(bitPattern: shared.toOpaque())
    let error = #expect(throws: ApplyError.self) {
      try onOwnThread {
        guard let raw = UnsafeRawPointer(bitPattern: pointer) else { return }
        try Unmanaged<LinuxTask>.fromOpaque(raw).takeUnretainedValue().stopThreads()
      }
    }
    #expect(error?.detail?.contains("another thread") == true)
  }

  @Test func `a process that ends while it is held, or while it is not, is an error and no wait`() throws {
    for isHeld in [true, false] {
      let victim = try LinuxVictim("threads", ["spin", "sleep"])
      let task = try victim.attach()
      if isHeld { try task.stopThreads() }
      kill(victim.id, SIGKILL)
      patiently { task.process.hasEnded }
      let error = #expect(throws: ApplyError.self) {
        try task.resumeThreads()
        try task.stopThreads()
        _ = try task.read(try RuntimeAddress(rawValue: victim.address("loops").rawValue), 8)
      }
      #expect(error?.code == .processExited)
      task.detach()
    }
  }
}
