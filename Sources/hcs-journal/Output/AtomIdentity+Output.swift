import Journal
import ObjectFile

extension AtomIdentity {
  /// As a source would name it: `count`, `count (server.c)`, `handle.count (server.c)`. A variant follows `#`, but where it only
  /// tells anonymous constants, clones or call stubs apart.
  func title(as kind: AtomKind) -> String {
    var text =
      enclosingFunction.map { "\(SymbolName.readable($0)).\(SymbolName.readable(name))" } ?? SymbolName.readable(name)
    if name.isEmpty { text = "(unnamed)" }
    if let variant, kind == .function || kind == .variable, !variant.hasPrefix("at ") {
      text += "#" + variant.prefix(8)
    }
    if let unit { text += " (\(unit)\(unitOrdinal > 0 ? ", \(unitOrdinal + 1)" : ""))" }
    return text
  }

  var json: JSONValue {
    .object([
      ("name", .string(name)), ("decoded", SymbolName.decoded(name).map(JSONValue.string)),
      ("unit", unit.map(JSONValue.string)),
      ("unitOrdinal", unitOrdinal > 0 ? .count(unitOrdinal) : nil),
      ("enclosingFunction", enclosingFunction.map(JSONValue.string)), ("variant", variant.map(JSONValue.string)),
    ])
  }
}

extension AtomKind {
  var word: String {
    switch self {
    case .function: "function"
    case .constant: "constant"
    case .variable: "variable"
    case .importStub: "import"
    }
  }
}

extension AtomChange.Kind {
  var word: String {
    switch self {
    case .added: "added"
    case .moved: "moved"
    case .rewritten: "rewritten"
    case .removed: "removed"
    }
  }
}
