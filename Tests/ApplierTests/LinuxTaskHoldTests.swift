import Addressing
import Foundation
import Testing

@testable import Applier

/// What a process does of which the applier ends while it holds it, and what it notices where the applier does not end: nothing.
@Suite(.serialized)
struct LinuxTaskHoldTests {
  private static let kinds = ["spin", "sleep", "epoll", "epoll-short", "receive", "signal", "condition", "nap"]

  /// What the process's parent would be told by wait(2), and is not told of again: job-control stops and their ends.
  private func reports(_ victim: LinuxVictim) -> [Int32] {
    var found: [Int32] = []
    while true {
      var info = siginfo_t()
      guard waitid(P_PID, id_t(victim.id), &info, WSTOPPED | WCONTINUED | WNOHANG) == 0, info.si_signo != 0 else {
        return found
      }
      found.append(info.si_code)
    }
  }

  private func expectStopped(_ victim: LinuxVictim) throws {
    try patiently { try victim.states() == ["T"] }
    #expect(try victim.states() == ["T"])
  }

  @Test func `a process that is held and let go has not been stopped, as far as it or its parent can tell`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    let task = try victim.attach()
    for _ in 0..<50 {
      try task.stopThreads()
      #expect(try task.mayHoldThreads())
      let loops = try victim.value("loops")
      #expect(try task.holdThreads() == false)
      #expect(task.threads.values.allSatisfy { $0.hold == .standing && $0.stop?.signal == 0 && $0.registers != nil })
      #expect(try victim.value("loops") == loops)
      try task.resumeThreads()
    }
    #expect(try victim.advances("loops"))
    task.detach()
    usleep(20000)
    #expect(try victim.advances("loops"))
    #expect(try victim.value("interruptions") == 0)
    #expect(reports(victim) == [])
  }

  @Test func `a process that is held stands still when its applier ends, and goes on with SIGCONT`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    for _ in 0..<10 {
      try onOwnThread {
        let task = try victim.attach()
        try task.stopThreads()
        _ = try task.holdThreads()
        // Never let go: the kernel does it with the tracer's end.
        _ = Unmanaged.passRetained(task)
      }
      try expectStopped(victim)
      let loops = try victim.value("loops")
      usleep(5000)
      #expect(try victim.value("loops") == loops)
      #expect(reports(victim) == [Int32(CLD_STOPPED)])
      kill(victim.id, SIGCONT)
      #expect(try victim.advances("loops"))
      #expect(reports(victim) == [Int32(CLD_CONTINUED)])
    }
    #expect(try victim.value("interruptions") == 0)
  }

  @Test func `whoever comes next ends the stop that a dead applier has left`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    try onOwnThread {
      let task = try victim.attach()
      try task.stopThreads()
      _ = try task.holdThreads()
      _ = Unmanaged.passRetained(task)
    }
    try expectStopped(victim)
    let task = try victim.attach()
    try task.stopThreads()
    #expect(task.isJobControlStopped)
    #expect(try !task.mayHoldThreads())
    try task.resumeThreads()
    try expectStoppedOrTraced(victim)
    try task.stopThreads()
    try task.endJobControlStop()
    #expect(!task.isJobControlStopped)
    #expect(task.threads.values.allSatisfy { $0.hold == .standing })
    try task.resumeThreads()
    #expect(reports(victim).last == Int32(CLD_CONTINUED))
    #expect(try task.process.status(ofThread: victim.id)?.hasPending(SIGCONT) == false)
    #expect(try victim.advances("loops"))
    task.detach()
    #expect(try victim.advances("loops"))
    usleep(20000)
    #expect(try victim.value("interruptions") == 0)
  }

  private func expectStoppedOrTraced(_ victim: LinuxVictim) throws {
    let loops = try victim.value("loops")
    usleep(5000)
    #expect(try victim.value("loops") == loops)
  }

  @Test func `a call made in a process that is held leaves it held`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    try onOwnThread {
      let task = try victim.attach(.remoteProtect)
      try task.stopThreads()
      _ = try task.holdThreads()
      let hole = try #require(RuntimeRange(start: RuntimeAddress(rawValue: 0x5000_0000_0000), byteCount: 4096))
      try task.map(hole, .read)
      try task.write([1, 2, 3], at: hole.start)
      #expect(task.threads.values.allSatisfy { $0.hold == .standing && $0.stop?.signal == 0 })
      _ = Unmanaged.passRetained(task)
    }
    try expectStopped(victim)
    kill(victim.id, SIGCONT)
    #expect(try victim.advances("loops"))
    #expect(try victim.value("interruptions") == 0)
  }

  @Test func `signals that come to a process that is held reach their handler once, with their value`() throws {
    let victim = try LinuxVictim("signals", ["a", "b", "c"])
    let task = try victim.attach()
    let sent = 400
    for number in 1...sent {
      if number % 4 == 1 { try task.stopThreads() }
      if number % 4 == 2 { _ = try task.holdThreads() }
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

  @Test func `a signal that comes before SIGSTOP is delivered on the way to it, and that is told`() throws {
    let victim = try LinuxVictim("signals")
    let task = try victim.attach()
    for number in 1...20 {
      try task.stopThreads()
      // Of the signals that wait for a thread itself, the lowest number comes first (kernel/signal.c, next_signal).
      try LinuxCalls.send(SIGUSR1, to: victim.id, thread: victim.id)
      #expect(try task.holdThreads())
      #expect(task.threads.values.allSatisfy { $0.hold == .standing })
      #expect(try victim.value("count") == Int64(number - 1))
      try task.resumeThreads()
      try expectSoon(Int64(number)) { try victim.value("count") }
    }
    task.detach()
  }

  @Test func `a SIGCONT that waits would be lost: the process is not held`() throws {
    // It blocks that one.
    let victim = try LinuxVictim("signals")
    let task = try victim.attach()
    try task.stopThreads()
    #expect(try task.mayHoldThreads())
    kill(victim.id, SIGCONT)
    #expect(try !task.mayHoldThreads())
    try task.resumeThreads()
    task.detach()
  }

  @Test func `SIGCONTs that come while a process is brought to its hold keep nobody from it`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    let id = victim.id
    let storm = Thread {
      while !Thread.current.isCancelled {
        kill(id, SIGCONT)
        usleep(1000)
      }
    }
    storm.start()
    let task = try victim.attach()
    var held = 0
    // How often one waits at that moment differs from machine to machine.
    for _ in 0..<100_000 where held < 50 {
      try task.stopThreads()
      // One that waits at that moment would be lost.
      if try task.mayHoldThreads() {
        _ = try task.holdThreads()
        #expect(task.threads.values.allSatisfy { $0.hold == .standing })
        held += 1
      }
      try task.resumeThreads()
      try task.attend()
    }
    storm.cancel()
    while !storm.isFinished { usleep(1000) }
    #expect(held == 50)
    task.detach()
    #expect(try victim.advances("loops"))
    #expect(try victim.states().isDisjoint(with: ["T", "t"]))
  }

  @Test func `somebody else's stop of a process that is held is not lost`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    let task = try victim.attach()
    try task.stopThreads()
    _ = try task.holdThreads()
    kill(victim.id, SIGSTOP)
    try task.resumeThreads()
    task.detach()
    try expectStopped(victim)
    #expect(reports(victim) == [Int32(CLD_STOPPED)])
    kill(victim.id, SIGCONT)
    #expect(try victim.advances("loops"))
  }

  @Test func `a process that somebody stops is his to let go on, and is not held`() throws {
    let victim = try LinuxVictim("threads", Self.kinds)
    kill(victim.id, SIGSTOP)
    try expectStopped(victim)
    let task = try victim.attach()
    try task.stopThreads()
    #expect(try !task.mayHoldThreads())
    try task.resumeThreads()
    task.detach()
    try expectStopped(victim)
    kill(victim.id, SIGCONT)
    #expect(try victim.advances("loops"))
  }
}
