import Foundation

/// Emphasis by escape sequences of ECMA-48, on a terminal only.
struct TextStyle: Sendable {
  let isColored: Bool

  static let plain = TextStyle(isColored: false)

  /// Honours NO_COLOR (any value) and a terminal that says it can do nothing.
  static var standardOutput: TextStyle {
    let environment = ProcessInfo.processInfo.environment
    let isWanted = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    return TextStyle(isColored: isWanted && StandardStream.output.isTerminal)
  }

  func bold(_ text: String) -> String { wrapped(text, 1) }
  func faint(_ text: String) -> String { wrapped(text, 2) }
  func red(_ text: String) -> String { wrapped(text, 31) }
  func green(_ text: String) -> String { wrapped(text, 32) }
  func yellow(_ text: String) -> String { wrapped(text, 33) }

  private func wrapped(_ text: String, _ code: Int) -> String {
    isColored ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

extension String {
  /// At least `width` characters, filled up with spaces.
  func padded(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }
}
