import Addressing

// Calls made in the task by one of its stopped threads.
//
// The thread is sent to a `syscall` instruction that the task has anyway and runs from system-call stop to system-call
// stop, so that no signal is needed (a trap would reset a handler that ignores it). Around that:
//
//   1. a signal frame that returns it to where it is goes on its stack (SignalFrame), what stood there is kept;
//   2. registers, then the signal mask: killed between the two, or anywhere below, we leave a thread that makes the call,
//      returns into rt_sigreturn(2) and goes on;
//   3. entry to the call, exit from it: the result is read;
//   4. mask, registers, stack as they were; then one more interrupt, for only a thread that comes out of a *signal* stop
//      is looked at by the kernel's restart of the call it was interrupted in (arch/x86/kernel/signal.c).
//
// Extended state: a system call keeps it, and a function may not.

extension LinuxTask {
  enum SystemCall: UInt64, Sendable {
    case memoryMap = 9
    case memoryProtect = 10
    case memoryUnmap = 11
  }

  /// What the call returned, negative for an error, or a named error when the thread could not make it.
  func callSystem(_ call: SystemCall, _ arguments: [UInt64]) throws(ApplyError) -> Int64 {
    try checkFilter()
    let gadgets = try remoteGadgets()
    return try withHeldThread { (id: Int32) throws(ApplyError) in
      try run(id, .systemCall) { registers in
        registers[.rip] = gadgets.systemCall
        registers[.rax] = call.rawValue
        for (register, value) in zip([.rdi, .rsi, .rdx, .r10, .r8, .r9] as [ThreadRegisters.Name], arguments) {
          registers[register] = value
        }
      }
    }
  }

  /// A filter may answer a call that the program never makes by killing it (SECCOMP_RET_KILL_PROCESS).
  private func checkFilter() throws(ApplyError) {
    let status: ProcessStatus?
    do throws(SystemCallFailure) { status = try process.status(ofThread: lead) } catch { throw self.error(error) }
    if status?.filtersSystemCalls == true { throw ApplyError(.systemCallsFiltered, target: name) }
  }

  /// What a function of no arguments, at this address in the task, returns. It must make no system call and end soon: an
  /// IFUNC's resolver (psABI, Relocation Types: R_X86_64_IRELATIVE).
  func callFunction(at address: RuntimeAddress) throws(ApplyError) -> UInt64 {
    let gadgets = try remoteGadgets()
    let result = try withHeldThread { (id: Int32) throws(ApplyError) in
      try run(id, .function(returnsTo: gadgets.systemCall)) { registers in
        registers[.rip] = address.rawValue
        registers[.rax] = 0
      }
    }
    return UInt64(bitPattern: result)
  }

  /// Gives a thread that stands still; the main thread is stopped for it if need be.
  func withHeldThread<Result>(
    _ body: (Int32) throws(ApplyError) -> Result
  ) throws(ApplyError) -> Result {
    try requireAttached()
    if let id = threadForCalls { return try body(id) }
    guard !isHeld else {
      throw ApplyError(.taskCallFailed, target: name, detail: "no thread is in a state to make a call")
    }
    let mainThreadOnly = threads[lead]?.isRunning == true
    if mainThreadOnly { try hold(only: lead) } else { try stopThreads() }
    let result: Result
    do throws(ApplyError) {
      guard let id = threadForCalls else {
        throw ApplyError(.taskCallFailed, target: name, detail: "no thread is in a state to make a call")
      }
      result = try body(id)
    } catch {
      do throws(ApplyError) { try letGo() } catch {}
      throw error
    }
    try letGo()
    return result
  }

  /// A thread that a signal waits for would have to be given it later, by a detour: the last choice.
  private var threadForCalls: Int32? {
    let stopped = threads.values.filter { $0.stop != nil && $0.registers != nil }
    func order(_ thread: LinuxThread) -> (Int, Int) {
      (thread.stop?.signal ?? 0 == 0 ? 0 : 1, thread.id == lead ? 0 : 1)
    }
    return stopped.min { order($0) < order($1) }?.id
  }

  func remoteGadgets() throws(ApplyError) -> RemoteGadgets {
    if let gadgets { return gadgets }
    let found = RemoteGadgets(mappings: try process.mappings()) { mapping in
      guard mapping.name != "[vsyscall]", let count = Int(exactly: mapping.range.byteCount) else { return nil }
      do throws(ApplyError) {
        return try process.read(mapping.range.start, min(count, 64 << 20))
      } catch {
        return nil
      }
    }
    guard let found else {
      throw ApplyError(.taskCallFailed, target: name, detail: "no system call instruction was found in it")
    }
    gadgets = found
    return found
  }

