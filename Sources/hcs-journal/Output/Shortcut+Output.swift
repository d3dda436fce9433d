import Journal

extension ShortcutRange {
  var json: JSONValue { .object([("from", .integer(from.rawValue)), ("to", .integer(to.rawValue))]) }
}

/// A shortcut, and who has signed it.
struct ShortcutOutput {
  let shortcut: ShortcutSummary
  let signatures: [UpdateSignature]

  init(_ shortcut: ShortcutSummary, signatures: [UpdateSignature]) {
    self.shortcut = shortcut
    self.signatures = signatures
  }

  var json: JSONValue {
    .object([
      ("from", .integer(shortcut.range.from.rawValue)), ("to", .integer(shortcut.range.to.rawValue)),
      ("digest", .string("\(shortcut.digest)")), ("coveredCount", .count(shortcut.coveredCount)),
      ("isPruned", .boolean(shortcut.isPruned)),
      ("signatures", signatures.isEmpty ? nil : .array(signatures.map { $0.json(of: shortcut.digest) })),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let state = shortcut.isPruned ? "in place of" : "beside"
    let title =
      "shortcut \(style.bold("\(shortcut.range)"))  \(shortcut.digest.abbreviated)  \(state) "
      + shortcut.coveredCount.counted("update")
    return [title] + signatures.map { "  signed \($0.line(of: shortcut.digest))" }
  }
}
