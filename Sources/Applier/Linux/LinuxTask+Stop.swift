import Glibc

// How every thread of a task is brought to a stop, and set going again.
//
// Threads are seized before the pause begins, then interrupted all at once, then collected one by one. Their status is
// polled between reports and never waited for: a wait for one thread can hang for ever when the process ends meanwhile (the
// main thread's end is reported only once every other traced thread's has been collected: kernel/exit.c,
// delay_group_leader), or when a thread sits in vfork(2).
//
// Which threads there are is known once all known ones stand still and the kernel counts no more than these: none of them
// can start another then. PTRACE_O_TRACECLONE takes in those that are started while the interrupts are on their way.

extension LinuxTask {
  private var taskFolder: String { "/proc/\(process.id)/task" }

  public func stopThreads() throws(ApplyError) {
    try requireAttached()
    guard !isHeld else { return }
    map = TaskMap(process)
    rehearseLook()
    let deadline = LinuxCalls.nanoseconds &+ patience
    while true {
      do throws(ApplyError) {
        return try stopThreads(until: min(deadline, LinuxCalls.nanoseconds &+ Self.longestTry))
      } catch {
        guard error.code == .threadDoesNotStop, LinuxCalls.nanoseconds < deadline else { throw error }
      }
      // The others run meanwhile.
      LinuxCalls.sleep(nanoseconds: 5_000_000)
      try attend()
    }
  }

  /// How long threads stand still for one that does not: its own kernel's business (vfork(2), a device) may take for ever.
  private static let longestTry: UInt64 = 250_000_000

  private func stopThreads(until deadline: UInt64) throws(ApplyError) {
    map?.forget()
    try takeInThreads(interrupting: false)
    // Without it a thread that spins, resumed first, takes the processor from us while others still stand: measured, 64
    // threads, a pause of 28 ms instead of 0.6.
    scheduling = LinuxCalls.raisePriority()
    pauseStart = LinuxCalls.nanoseconds
    do throws(ApplyError) {
      try holdAll(until: deadline)
      isHeld = true
    } catch {
      try letGo()
      throw error
    }
  }

  public func resumeThreads() throws(ApplyError) {
    guard !isDetached, threads.values.contains(where: { $0.stop != nil }) else { return }
    try letGo()
  }

  /// Gives the task up; it goes on as if nobody had been there. Nothing to do the second time.
  ///
  /// A thread that does not stop (vfork(2), a device) is waited for, and cannot be detached before: the kernel does that when the
  /// thread that called `init` ends, and until then it stands still as soon as it has stopped.
  public func detach() {
    guard !isDetached else { return }
    defer { isDetached = true }
    // What fails for one thread, also that it has ended, keeps none of the others.
    if threads[lead]?.isRunning == true { try? hold(only: lead) }
    try? letGo(detachingMainThread: true)
    let late = threads.values.filter { $0.id != lead && $0.state != .ended }.map(\.id)
    if late.isEmpty { return }
    let reports = StopReports()
    let deadline = LinuxCalls.nanoseconds &+ patience
    for id in late {
      try? collectStop(of: id, reports, until: deadline)
      try? letOtherThreadGo(id)
    }
  }

  /// Lets the main thread go on where it has stopped for a reason of its own: a signal for it, job control. To be called
  /// wherever time passes while the task is attached and not held.
  public func attend() throws(ApplyError) {
    guard !isHeld, !isDetached else { return }
    for id in threads.keys where id != lead { try letLateThreadGo(id) }
    while threads[lead]?.isRunning == true, let status = try poll(lead) {
      try note(status, of: lead)
      if threads[lead]?.stop != nil { try letMainThreadGo() }
    }
  }

  /// A thread that was interrupted and had not stopped when the others went on.
  func letLateThreadGo(_ id: Int32) throws(ApplyError) {
    try collect(id)
    if threads[id]?.stop != nil { try letOtherThreadGo(id) }
  }

  func requireAttached() throws(ApplyError) {
    guard isDetached else { return }
    throw ApplyError(.processExited, target: name, detail: "this program has let it go")
  }

  // MARK: Stopping

  private func holdAll(until deadline: UInt64) throws(ApplyError) {
    let reports = StopReports()
    for id in threads.keys { try interrupt(id) }
    while true {
      try collectStops(reports, until: deadline)
      if try threads.count == threadCount() { return }
      // A thread that ends is counted for a moment longer.
      if try !takeInThreads(interrupting: true) { try awaitReport(reports, until: deadline) }
    }
  }

  /// Brings one thread to a stop, the others untouched.
  func hold(only id: Int32, patience wanted: UInt64? = nil) throws(ApplyError) {
    let reports = StopReports()
    try interrupt(id)
    try collectStop(of: id, reports, until: LinuxCalls.nanoseconds &+ (wanted ?? patience))
  }

