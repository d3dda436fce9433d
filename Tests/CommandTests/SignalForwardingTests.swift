import Foundation
import Testing

@testable import hcs_journal

@Suite(.serialized)
struct SignalForwardingTests {
  /// A command that takes signals: the thread of a test may block them.
  private func started() throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process: pid_t = 0
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
    defer { for word in words { free(word) } }
    #expect(posix_spawnp(&process, "sleep", nil, &attributes, &words, environ) == 0)
    return process
  }

  /// The signal that has ended it; 0 where it has ended by itself.
  private func end(of process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f
  }

  @Test func `a signal goes to the command that runs`() throws {
    let signals = SignalForwarding()
    let process = try started()
    signals.forward(to: process)
    #expect(kill(getpid(), SIGTERM) == 0)
    #expect(end(of: process) == SIGTERM)
    #expect(signals.signalCaught == SIGTERM)
  }

  @Test func `a signal that came before anybody knew the command is not lost`() throws {
    let signals = SignalForwarding()
    #expect(kill(getpid(), SIGTERM) == 0)
    while signals.signalCaught == nil { usleep(1000) }
    let process = try started()
    signals.forward(to: process)
    #expect(end(of: process) == SIGTERM)
  }
}
