import ArgumentParser
import Foundation

/// A point in time: RFC 3339 (`2026-11-22T23:49:00Z`), a date and time where the user is (`2026-11-22 23:49`), a date, seconds
/// since 1970 (`@1795391340`), or how long ago (`90m`, `12h`, `3d`, `2w`).
struct TimeArgument: ExpressibleByArgument {
  static let help = "2026-11-22T23:49:00Z, \"2026-11-22 23:49\", @SECONDS, or 90m, 12h, 3d, 2w ago"

  /// Since 1970-01-01 UTC.
  let milliseconds: Int64

  init?(argument: String) {
    guard let time = Self.relative(argument) ?? Self.absolute(argument) else { return nil }
    milliseconds = time
  }

  private static func relative(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0,
      case (let span, let overflow) = count.multipliedReportingOverflow(by: unit * 1000), !overflow
    else { return nil }
    return PointInTime.now.milliseconds.subtractingReportingOverflow(span).partialValue
  }

  private static func absolute(_ text: String) -> Int64? {
    if text.hasPrefix("@") {
      guard let seconds = Double(text.dropFirst()), abs(seconds) < 1e14 else { return nil }
      return Int64(seconds * 1000)
    }
    let universal = ISO8601DateFormatter()
    for options: ISO8601DateFormatter.Options in [
      [.withInternetDateTime], [.withInternetDateTime, .withFractionalSeconds],
    ] {
      universal.formatOptions = options
      if let date = universal.date(from: text) { return Int64((date.timeIntervalSince1970 * 1000).rounded()) }
    }
    let local = DateFormatter()
    local.locale = Locale(identifier: "en_US_POSIX")
    for format in ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd"] {
      local.dateFormat = format
      if let date = local.date(from: text) { return Int64(date.timeIntervalSince1970 * 1000) }
    }
    return nil
  }
}