  /// The main thread last: it may end without a report, and its end is reported after the others'.
  private func collectStops(_ reports: StopReports, until deadline: UInt64) throws(ApplyError) {
    while true {
      for id in threads.keys where id != process.id { try collectStop(of: id, reports, until: deadline) }
      try collectStop(of: process.id, reports, until: deadline)
      if !threads.values.contains(where: \.isRunning) { return }
    }
  }

  func collectStop(of id: Int32, _ reports: StopReports, until deadline: UInt64) throws(ApplyError) {
    try collect(id)
    while threads[id]?.isRunning == true {
      try awaitReport(reports, until: deadline)
      // When the process ends, each thread's end has to be collected before the main thread's is told.
      if reports.hasLasted {
        if reports.isQuestionDue() {
          for other in threads.values where other.hold == .sent { try interrupt(other.id) }
        }
        for other in threads.keys { try collect(other) }
        try noteEndOfMainThread()
      } else {
        try collect(id)
      }
    }
  }

  private func awaitReport(_ reports: StopReports, until deadline: UInt64) throws(ApplyError) {
    if LinuxCalls.nanoseconds < deadline { return reports.awaitNext() }
    let stuck = threads.values.filter(\.isRunning).map { "\($0.id) (\(process.threadName($0.id)))" }
    throw ApplyError(.threadDoesNotStop, target: name, detail: stuck.map { "thread \($0)" }.joined(separator: ", "))
  }

  func collect(_ id: Int32) throws(ApplyError) {
    while threads[id]?.isRunning == true, let status = try poll(id) { try note(status, of: id) }
  }

  /// The main thread of a process may end before the others; wait(2) does not tell.
  private func noteEndOfMainThread() throws(ApplyError) {
    do throws(SystemCallFailure) {
      guard threads.count > 1, threads[process.id]?.isRunning == true,
        try process.status(ofThread: process.id)?.isZombie == true
      else { return }
      threads[process.id]?.state = .ended
    } catch {
      throw self.error(error)
    }
  }

  /// Seizes threads that are not traced yet. Whether there were any.
  @discardableResult
  private func takeInThreads(interrupting: Bool) throws(ApplyError) -> Bool {
    var found = false
    for id in try threadNumbers() where threads[id] == nil {
      do throws(SystemCallFailure) {
        try LinuxCalls.seize(id, options.union(.traceClone))
        threads[id] = LinuxThread(id)
        if interrupting { try LinuxCalls.interrupt(id) }
        found = true
      } catch {
        // Either it has just ended, or it was started by a thread that we trace and is ours, and stops, already.
        if try isTracedHere(id) {
          threads[id] = LinuxThread(id)
          found = true
        } else if !error.isGone, try isAlive(id) {
          throw ApplyError(.notPermitted, target: name, failure: error, detail: "thread \(id)")
        }
      }
    }
    return found
  }

  func isTracedHere(_ id: Int32) throws(ApplyError) -> Bool {
    do throws(SystemCallFailure) {
      return try process.status(ofThread: id)?.tracer == self.tracer
    } catch {
      return false
    }
  }

  func isAlive(_ id: Int32) throws(ApplyError) -> Bool {
    do throws(SystemCallFailure) {
      return try process.status(ofThread: id)?.isZombie == false
    } catch {
      return false
    }
  }

  func threadNumbers() throws(ApplyError) -> [Int32] {
    do throws(SystemCallFailure) { return try LinuxCalls.numberedEntries(taskFolder) } catch { throw self.error(error) }
  }

  private func threadCount() throws(ApplyError) -> Int {
    do throws(SystemCallFailure) { return try LinuxCalls.linkCount(taskFolder) - 2 } catch { throw self.error(error) }
  }

  private func interrupt(_ id: Int32) throws(ApplyError) {
    guard threads[id]?.isRunning == true else { return }
    do throws(SystemCallFailure) {
      try LinuxCalls.interrupt(id)
    } catch {
      // A thread that has ended says so in its status, which is still to be collected.
      if !error.isGone { throw self.error(error) }
      if LinuxCalls.thread != tracer { throw self.error(error) }
    }
  }

  // MARK: What a status means

