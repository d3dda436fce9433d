import Foundation

/// Standard input as bytes, a line at a time: what is no UTF-8 comes out as it went in.
struct StandardInput {
  private var buffer: [UInt8] = []
  private var start = 0

  /// With its line end, which the last line may lack; nil at the end.
  mutating func line() -> [UInt8]? {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) { return take(to: end + 1) }
      searched = buffer.count - start
      guard fill() else { return start < buffer.count ? take(to: buffer.count) : nil }
    }
  }

  private mutating func take(to end: Int) -> [UInt8] {
    defer { start = end }
    return Array(buffer[start..<end])
  }

  /// Whether there was more.
  private mutating func fill() -> Bool {
    buffer.removeFirst(start)
    start = 0
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = part.withUnsafeMutableBytes { read(0, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      buffer += part[..<count]
      return true
    }
  }
}
