import Journal

extension AtomChange {
  /// `moved      function  handle (server.c)  0x1149 → 0x40a000, 152 bytes, cell 0x60a008`.
  func line(_ style: TextStyle) -> String {
    let kind = change.word.padded(to: 10)
    let place: String
    switch (before, after) {
    case (let before?, let after?) where before.body.start != after.body.start:
      place = "\(before.body.start) → \(after.text)"
    case (_, let after?): place = "at \(after.text)"
    case (let before?, nil): place = "from \(before.text)"
    case (nil, nil): place = ""
    }
    let colored =
      switch change {
      case .added: style.green(kind)
      case .moved, .rewritten: style.yellow(kind)
      case .removed: style.red(kind)
      }
    return "\(colored) \(atomKind.word.padded(to: 8))  \(style.bold(atom.title(as: atomKind)))  \(place)"
  }

  var json: JSONValue {
    .object([
      ("change", .string(change.word)), ("kind", .string(atomKind.word)), ("atom", atom.json),
      ("before", before?.json), ("after", after?.json), ("operations", .array(operations.map(JSONValue.count))),
    ])
  }
}

extension Placement {
  fileprivate var text: String {
    "\(body.start), \(body.byteCount) bytes" + (cell.map { ", cell \($0)" } ?? "")
  }

  var json: JSONValue {
    .object([
      ("address", .string("\(body.start)")), ("byteCount", .count(body.byteCount)), ("capacity", .count(capacity)),
      ("entry", entry.map { .string("\($0)") }), ("cell", cell.map { .string("\($0)") }),
    ])
  }
}
