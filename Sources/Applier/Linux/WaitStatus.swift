import Glibc

/// What wait(2) reports of a traced thread.
struct WaitStatus: RawRepresentable, Hashable, Sendable {
  enum Event: Int32, Sendable {
    case clone = 3
    case exec = 4
    case stop = 128
  }

  enum Kind: Hashable, Sendable {
    case exited(status: Int32)
    case killed(signal: Int32)
    /// A signal is about to be delivered; it is for the tracer to deliver it.
    case signal(Int32)
    /// Entry to or exit from a system call.
    case systemCall
    /// Job control has stopped the whole process.
    case groupStop
    /// By PTRACE_INTERRUPT, or a new thread's first stop.
    case interrupted
    case event(Event?)
  }

  let rawValue: Int32

  var kind: Kind {
    guard rawValue & 0xff == 0x7f else {
      let signal = rawValue & 0x7f
      return signal == 0 ? .exited(status: (rawValue >> 8) & 0xff) : .killed(signal: signal)
    }
    let signal = (rawValue >> 8) & 0xff
    switch Event(rawValue: rawValue >> 16) {
    case .stop: return signal == SIGTRAP ? .interrupted : .groupStop
    case .none where rawValue >> 16 == 0: return signal == SIGTRAP | 0x80 ? .systemCall : .signal(signal)
    case let event: return .event(event)
    }
  }
}
