/// The kernel's word that some traced thread has stopped: SIGCHLD, taken by this thread for as long as this object lives.
///
/// Our processor may be the one that the thread waits for: giving it away until the very moment of the report makes pauses
/// a fifth of what polling every 15 µs makes them. It is a hint and no more: another thread of this program may be given the
/// signal, so every wait ends by itself.
final class StopReports {
  private static let eagerNanoseconds: UInt64 = 5_000_000
  private let start = LinuxCalls.nanoseconds
  private let blocked: LinuxCalls.BlockedChildSignal
  private var hasTakenAny = false
  private var timeout = 100_000
  private var nextQuestion = eagerNanoseconds

  init() { blocked = LinuxCalls.blockChildSignal() }

  deinit {
    LinuxCalls.unblockChildSignal(blocked)
    // Signals of one number are one: what we took may have been about a child of the program's own.
    if hasTakenAny { LinuxCalls.raiseChildSignal() }
  }

  /// Whether this takes longer than any thread that can stop needs to.
  var hasLasted: Bool { LinuxCalls.nanoseconds &- start > Self.eagerNanoseconds }

  /// Whether it is time to ask a thread again where it is. Each time the wait has doubled: a thread that is stopped anew before it
  /// has come to what it was let go for would never get there.
  func isQuestionDue() -> Bool {
    let lasted = LinuxCalls.nanoseconds &- start
    if lasted <= nextQuestion { return false }
    nextQuestion = lasted &* 2
    return true
  }

  func awaitNext() {
    if LinuxCalls.awaitChildSignal(nanoseconds: timeout) {
      hasTakenAny = true
    } else {
      timeout = min(timeout * 2, 2_000_000)
    }
  }
}
