import Journal

extension UpdateRun {
  var text: String { first == last ? "\(first)" : "\(first) to \(last)" }

  var json: JSONValue { .array([.integer(first.rawValue), .integer(last.rawValue)]) }
}