  // MARK: One run

  /// What a thread must be given back.
  private struct Saved {
    var registers: ThreadRegisters
    var signalMask: UInt64
    var extendedState: [UInt8]
    var frame: SignalFrame?
    var stack: [UInt8] = []
  }

  /// All but SIGKILL and SIGSTOP, which the kernel leaves out by itself, and the faults that a call may meet: a blocked one
  /// would reset its handler (kernel/signal.c, force_sig_info_to_task). SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS.
  private static let quietMask: UInt64 = ~(1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30)

  private func run(
    _ id: Int32, _ purpose: SignalFrame.Purpose, prepare: (inout ThreadRegisters) -> Void
  ) throws(ApplyError) -> Int64 {
    let isHeldByStop = threads[id]?.hold == .standing
    do throws(ApplyError) {
      let result = try runUnheld(id, purpose, prepare: prepare)
      if isHeldByStop { try holdAgain(id) }
      return result
    } catch {
      // The first error is the one to be known.
      if isHeldByStop { try? holdAgain(id) }
      throw error
    }
  }

  /// A thread that stands before a SIGSTOP of ours passes over it, and stands as before only once it has met another: killed in
  /// between, we leave a thread that stops when the first other one does.
  private func runUnheld(
    _ id: Int32, _ purpose: SignalFrame.Purpose, prepare: (inout ThreadRegisters) -> Void
  ) throws(ApplyError) -> Int64 {
    threads[id]?.hold = .none
    do throws(SystemCallFailure) {
      let saved = try save(id, purpose)
      // The stop that the call ends in is no signal stop: a signal held in this one has to be kept.
      if threads[id]?.stop?.signal ?? 0 != 0 {
        threads[id]?.deferredSignals.append(try LinuxCalls.signalInfo(id))
        threads[id]?.state = .stopped(LinuxThread.Stop())
      }
      var registers = saved.registers
      registers[.rsp] = saved.frame?.stackPointer ?? saved.registers[.rsp]
      registers[.originalRAX] = .max
      prepare(&registers)
      let outcome: Int64?
      do throws(SystemCallFailure) {
        try LinuxCalls.setRegisters(id, registers)
        try LinuxCalls.setSignalMask(id, Self.quietMask)
        outcome = try result(of: id, purpose)
      } catch {
        try restore(id, saved)
        throw error
      }
      try restore(id, saved)
      if let outcome { return outcome }
    } catch {
      throw self.error(error, detail: "a call could not be made in thread \(id)")
    }
    throw ApplyError(.taskCallFailed, target: name, detail: "a call made in thread \(id) did not return")
  }

  private func save(_ id: Int32, _ purpose: SignalFrame.Purpose) throws(SystemCallFailure) -> Saved {
    var saved = Saved(
      registers: try LinuxCalls.registers(id), signalMask: try LinuxCalls.signalMask(id),
      extendedState: try LinuxCalls.extendedState(id))
    if let restorer = gadgets?.restorer,
      let frame = SignalFrame(
        for: purpose, registers: saved.registers, signalMask: saved.signalMask, extendedState: saved.extendedState,
        restorer: restorer),
      let stack = try replaceStack(frame)
    {
      saved.frame = frame
      saved.stack = stack
    } else if case .function = purpose {
      // A function cannot do without a stack, a system call can.
      throw SystemCallFailure(call: "sigreturn", number: .notSupported)
    }
    return saved
  }

  /// What stood where the frame has been put; nil where the stack has no room for it.
  private func replaceStack(_ frame: SignalFrame) throws(SystemCallFailure) -> [UInt8]? {
    do throws(SystemCallFailure) {
      let found = try LinuxCalls.read(process.memory.number, at: frame.stackPointer, count: frame.bytes.count)
      guard found.count == frame.bytes.count else { return nil }
      try LinuxCalls.write(process.memory.number, frame.bytes, at: frame.stackPointer)
      return found
    } catch {
      if error.isRefusedWrite { return nil }
      throw error
    }
  }

