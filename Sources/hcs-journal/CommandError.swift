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
    case .invalidOption: detail ?? "an option does not fit"
    }
  }
}

extension UpdateNumber {
  /// As messages name it.
  var title: String { self == .base ? "the base image" : "update \(rawValue)" }
}
