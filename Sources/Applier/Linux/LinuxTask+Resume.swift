extension LinuxTask {
  /// Every stopped thread goes on; all but the main thread are no longer traced. The first error is thrown after each
  /// thread has been dealt with.
  func letGo(detachingMainThread: Bool = false) throws(ApplyError) {
    var failure: ApplyError?
    do throws(ApplyError) { try awaitHolds() } catch { failure = error }
    // One that has not stopped comes last: it is not to keep the others.
    let others = threads.values.filter { $0.id != lead && $0.state != .ended }
    for id in others.map(\.id) where threads[id]?.isRunning == false {
      do throws(ApplyError) { try letOtherThreadGo(id) } catch { failure = failure ?? error }
    }
    do throws(ApplyError) {
      if detachingMainThread { try detachMainThread() } else { try letMainThreadGo() }
    } catch {
      failure = failure ?? error
    }
    isHeld = false
    if let pauseStart { lastPauseNanoseconds = LinuxCalls.nanoseconds &- pauseStart }
    pauseStart = nil
    if let scheduling { LinuxCalls.restorePriority(scheduling) }
    scheduling = nil
    for id in others.map(\.id) where threads[id]?.isRunning == true {
      do throws(ApplyError) { try letLateThreadGo(id) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Where it fails, the thread stays noted as stopped, to be let go by the next try.
  func letOtherThreadGo(_ id: Int32) throws(ApplyError) {
    try noteStopAgain(of: id)
    try takeBackHold(of: id)
    try deliverDeferredSignals(id)
    guard let stop = threads[id]?.stop else { return }
    // A thread of a process stopped by job control stays stopped (kernel/ptrace.c, __ptrace_unlink).
    try ignoringEnd { () throws(SystemCallFailure) in
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.detach(id, signal: stop.signal) }
    }
    threads[id] = nil
  }

  func letMainThreadGo() throws(ApplyError) {
    try noteStopAgain(of: lead)
    try takeBackHold(of: lead)
    try deliverDeferredSignals(lead)
    guard let stop = threads[lead]?.stop else { return }
    try ignoringEnd { () throws(SystemCallFailure) in
      try LinuxCalls.twice { () throws(SystemCallFailure) in
        // PTRACE_LISTEN keeps the job-control stop and still lets SIGCONT end it.
        if stop.isGroupStop {
          try LinuxCalls.listen(lead)
        } else {
          try LinuxCalls.resume(lead, signal: stop.signal)
        }
      }
    }
    threads[lead]?.state = .running
    threads[lead]?.registers = nil
  }

  private func detachMainThread() throws(ApplyError) {
    try noteStopAgain(of: lead)
    try takeBackHold(of: lead)
    try deliverDeferredSignals(lead)
    guard let stop = threads[lead]?.stop else { return }
    try ignoringEnd { () throws(SystemCallFailure) in
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.detach(lead, signal: stop.signal) }
    }
    threads[lead] = nil
  }

  private func ignoringEnd(_ call: () throws(SystemCallFailure) -> Void) throws(ApplyError) {
    do throws(SystemCallFailure) { try call() } catch { if !error.isGone { throw self.error(error) } }
  }

  // MARK: Signals that were taken from a thread

  /// The kernel lets a tracer deliver a signal only from the stop in which it was reported. For one that was taken earlier
  /// another of the same number is sent to the thread, and replaced by it where that one is reported (I: L4).
  private func deliverDeferredSignals(_ id: Int32) throws(ApplyError) {
    while let info = threads[id]?.deferredSignals.first {
      guard let signal: Int32 = TaskBytes(info).integer(at: 0), threads[id]?.stop != nil else { return }
      try ignoringEnd { () throws(SystemCallFailure) in
        try LinuxCalls.twice { () throws(SystemCallFailure) in
          try LinuxCalls.send(signal, to: process.id, thread: id)
        }
        // From here on it has it, with or without what came along.
        threads[id]?.deferredSignals.removeFirst()
        try goOn(id, until: signal)
        try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.setSignalInfo(id, info) }
      }
    }
  }

  /// Lets the thread go on, delivering what it has, until `signal` is reported: that one then waits in its stop.
  private func goOn(_ id: Int32, until signal: Int32) throws(SystemCallFailure) {
    let deadline = LinuxCalls.nanoseconds &+ patience
    func resume(_ signal: Int32 = 0) throws(SystemCallFailure) {
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.resume(id, signal: signal) }
    }
    try resume(threads[id]?.stop?.signal ?? 0)
    while LinuxCalls.nanoseconds < deadline {
      let kind = try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.pollStatus(id) }?.kind
      switch kind {
      case nil: LinuxCalls.sleep(nanoseconds: 10_000)
      case .signal(signal):
        threads[id]?.state = .stopped(LinuxThread.Stop(signal: signal))
        return
      case .signal(let other): try resume(other)
      case .exited, .killed:
        threads[id] = nil
        if id == process.id { ending = kind }
        return
      case .systemCall, .groupStop, .interrupted, .event: try resume()
      }
    }
    threads[id]?.state = .running
  }
}