  func poll(_ id: Int32) throws(ApplyError) -> WaitStatus? {
    do throws(SystemCallFailure) {
      return try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.pollStatus(id) }
    } catch {
      if id != lead, error.isGone {
        threads[id] = nil
        return nil
      }
      throw self.error(error)
    }
  }

  private func note(_ status: WaitStatus, of id: Int32) throws(ApplyError) {
    if try takesForHold(status.kind, of: id) { return }
    switch status.kind {
    case .exited, .killed:
      threads[id] = nil
      if id == lead, id != process.id { return try chooseLead() }
      guard id == process.id else { return }
      ending = status.kind
      throw ApplyError(.processExited, target: name)
    case .signal(let signal):
      try noteStop(of: id, LinuxThread.Stop(signal: signal))
    case .interrupted:
      try noteStop(of: id, LinuxThread.Stop())
    case .groupStop:
      try noteStop(of: id, LinuxThread.Stop(isGroupStop: true))
    case .event(.clone):
      try noteClone(by: id)
    case .systemCall, .event:
      // Left over from a call made in the task that had to be given up. Any stop uses an interrupt up, so ask again.
      try passOn(id)
    }
  }

  func noteStop(of id: Int32, _ stop: LinuxThread.Stop) throws(ApplyError) {
    threads[id]?.state = .stopped(stop)
    do throws(SystemCallFailure) {
      threads[id]?.registers = try LinuxCalls.twice { () throws(SystemCallFailure) in
        try undoInterruption(of: id, stop, try LinuxCalls.registers(id))
      }
    } catch {
      // Killed in its stop: the end is the next thing it reports.
      if error.isGone { threads[id]?.state = .running } else { throw self.error(error) }
    }
  }

  /// A stop of which its registers could not be read is looked at once more before the thread goes on: its system call may
  /// have been interrupted.
  func noteStopAgain(of id: Int32) throws(ApplyError) {
    guard let stop = threads[id]?.stop, threads[id]?.registers == nil else { return }
    try noteStop(of: id, stop)
  }

  /// The thread that was the lock has ended, and another takes its place.
  private func chooseLead() throws(ApplyError) {
    try takeInThreads(interrupting: isHeld)
    guard let next = threads.values.filter({ $0.state != .ended }).map(\.id).min() else {
      throw ApplyError(.processExited, target: name)
    }
    lead = next
  }

  /// Within clone(2) a thread's registers are not yet what it goes on with: it is sent on to a stop of the usual kind.
  private func noteClone(by id: Int32) throws(ApplyError) {
    var failure: ApplyError?
    do throws(SystemCallFailure) {
      let message = try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.eventMessage(id) }
      let child = Int32(truncatingIfNeeded: message)
      if try threadsContain(child) {
        threads[child] = threads[child] ?? LinuxThread(child)
      } else {
        try giveUpForeignChild(child)
      }
    } catch {
      if !error.isGone { failure = self.error(error) }
    }
    try passOn(id)
    if let failure { throw failure }
  }

  private func threadsContain(_ id: Int32) throws(SystemCallFailure) -> Bool {
    try LinuxCalls.numberedEntries(taskFolder).contains(id)
  }

  /// clone(2) without CLONE_THREAD: a process of its own, which the kernel hands us all the same.
  private func giveUpForeignChild(_ id: Int32) throws(SystemCallFailure) {
    let deadline = LinuxCalls.nanoseconds &+ patience
    while LinuxCalls.nanoseconds < deadline {
      let status = try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.pollStatus(id) }
      if status != nil {
        return try LinuxCalls.twice { () throws(SystemCallFailure) in try LinuxCalls.detach(id) }
      }
      LinuxCalls.sleep(nanoseconds: 100_000)
    }
  }

  private func passOn(_ id: Int32) throws(ApplyError) {
    do throws(SystemCallFailure) {
      try goOnToInterrupt(id)
    } catch {
      if !error.isGone { throw self.error(error) }
    }
  }

  /// Some system calls give EINTR whenever a thread stops, even without a signal (signal(7), "Interruption of system calls
  /// and library functions by stop signals"): `epoll_wait`, `semop`, `sigtimedwait`, sockets with time-outs. The
  /// program must not see that, nor a signal that it would not have been woken for without us.
  func undoInterruption(
    of id: Int32, _ stop: LinuxThread.Stop, _ registers: ThreadRegisters
  ) throws(SystemCallFailure) -> ThreadRegisters {
    guard registers.hasInterruptedSystemCall, !stop.isGroupStop, registers.allowsRestart,
      try isUnnoticed(id, stop)
    else { return registers }
    let restarting = registers.restartingSystemCall()
    try LinuxCalls.setRegisters(id, restarting)
    return restarting
  }

  /// Whether the program would not have been woken by what stopped this thread.
  private func isUnnoticed(_ id: Int32, _ stop: LinuxThread.Stop) throws(SystemCallFailure) -> Bool {
    // The file tells all, in some 20 µs; mostly nothing waits.
    if stop.signal == 0, try !LinuxCalls.hasWaitingSignal(id) { return true }
    guard let status = try process.status(ofThread: id) else { return false }
    return stop.signal == 0 ? !status.hasDeliverableSignal : status.passesOver(stop.signal)
  }
}
