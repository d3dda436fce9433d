import Applier
import ArgumentParser

/// The one place that maps what happened to the status that the process ends with.
enum ExitStatus: Int32, Sendable, Comparable {
  case done = 0
  /// Refused or failed; the target is untouched or was rolled back.
  case failed = 1
  /// The target is torn: `verify` is next.
  case torn = 2
  /// EX_USAGE of sysexits.h.
  case usage = 64
  /// A failure of ours in `run`, whose other statuses are the program's own.
  case runFailed = 125

  static func < (lhs: ExitStatus, rhs: ExitStatus) -> Bool { lhs.rawValue < rhs.rawValue }

  init(_ error: any Error) {
    if let error = error as? ApplyError {
      if case .torn = error.outcome { self = .torn } else { self = .failed }
    } else if let error = error as? CommandError {
      switch error.code {
      case .noTarget, .invalidOption, .journalNotNamed, .severalJournals: self = .usage
      case .testNotStarted, .testAborted, .bisectNothing, .bisectEndSkipped, .bisectReversed, .bisectBadAtGood,
        .bisectNeverFails, .bisectNotMonotone:
        self = .failed
      case .unreadableCore, .noKnownTarget, .atBase, .updateIsBehind, .updateIsNotBehind, .noImageToRun: self = .failed
      }
    } else {
      self = .failed
    }
  }

  /// Ends a command that has already told what failed.
  func end() throws {
    if self != .done { throw ExitCode(rawValue) }
  }

  /// What `wait` tells of the program that was run, as a shell puts it: its own status, 128 + n for signal n.
  static func ofProgram(exited status: Int32) -> ExitCode { ExitCode(status) }

  static func ofProgram(killedBySignal signal: Int32) -> ExitCode { ExitCode(128 + signal) }
}
