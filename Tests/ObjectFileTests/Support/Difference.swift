import Testing

/// Expects two listings to be equal, and names the first line in which they differ.
func expectSame(
  _ ours: [String], _ theirs: [String], _ place: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  let difference = firstDifference(ours, theirs)
  #expect(difference == nil, "\(place) \(difference ?? "")", sourceLocation: sourceLocation)
}

private func firstDifference(_ ours: [String], _ theirs: [String]) -> String? {
  for (index, pair) in zip(ours, theirs).enumerated() where pair.0 != pair.1 {
    return "line \(index): ours `\(pair.0)`, theirs `\(pair.1)`"
  }
  guard ours.count != theirs.count else { return nil }
  let extra = ours.count > theirs.count ? ours[theirs.count] : theirs[ours.count]
  return "ours has \(ours.count) lines, theirs \(theirs.count); the first extra one is `\(extra)`"
}

extension StringProtocol {
  /// The words of a line, single spaces between them.
  var collapsed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }

  var lines: [SubSequence] { split(separator: "\n", omittingEmptySubsequences: false) }
}

/// Hexadecimal, filled with zeros to a width as tools print it.
func hex(_ value: some BinaryInteger, _ width: Int = 0) -> String {
  let digits = String(value, radix: 16)
  return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
}
