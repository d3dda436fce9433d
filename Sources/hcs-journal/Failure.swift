import Applier
import ArgumentParser
import Foundation
import Journal
import Linker

/// An error on its way to the user: in words, or as an object where `--json` was asked for.
struct Failure {
  let error: any Error
  let isOfRun: Bool

  init(_ error: any Error, ofRun isOfRun: Bool = false) {
    self.error = error
    self.isOfRun = isOfRun
  }

  /// Whether the error comes from one of our modules; others are the parser's: help, version, wrong usage, exit codes.
  private var isOurs: Bool {
    error is CommandError || error is ApplyError || error is LinkError || error is JournalError
  }

  private var status: Int32 {
    if isOfRun, isOurs { return ExitStatus.runFailed.rawValue }
    return ExitStatus(error).rawValue
  }

  func exit(isJSON: Bool) -> Never {
    guard isOurs else { exitAsParser(isJSON: isJSON) }
    StandardStream.error.write(isJSON ? JSONValue.object([("error", json)]).text : text)
    Foundation.exit(status)
  }

  private func exitAsParser(isJSON: Bool) -> Never {
    let code = HCSJournal.exitCode(for: error)
    if error is ExitCode { Foundation.exit(code.rawValue) }
    let message = HCSJournal.fullMessage(for: error)
    // Help and version are asked for: they are results.
    if code.isSuccess {
      if !message.isEmpty { StandardStream.output.write(message) }
      Foundation.exit(ExitStatus.done.rawValue)
    }
    let words = message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
    let status = code == .validationFailure ? ExitStatus.usage : .failed
    let value = JSONValue.object([
      ("error", .object([("module", "command"), ("code", "usage"), ("message", .string(words))]))
    ])
    StandardStream.error.write(isJSON ? value.text : "hcs-journal: " + words)
    Foundation.exit(isOfRun && status == .failed ? ExitStatus.runFailed.rawValue : status.rawValue)
  }

  /// One line, for standard error.
  var text: String { "hcs-journal: \(error)" }

  var json: JSONValue {
    .object([
      ("module", .string(module)), ("code", .string(code)), ("message", .string("\(error)")),
      ("conflicts", conflicts),
      ("outcome", (error as? ApplyError).map { .string($0.outcome.word) }), ("exitStatus", .integer(Int64(status))),
    ])
  }

  /// Of a refused revert.
  private var conflicts: JSONValue? {
    guard let error = error as? LinkError, !error.conflicts.isEmpty else { return nil }
    return .array(error.conflicts.map(\.json))
  }

  private var module: String {
    switch error {
    case is ApplyError: "applier"
    case is LinkError: "linker"
    case is JournalError: "journal"
    default: "command"
    }
  }

  private var code: String {
    switch error {
    case let error as ApplyError: "\(error.code)"
    case let error as LinkError: error.code.rawValue
    case let error as JournalError: error.code.rawValue
    case let error as CommandError: error.code.rawValue
    default: "unknown"
    }
  }
}

extension RevertConflict {
  fileprivate var json: JSONValue {
    .object([
      ("kind", .string(kind.rawValue)), ("update", .integer(update.rawValue)), ("atom", atom.map(\.json)),
      ("change", change.map { .string($0.word) }), ("dependent", dependent.map(\.json)),
      ("address", address.map { .string("\($0)") }), ("message", .string(description)),
    ])
  }
}

extension ApplyError.Outcome {
  var word: String {
    switch self {
    case .untouched: "untouched"
    case .rolledBack: "rolledBack"
    case .torn: "torn"
    }
  }
}
