import Foundation
import Synchronization

/// The command that is being run, and the signal that came meanwhile: signal handlers reach nothing but globals.
private let running = Atomic<Int32>(0)
private let caught = Atomic<Int32>(0)

/// While it lives, what asks this program to end asks the command that it runs instead, so that what was started and changed on
/// its behalf can be put in order.
final class SignalForwarding {
  private static let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
  private var former: [(signal: Int32, handler: sig_t?)] = []

  init() {
    // Made here, for a handler must not.
    caught.store(0, ordering: .sequentiallyConsistent)
    running.store(0, ordering: .sequentiallyConsistent)
    for number in Self.signals {
      let handler = signal(number) { number in
        caught.store(number, ordering: .sequentiallyConsistent)
        let process = running.load(ordering: .sequentiallyConsistent)
        if process > 0 { kill(process, number) }
      }
      // What is ignored (nohup) stays ignored.
      if Self.isIgnored(handler) { signal(number, SIG_IGN) } else { former.append((number, handler)) }
    }
  }

  deinit {
    for (number, handler) in former { signal(number, handler) }
  }

  /// The signal that came, if one has.
  var signalCaught: Int32? {
    let number = caught.load(ordering: .sequentiallyConsistent)
    return number == 0 ? nil : number
  }

  /// To whom signals go, also one that came while the process was being started; 0 for nobody.
  func forward(to process: Int32) {
    running.store(process, ordering: .sequentiallyConsistent)
    // One that comes in between is sent twice, and one before would be lost.
    if process > 0, let signalCaught { kill(process, signalCaught) }
  }

  private static func isIgnored(_ handler: sig_t?) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
