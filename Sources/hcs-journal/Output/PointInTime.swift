import Foundation

/// Milliseconds since 1970-01-01 UTC, in the two forms that are shown.
struct PointInTime {
  let milliseconds: Int64

  static var now: PointInTime { PointInTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

  /// RFC 3339, in UTC, with milliseconds.
  var universal: String {
    let fraction = ((milliseconds % 1000) + 1000) % 1000
    return text("%Y-%m-%dT%H:%M:%S.", gmtime_r)
      + String(repeating: "0", count: 3 - String(fraction).count) + "\(fraction)Z"
  }

  /// To the minute, where the reader is.
  var local: String { text("%Y-%m-%d %H:%M", localtime_r) }

  private func text(
    _ format: String, _ parts: (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?
  ) -> String {
    // Rounded down, so that times before 1970 have the fraction that belongs to them.
    var seconds = time_t((Double(milliseconds) / 1000).rounded(.down))
    var broken = tm()
    guard parts(&seconds, &broken) != nil else { return "time \(milliseconds)" }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = buffer.withUnsafeMutableBytes { bytes in
      strftime(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, format, &broken)
    }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
