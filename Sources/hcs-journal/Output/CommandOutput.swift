/// What a command has to tell, in both forms. The members of `json` are a contract: docs/json-output.md.
protocol CommandOutput {
  var json: JSONValue { get }

  /// Lines without their ends.
  func lines(_ style: TextStyle) -> [String]
}
