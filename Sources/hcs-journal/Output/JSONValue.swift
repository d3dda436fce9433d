/// A JSON text in the making (RFC 8259). Members keep the order they are given in, and absent ones are left out, so
/// that output is stable from one run to the next.
indirect enum JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
  case string(String)
  case integer(Int64)
  case boolean(Bool)
  case array([JSONValue])
  case members([(String, JSONValue)])

  init(stringLiteral value: String) { self = .string(value) }

  init(booleanLiteral value: Bool) { self = .boolean(value) }

  static func object(_ members: [(String, JSONValue?)]) -> JSONValue {
    .members(members.compactMap { name, value in value.map { (name, $0) } })
  }

  /// Numbers past 2^53 lose digits in many readers: addresses and digests are therefore strings, never this.
  static func count(_ value: some BinaryInteger) -> JSONValue { .integer(Int64(clamping: value)) }

  /// Pretty-printed, two spaces a level, without a final line end.
  var text: String {
    var result = ""
    write(to: &result, indent: 0)
    return result
  }

  private func write(to text: inout String, indent: Int) {
    switch self {
    case .string(let value): Self.write(value, to: &text)
    case .integer(let value): text += String(value)
    case .boolean(let value): text += value ? "true" : "false"
    case .array(let values):
      Self.write(values, between: ("[", "]"), to: &text, indent: indent) { $0.write(to: &$1, indent: indent + 1) }
    case .members(let members):
      Self.write(members, between: ("{", "}"), to: &text, indent: indent) { member, text in
        Self.write(member.0, to: &text)
        text += ": "
        member.1.write(to: &text, indent: indent + 1)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between marks: (String, String), to text: inout String, indent: Int,
    _ body: (Element, inout String) -> Void
  ) {
    text += marks.0
    for (index, element) in elements.enumerated() {
      text += (index == 0 ? "\n" : ",\n") + String(repeating: "  ", count: indent + 1)
      body(element, &text)
    }
    if !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
    text += marks.1
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
