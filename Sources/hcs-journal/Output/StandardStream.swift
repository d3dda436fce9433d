import Foundation

/// Standard output and standard error, written without a buffer in between: what is told before a signal arrives has
/// been told.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Writes the text and ends its line.
  func write(_ text: String) {
    write(bytes: Array((text.hasSuffix("\n") ? text : text + "\n").utf8))
  }

  func write(bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(rawValue, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // Nobody reads any more: what was asked for has been done all the same.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  var isTerminal: Bool { isatty(rawValue) == 1 }
}
