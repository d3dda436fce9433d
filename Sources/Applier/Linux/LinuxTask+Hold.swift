import Glibc

// How a task is made to stand still should this program end, however it ends: a job-control stop outlives a tracer.
//
// Each thread that stands still is sent a SIGSTOP of its own (tgkill(2)) and let go on as far as to the stop before that signal's
// delivery: it returns from one stop of the kernel's into another (kernel/signal.c, get_signal) and executes nothing. There it
// waits. Let go by us, it is given no signal, and nobody has seen any: a parent is told of a stop only when it begins
// (do_signal_stop), and it has not. Let go by the kernel, because we have ended, it is given what it was stopped for
// (ptrace_stop returns the exit code that is SIGSTOP), and stops with all others.
//
// Each thread its own, and no signal to the process: a SIGSTOP that somebody else sends meanwhile is one for the process, and would
// be lost as the second of its kind.

extension LinuxTask {
  /// SIGSTOP and what stops a process by default: such a thread stops anyway.
  private static let stopping: Set<Int32> = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]

  /// Not where somebody else stops the process, for then it is his to let it go on; nor where a SIGCONT waits, which a SIGSTOP takes
  /// away for good (kernel/signal.c, prepare_signal).
  public func mayHoldThreads() throws(ApplyError) -> Bool {
    guard isHeld else { return false }
    do throws(SystemCallFailure) {
      for (id, thread) in threads {
        guard let stop = thread.stop else { continue }
        if stop.isGroupStop || Self.stopping.contains(stop.signal) { return false }
        guard try LinuxCalls.hasWaitingSignal(id) else { continue }
        if try process.status(ofThread: id)?.hasPending(SIGCONT) == true { return false }
      }
      return true
    } catch {
      throw self.error(error)
    }
  }

  public func holdThreads() throws(ApplyError) -> Bool {
    let before = deliveryCount
    let ids = threads.values.filter { $0.stop != nil }.map(\.id)
    // All are sent on before the first is waited for, as when they are stopped.
    for id in ids { try sendOn(id) }
    let reports = StopReports()
    let deadline = LinuxCalls.nanoseconds &+ patience
    for id in ids { try collectStop(of: id, reports, until: deadline) }
    return deliveryCount != before
  }

  /// The same for one thread, which has had to leave its stop.
  func holdAgain(_ id: Int32) throws(ApplyError) {
    guard threads[id]?.stop != nil else { return }
    try sendOn(id)
    try collectStop(of: id, StopReports(), until: LinuxCalls.nanoseconds &+ patience)
  }

  private func sendOn(_ id: Int32) throws(ApplyError) {
    guard let stop = threads[id]?.stop else { return }
    do throws(SystemCallFailure) {
      threads[id]?.hold = .sent
      try sendStop(to: id)
      if stop.signal != 0 { deliveryCount += 1 }
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.resume(id, signal: stop.signal) }
      threads[id]?.state = .running
    } catch {
      if !error.isGone { throw self.error(error) }
    }
  }

  private func sendStop(to id: Int32) throws(SystemCallFailure) {
    try LinuxCalls.twice { () throws(SystemCallFailure) in
      try LinuxCalls.send(SIGSTOP, to: process.id, thread: id)
    }
  }

  /// What a thread reports that is on its way to its SIGSTOP. Signals that come before are delivered: it stands where their handler
  /// begins, and has executed nothing of it. Whether that was one of those.
  func takesForHold(_ kind: WaitStatus.Kind, of id: Int32) throws(ApplyError) -> Bool {
    guard threads[id]?.hold == .sent else { return false }
    switch kind {
    case .signal(SIGSTOP):
      threads[id]?.hold = .standing
      try noteStop(of: id, LinuxThread.Stop())
    case .signal(let signal):
      deliveryCount += 1
      try goOnToHold(id, signal)
    case .interrupted:
      try sendAgainIfTaken(from: id)
      try goOnToHold(id, 0)
    case .systemCall, .event: try goOnToHold(id, 0)
    // Somebody has stopped the process, and whoever lets it go on takes our signal away as well. The end is the end.
    case .groupStop, .exited, .killed:
      threads[id]?.hold = .none
      return false
    }
    return true
  }

  /// A SIGCONT that comes meanwhile takes our signal away (kernel/signal.c, prepare_signal), and the thread runs until it is
  /// interrupted. It stands still now and has not met the signal: where that does not wait for it, it is gone.
  private func sendAgainIfTaken(from id: Int32) throws(ApplyError) {
    do throws(SystemCallFailure) {
      guard try process.status(ofThread: id)?.hasPendingForItself(SIGSTOP) == false else { return }
      deliveryCount += 1
      try sendStop(to: id)
    } catch {
      if !error.isGone { throw self.error(error) }
    }
  }

  /// Left where it is, it would be given our SIGSTOP by the kernel once this program ends, and nobody would know why it has stopped.
  private func goOnToHold(_ id: Int32, _ signal: Int32) throws(ApplyError) {
    do throws(SystemCallFailure) {
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.resume(id, signal: signal) }
    } catch {
      if !error.isGone { throw self.error(error) }
    }
  }

  /// Threads on their way to a SIGSTOP of ours have met it before anyone is let go: it must not meet them unattended.
  func awaitHolds() throws(ApplyError) {
    let under = threads.values.filter { $0.hold == .sent && $0.isRunning }.map(\.id)
    if under.isEmpty { return }
    let reports = StopReports()
    for id in under { try collectStop(of: id, reports, until: LinuxCalls.nanoseconds &+ patience) }
  }

  /// Before a thread is let go: a SIGSTOP of ours that it has not met yet is not left to it.
  func takeBackHold(of id: Int32) throws(ApplyError) {
    if threads[id]?.hold == .sent, threads[id]?.stop != nil { try holdAgain(id) }
    threads[id]?.hold = .none
  }

  public var isJobControlStopped: Bool { threads.values.contains { $0.stop?.isGroupStop == true } }

  public func endJobControlStop() throws(ApplyError) {
    do throws(SystemCallFailure) {
      try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.send(SIGCONT, to: process.id) }
    } catch {
      throw self.error(error)
    }
    for (id, thread) in threads where thread.stop?.isGroupStop == true {
      threads[id]?.state = .stopped(LinuxThread.Stop())
    }
    // That signal has done what it is for. The program, which has seen nothing of the stop, need not be told of its end: being held
    // takes the signal away.
    _ = try holdThreads()
  }
}
