import Journal

/// What is wrong with a request before any room of the program is asked.
struct CommandError: Error {
  enum Code: String, Sendable, CaseIterable {
    case journalNotNamed
    case severalJournals
    case noTarget
    case noKnownTarget
    case atBase
    case updateIsBehind
    case updateIsNotBehind
    case noImageToRun
    case invalidOption
    case unreadableCore
    case testNotStarted
    case testAborted
    case bisectNothing
    case bisectEndSkipped
    case bisectReversed
    case bisectBadAtGood
    case bisectNeverFails
    case bisectNotMonotone
  }

  var code: Code
  /// The target as messages name it.
  var target: String?
  /// Where the target stands.
  var position: UpdateNumber?
  /// The update asked for.
  var update: UpdateNumber?
  /// Paths, or what exactly is wrong, as a clause.
  var detail: String?

  init(
    _ code: Code, target: String? = nil, position: UpdateNumber? = nil, update: UpdateNumber? = nil,
    detail: String? = nil
  ) {
    self.code = code
    self.target = target
    self.position = position
    self.update = update
    self.detail = detail
  }
}

extension CommandError: CustomStringConvertible {
  var description: String {
    let subject = target ?? "the target"
    let asked = update?.title ?? "the update"
    let standing = position?.title ?? "another update"
    return switch code {
    case .journalNotNamed:
      "no journal is named and none is in this folder; name one with -j FILE or $HCS_JOURNAL, or make one with: "
        + "hcs-journal init IMAGE"
    case .severalJournals: "several journals are in this folder (\(detail ?? "")); name one with -j FILE"
    case .noTarget: "no target is named; name one with --pid PID, --image FILE or --all"
    case .noKnownTarget:
      "the journal knows of no running process; name one with --pid PID, or start one with: hcs-journal run"
    case .atBase: "\(subject) stands at the base image, there is nothing to roll back; see: hcs-journal log"
    case .updateIsBehind:
      "\(subject) stands at \(standing), which follows \(asked); go back with: hcs-journal rollback --to "
        + "\(update?.rawValue ?? 0)"
    case .updateIsNotBehind:
      "\(subject) stands at \(standing), which does not follow \(asked); go there with: hcs-journal replay --to "
        + "\(update?.rawValue ?? 0)"
    case .noImageToRun:
      "the image of this journal is gone (\(detail ?? "")); put it back, or adopt it anew with: hcs-journal init IMAGE"
    case .unreadableCore: "\(detail ?? "the core file cannot be read")"
    case .testNotStarted:
      "the command cannot be run (\(detail ?? "")); name a program, and give it its arguments after it"
    case .testAborted: "the command ended the search at \(asked) (\(detail ?? "")); start it anew with --good and --bad"
    case .bisectNothing: "nothing lies between a good and a bad update that are both \(asked); see: hcs-journal log"
    case .bisectEndSkipped:
      "the command cannot tell whether \(asked) is good (status 125), where it must; name another with --good or --bad"
    case .bisectReversed:
      "the command fails at \(standing) and succeeds at \(asked): exchange --good and --bad, or turn the command around"
    case .bisectBadAtGood: "the command fails at \(asked) already; name an earlier one with --good"
    case .bisectNeverFails:
      "the command succeeds at \(standing) and at \(asked): nothing fails; name another with --bad, or try each with --every"
    case .bisectNotMonotone:
      "there is no first update at which the command fails, for it works again after one (\(detail ?? "")); narrow it "
        + "down with --good and --bad"
    case .invalidOption: detail ?? "an option does not fit"
    }
  }
}

extension UpdateNumber {
  /// As messages name it.
  var title: String { self == .base ? "the base image" : "update \(rawValue)" }
}
