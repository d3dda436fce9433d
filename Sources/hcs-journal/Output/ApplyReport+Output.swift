import Applier
import Journal

extension ApplyReport {
  func lines(_ style: TextStyle) -> [String] {
    if isAlreadyThere {
      return ["\(target): \(settled == nil ? "already" : "now") at \(to.number.title)"] + settlementLines(style)
    }
    let way = "\(from.number.title) → \(style.bold(to.number.title))"
    if isDryRun {
      return [
        "\(target): would go \(way), by \(updates.map(\.text).joined(separator: ", "))",
        "  \(byteCount.counted("byte")) would be written; nothing was",
        stopsThreads ? "  all threads would stand still meanwhile" : "  no thread would stand still for it",
      ]
    }
    var lines = ["\(target): \(way)"] + settlementLines(style) + ["  " + written]
    if let pauseNanoseconds {
      let retries =
        retryCount == 0 ? "" : ", after \(retryCount.counted("try", plural: "tries")) that found one in the way"
      lines.append("  threads stood still for \(Self.duration(pauseNanoseconds))\(retries)")
    }
    let pages = protections.map { "\($0.range) \($0.found)" }
    if !pages.isEmpty { lines.append("  through protections \(pages.joined(separator: ", "))") }
    for note in protections where note.left != note.found {
      let left = note.left.map { "\($0)" } ?? "gone"
      lines.append("  " + style.yellow("protection of \(note.range) is now \(left)") + ", was \(note.found)")
    }
    lines += threadsInOldBodies.map { "  " + style.yellow("still in an old body: ") + "\($0.line)" }
    lines += unseenThreads.map { "  " + $0.line(style) }
    return lines
  }

  private func settlementLines(_ style: TextStyle) -> [String] {
    guard let settled else { return [] }
    let end = settled.settlement == .finish ? "finished" : "taken back"
    return [
      "  " + style.yellow("was torn")
        + " on its way from \(settled.from.number.title) to \(settled.to.number.title); that was \(end) first"
    ]
  }

  private var written: String {
    var parts = ["\(byteCount.counted("byte")) written"]
    if mappedByteCount > 0 { parts.append("\(mappedByteCount >> 10) KiB mapped for the arena") }
    if initializedVariableCount > 0 { parts.append("\(initializedVariableCount.counted("new variable")) set") }
    return parts.joined(separator: ", ")
  }

  /// Three digits at most that mean anything.
  private static func duration(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1_000_000: "\(nanoseconds / 1000) µs"
    case ..<10_000_000_000: "\(nanoseconds / 1_000_000) ms"
    default: "\(nanoseconds / 1_000_000_000) s"
    }
  }

  var members: [(String, JSONValue?)] {
    [
      ("from", from.json), ("to", to.json), ("updates", .array(updates.map(\.json))),
      ("alreadyThere", .boolean(isAlreadyThere)), ("dryRun", .boolean(isDryRun)),
      ("stopsThreads", .boolean(stopsThreads)), ("byteCount", .count(byteCount)),
      ("mappedByteCount", .count(mappedByteCount)), ("initializedVariableCount", .count(initializedVariableCount)),
      ("protections", .array(protections.map(\.json))),
      ("threadsInOldBodies", .array(threadsInOldBodies.map(\.json))),
      ("unseenThreads", .array(unseenThreads.map(\.json))),
      ("pauseNanoseconds", pauseNanoseconds.map(JSONValue.count)), ("retryCount", .count(retryCount)),
      (
        "settled",
        settled.map {
          .object([
            ("from", $0.from.json), ("to", $0.to.json),
            ("by", .string($0.settlement == .finish ? "finish" : "undo")),
          ])
        }
      ),
    ]
  }
}

extension BinaryInteger {
  func counted(_ noun: String, plural: String) -> String { "\(self) \(self == 1 ? noun : plural)" }
}

extension TargetHeader.Position {
  var json: JSONValue { .object([("number", .integer(number.rawValue)), ("digest", .string("\(digest)"))]) }
}

extension ProtectionNote {
  var json: JSONValue {
    .object(range.members + [("found", .string("\(found)")), ("left", left.map { .string("\($0)") })])
  }
}

extension UnseenThread {
  func line(_ style: TextStyle) -> String {
    style.yellow("may be in an old body: ") + "thread \(thread) (\(threadName)), which did not stop to be looked at"
  }

  var json: JSONValue { .object([("thread", .count(thread)), ("threadName", .string(threadName))]) }
}

extension ThreadPlace {
  /// `thread 4712 (worker) in handle+0x1c, the base image's`.
  var line: String {
    let owner =
      switch update {
      case .base?: ", the base image's"
      case let update?: ", update \(update)'s"
      case nil: ""
      }
    return "thread \(thread) (\(threadName)) in \(function)+0x\(String(offset, radix: 16))\(owner)"
  }

  var json: JSONValue {
    .object([
      ("thread", .count(thread)), ("threadName", .string(threadName)), ("function", .string(function)),
      ("offset", .count(offset)), ("update", update.map { .integer($0.rawValue) }),
    ])
  }
}