  private func restore(_ id: Int32, _ saved: Saved) throws(SystemCallFailure) {
    // All of it may be done twice. Mask first: killed behind it, we leave a thread that still returns by its frame.
    try LinuxCalls.twice { () throws(SystemCallFailure) in
      try LinuxCalls.setSignalMask(id, saved.signalMask)
      try LinuxCalls.setExtendedState(id, saved.extendedState)
      try LinuxCalls.setRegisters(id, saved.registers)
      if let frame = saved.frame {
        try LinuxCalls.write(process.memory.number, saved.stack, at: frame.stackPointer)
      }
    }
    // Left in the stop of a system call, it would go on with the kernel's own -ERESTARTSYS for an answer.
    try goOnToInterrupt(id)
    let deadline = LinuxCalls.nanoseconds &+ patience
    while LinuxCalls.nanoseconds < deadline {
      switch try nextStop(of: id, deadline) {
      case .interrupted?: return try note(id, LinuxThread.Stop())
      case .groupStop?: return try note(id, LinuxThread.Stop(isGroupStop: true))
      // In a signal stop the interrupt has been used up, and so has the purpose of asking for it.
      case .signal(let signal)?: return try note(id, LinuxThread.Stop(signal: signal))
      // Any stop uses an interrupt up.
      case .systemCall?, .event?: try goOnToInterrupt(id)
      case .exited?, .killed?, nil: throw SystemCallFailure(call: "waitpid", number: .gone)
      }
    }
  }

  func goOnToInterrupt(_ id: Int32) throws(SystemCallFailure) {
    try LinuxCalls.twice { () throws(SystemCallFailure) in
      try LinuxCalls.interrupt(id)
      try LinuxCalls.resume(id)
    }
  }

  /// It may have got as far as its next system call, which this stop has interrupted like the first one.
  private func note(_ id: Int32, _ stop: LinuxThread.Stop) throws(SystemCallFailure) {
    threads[id]?.state = .stopped(stop)
    threads[id]?.registers = nil
    threads[id]?.registers = try LinuxCalls.twice { () throws(SystemCallFailure) in
      try undoInterruption(of: id, stop, try LinuxCalls.registers(id))
    }
  }

  /// The call's result, or nil when the thread met a fault or did not come back in time.
  private func result(of id: Int32, _ purpose: SignalFrame.Purpose) throws(SystemCallFailure) -> Int64? {
    let deadline = LinuxCalls.nanoseconds &+ patience
    guard try reachSystemCall(id, deadline) else { return nil }
    if case .function = purpose {
      // It has returned to the gadget: its result is the number of the call that it is about to make, and must not.
      var registers = try LinuxCalls.registers(id)
      let result = Int64(bitPattern: registers[.originalRAX])
      guard registers[.rip] == (gadgets?.systemCall ?? 0) &+ 2 else { return nil }
      registers[.originalRAX] = .max
      try LinuxCalls.setRegisters(id, registers)
      return try reachSystemCall(id, deadline) ? result : nil
    }
    guard try reachSystemCall(id, deadline) else { return nil }
    return Int64(bitPattern: try LinuxCalls.registers(id)[.rax])
  }

  private func reachSystemCall(_ id: Int32, _ deadline: UInt64) throws(SystemCallFailure) -> Bool {
    try LinuxCalls.resumeToSystemCall(id)
    while true {
      switch try nextStop(of: id, deadline) {
      case .systemCall?: return true
      case .signal(let signal)?:
        // SIGSTOP cannot be blocked; it is kept for later. Anything else is a fault of the call's own.
        guard signal == 19 else { return false }
        threads[id]?.deferredSignals.append(try LinuxCalls.signalInfo(id))
        try LinuxCalls.resumeToSystemCall(id)
      case .interrupted?, .groupStop?, .event?: try LinuxCalls.resumeToSystemCall(id)
      case .exited?, .killed?: throw SystemCallFailure(call: "waitpid", number: .gone)
      case nil:
        // Stopped where it is, so that it can be restored.
        try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.interrupt(id) }
        _ = try nextStop(of: id, LinuxCalls.nanoseconds &+ patience)
        return false
      }
    }
  }

  private func nextStop(of id: Int32, _ deadline: UInt64) throws(SystemCallFailure) -> WaitStatus.Kind? {
    var sleep = 2_000
    while LinuxCalls.nanoseconds < deadline {
      let status = try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.pollStatus(id) }
      if let kind = status?.kind {
        switch kind {
        case .exited, .killed: if id == process.id { ending = kind }
        default: break
        }
        return kind
      }
      LinuxCalls.sleep(nanoseconds: sleep)
      sleep = min(sleep * 2, 500_000)
    }
    return nil
  }
}
