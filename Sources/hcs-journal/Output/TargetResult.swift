import Applier
import Journal

/// What became of one target.
struct TargetResult {
  let name: TargetName
  let outcome: Result<ApplyReport, any Error>

  var status: ExitStatus {
    switch outcome {
    case .success: .done
    case .failure(let error): ExitStatus(error)
    }
  }

  var json: JSONValue {
    switch outcome {
    case .success(let report): .object([("target", name.json(report.target))] + report.members)
    case .failure(let error): .object([("target", name.json(nil)), ("error", Failure(error).json)])
    }
  }

  /// Nothing for a failure: that goes to standard error.
  func lines(_ style: TextStyle) -> [String] {
    switch outcome {
    case .success(let report): report.lines(style)
    case .failure: []
    }
  }
}

extension [TargetResult] {
  /// The worst of all.
  var status: ExitStatus { map(\.status).max() ?? .done }

  /// Tells what failed on standard error, as a single failure would; with `--json` it is in the output already.
  func reportFailures(isJSON: Bool) {
    guard !isJSON else { return }
    for result in self {
      if case .failure(let error) = result.outcome { StandardStream.error.write(Failure(error).text) }
    }
  }
}

/// The output of a command that moves targets.
struct TargetResults: CommandOutput {
  let results: [TargetResult]

  var json: JSONValue { .object([("targets", .array(results.map(\.json)))]) }

  func lines(_ style: TextStyle) -> [String] { results.flatMap { $0.lines(style) } }
}

extension TargetName {
  func json(_ title: String?) -> JSONValue {
    switch self {
    case .process(let pid):
      .object([("kind", "process"), ("pid", .count(pid)), ("name", title.map(JSONValue.string))])
    case .image(let path):
      .object([("kind", "image"), ("path", .string(path)), ("name", title.map(JSONValue.string))])
    }
  }
}
