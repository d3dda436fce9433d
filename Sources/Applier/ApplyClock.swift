import Foundation

/// Time as an apply needs it: how long a pause was, and how long a blocked commit waits.
struct ApplyClock: Sendable {
  /// Nanoseconds from an arbitrary start; never goes back.
  var now: @Sendable () -> UInt64
  var sleep: @Sendable (_ nanoseconds: UInt64) -> Void

  static let system = ApplyClock(
    now: { DispatchTime.now().uptimeNanoseconds },
    sleep: { Thread.sleep(forTimeInterval: Double($0) / 1e9) })
}
