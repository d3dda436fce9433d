import Journal

extension UpdateSummary {
  var members: [(String, JSONValue?)] {
    [
      ("number", .integer(number.rawValue)), ("digest", .string("\(digest)")),
      ("parent", .integer(parentNumber.rawValue)), ("parentDigest", .string("\(parent)")),
      ("time", .string(PointInTime(milliseconds: time).universal)), ("author", .string(author)),
      ("message", .string(message)), ("sourceRevision", sourceRevision.map(JSONValue.string)),
      ("operationCount", .count(operationCount)), ("atomCount", .count(atomCount)),
      ("pruned", pruned.map(\.json)),
    ]
  }

  /// Number, digest, time and author; the parent only where it is not the update before.
  func titleLine(_ style: TextStyle) -> String {
    var parts = [
      style.yellow("update \(number)"), digest.abbreviated, PointInTime(milliseconds: time).local, author,
    ]
    if parentNumber.rawValue != number.rawValue - 1 { parts.append("after \(parentNumber.title)") }
    if let sourceRevision { parts.append("source \(sourceRevision)") }
    if let pruned { parts.append(style.faint("pruned into \(pruned)")) }
    return parts.joined(separator: "  ")
  }

  /// "3 atoms, 14 operations".
  var sizes: String { "\(atomCount.counted("atom")), \(operationCount.counted("operation"))" }
}

extension BinaryInteger {
  /// `1 atom`, `2 atoms`.
  func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
