import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskRemoteCallTests {
  @Test func `a call made in the task disturbs no register, no vector and no red zone`() throws {
    let victim = try LinuxVictim("float")
    let task = try victim.attach()
    let range = try #require(RuntimeRange(start: RuntimeAddress(rawValue: 0x2_0000_0000), byteCount: 4096))
    try task.map(range, [.read])
    for _ in 0..<100 {
      _ = try task.callSystem(.memoryProtect, [range.start.rawValue, 4096, 1])
    }
    task.detach()
    #expect(try victim.advances("loops"))
    #expect(try victim.value("broken") == 0)
  }

  @Test(arguments: ["epoll", "sleep", "poll", "receive", "signal", "condition", "read", "spin"])
  func `a thread that waits in a system call waits on after a call made in it`(kind: String) throws {
    let victim = try LinuxVictim("threads", [kind])
    let task = try victim.attach()
    for _ in 0..<20 {
      try task.stopThreads()
      // In the thread of that kind, which the task itself would pass over for the main one.
      task.threads[victim.id]?.registers = nil
      #expect(try task.callSystem(.memoryProtect, [0, 0, 1]) == 0)
      try task.resumeThreads()
    }
    task.detach()
    usleep(10000)
    #expect(try victim.value("interruptions") == 0)
  }

  @Test func `a signal that was about to be delivered is delivered after the call, as it was`() throws {
    let victim = try LinuxVictim("signals")
    let task = try victim.attach()
    for number in 1...20 {
      var value = sigval()
      value.sival_int = Int32(number)
      sigqueue(victim.id, firstRealTimeSignal, value)
      usleep(500)
      try task.stopThreads()
      #expect(try task.callSystem(.memoryProtect, [0, 0, 1]) == 0)
      try task.resumeThreads()
    }
    task.detach()
    try expectSoon(20) { try victim.value("count") }
    #expect(try victim.value("sum") == 210)
    #expect(try victim.value("wrong") == 0)
  }

  @Test func `a thread whose tracer ends in the middle of a call restores itself`() throws {
    let victim = try LinuxVictim("float")
    for round in 0..<6 {
      try onOwnThread { try Self.abandonCall(in: victim, afterStep: round % 3) }
      #expect(try victim.advances("loops"))
      #expect(try victim.value("broken") == 0)
      let status = try #require(try LinuxProcess(victim.id).status())
      #expect(status.blockedSignals == 0)
    }
  }

  /// What `callSystem` does, up to a step: the frame written and the registers set; the mask set; the call entered.
  private static func abandonCall(in victim: LinuxVictim, afterStep step: Int) throws {
    let task = try victim.attach()
    try task.stopThreads()
    _ = Unmanaged.passRetained(task)
    let gadgets = try task.remoteGadgets()
    var registers = try LinuxCalls.registers(victim.id)
    let restorer = try #require(gadgets.restorer)
    let frame = try #require(
      SignalFrame(
        for: .systemCall, registers: registers, signalMask: LinuxCalls.signalMask(victim.id),
        extendedState: LinuxCalls.extendedState(victim.id), restorer: restorer))
    try task.write(frame.bytes, at: RuntimeAddress(rawValue: frame.stackPointer))
    registers[.rsp] = frame.stackPointer
    registers[.rip] = gadgets.systemCall
    // getpid(2)
    registers[.rax] = 39
    registers[.originalRAX] = .max
    try LinuxCalls.setRegisters(victim.id, registers)
    if step >= 1 { try LinuxCalls.setSignalMask(victim.id, ~0) }
    if step >= 2 {
      // Vector registers too must come back from the frame.
      var state = try LinuxCalls.extendedState(victim.id)
      for offset in 160..<416 { state[offset] = 0xff }
      try LinuxCalls.setExtendedState(victim.id, state)
      try LinuxCalls.resumeToSystemCall(victim.id)
      while try LinuxCalls.pollStatus(victim.id) == nil { usleep(100) }
    }
  }

  @Test func `a function of the task's is called for its result`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    #expect(try task.callFunction(at: victim.address("answer")) == 41)
    try task.stopThreads()
    #expect(try task.callFunction(at: victim.address("answer")) == 41)
    try task.resumeThreads()
    #expect(try victim.advances("calls"))
  }

  @Test func `a function that faults leaves the thread as it was`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    #expect(throws: ApplyError.self) { try task.callFunction(at: victim.address("rw-")) }
    #expect(try victim.advances("calls"))
    task.detach()
    #expect(try victim.advances("calls"))
  }

  @Test func `a function that does not return is given up`() throws {
    let victim = try LinuxVictim("pages")
    let task = try LinuxTask(
      attachingTo: victim.id, entryPoint: victim.entryPoint(), patienceNanoseconds: 100_000_000)
    // jmp to itself
    try task.write([0xeb, 0xfe], at: victim.address("rwx"))
    #expect(throws: ApplyError.self) { try task.callFunction(at: victim.address("rwx")) }
    #expect(try victim.advances("calls"))
  }
}
