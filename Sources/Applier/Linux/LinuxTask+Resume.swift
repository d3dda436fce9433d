extension LinuxTask {
  /// Every stopped thread goes on; all but the main thread are no longer traced. The first error is thrown after each
  /// thread has been dealt with.
  func letGo(detachingMainThread: Bool = false) throws(ApplyError) {
    var failure: ApplyError?
    for id in threads.keys where id != process.id {
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
    if let failure { throw failure }
  }

  private func letOtherThreadGo(_ id: Int32) throws(ApplyError) {
    // Only after a stop that failed is one still running: it must stop before it can be let go.
    if threads[id]?.isRunning == true { try hold(only: id) }
    try deliverDeferredSignals(id)
    defer { threads[id] = nil }
    guard let stop = threads[id]?.stop else { return }
    // A thread of a process stopped by job control stays stopped (kernel/ptrace.c, __ptrace_unlink).
    try ignoringEnd { () throws(SystemCallFailure) in try LinuxCalls.detach(id, signal: stop.signal) }
  }

  func letMainThreadGo() throws(ApplyError) {
    try deliverDeferredSignals(process.id)
    guard let stop = threads[process.id]?.stop else { return }
    threads[process.id]?.state = .running
    threads[process.id]?.registers = nil
    try ignoringEnd { () throws(SystemCallFailure) in
      // PTRACE_LISTEN keeps the job-control stop and still lets SIGCONT end it.
      if stop.isGroupStop {
        try LinuxCalls.listen(process.id)
      } else {
        try LinuxCalls.resume(process.id, signal: stop.signal)
      }
    }
  }

  private func detachMainThread() throws(ApplyError) {
    try deliverDeferredSignals(process.id)
    guard let stop = threads[process.id]?.stop else { return }
    threads[process.id] = nil
    try ignoringEnd { () throws(SystemCallFailure) in try LinuxCalls.detach(process.id, signal: stop.signal) }
  }

  private func ignoringEnd(_ call: () throws(SystemCallFailure) -> Void) throws(ApplyError) {
    do throws(SystemCallFailure) { try call() } catch { if !error.isGone { throw self.error(error) } }
  }

  // MARK: Signals that were taken from a thread

  /// The kernel lets a tracer deliver a signal only from the stop in which it was reported. For one that was taken earlier
  /// another of the same number is sent to the thread, and replaced by it where that one is reported (I: L4).
  private func deliverDeferredSignals(_ id: Int32) throws(ApplyError) {
    while let info = threads[id]?.deferredSignals.first {
      threads[id]?.deferredSignals.removeFirst()
      guard let signal: Int32 = TaskBytes(info).integer(at: 0), threads[id]?.stop != nil else { return }
      try ignoringEnd { () throws(SystemCallFailure) in
        try LinuxCalls.send(signal, to: process.id, thread: id)
        try goOn(id, until: signal)
        try LinuxCalls.setSignalInfo(id, info)
      }
    }
  }

  /// Lets the thread go on, delivering what it has, until `signal` is reported: that one then waits in its stop.
  private func goOn(_ id: Int32, until signal: Int32) throws(SystemCallFailure) {
    let deadline = LinuxCalls.nanoseconds &+ patience
    try LinuxCalls.resume(id, signal: threads[id]?.stop?.signal ?? 0)
    while LinuxCalls.nanoseconds < deadline {
      let kind = try LinuxCalls.pollStatus(id)?.kind
      switch kind {
      case nil: LinuxCalls.sleep(nanoseconds: 10_000)
      case .signal(signal):
        threads[id]?.state = .stopped(LinuxThread.Stop(signal: signal))
        return
      case .signal(let other): try LinuxCalls.resume(id, signal: other)
      case .exited, .killed:
        threads[id] = nil
        if id == process.id { ending = kind }
        return
      case .systemCall, .groupStop, .interrupted, .event: try LinuxCalls.resume(id)
      }
    }
    threads[id]?.state = .running
  }
}
