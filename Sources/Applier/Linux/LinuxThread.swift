/// One thread of a task that this program traces.
struct LinuxThread {
  enum State: Hashable {
    case running
    case stopped(Stop)
    /// The main thread has ended and the others go on: it is never scheduled again, and never reports it (wait(2)).
    case ended
  }

  /// How the thread was found stopped, which decides how it goes on.
  struct Stop: Hashable {
    /// To be delivered when it goes on; 0 for none.
    var signal: Int32 = 0
    /// Job control has stopped the process: the thread stays stopped when it is let go.
    var isGroupStop = false
  }

  /// Whether it has a SIGSTOP of ours before it (`LinuxTask.holdThreads`).
  enum Hold: Hashable {
    case none
    /// It has been sent one, and has not met it.
    case sent
    /// It stands before its delivery.
    case standing
  }

  let id: Int32
  var hold = Hold.none
  var state = State.running
  /// As of the stop, with a system call that our stop has interrupted set to start again.
  var registers: ThreadRegisters?
  /// Signals (`siginfo_t`) that had to be taken from it; delivered when it goes on.
  var deferredSignals: [[UInt8]] = []

  init(_ id: Int32, state: State = .running) {
    self.id = id
    self.state = state
  }

  var stop: Stop? {
    if case .stopped(let stop) = state { return stop }
    return nil
  }

  var isRunning: Bool { state == .running }
}
