import Addressing
import Glibc

/// Instructions that the task has anyway and that a call made in it needs.
struct RemoteGadgets: Hashable, Sendable {
  /// `syscall; ret` where there is one, else any `syscall`.
  var systemCall: UInt64
  /// `mov $15, %eax; syscall`: how a signal handler returns. Without it, or without a `ret` behind the `syscall`, a
  /// thread cannot restore itself.
  var restorer: UInt64?

  private static let systemCallAndReturn: [UInt8] = [0x0f, 0x05, 0xc3]
  /// As glibc has it, and as musl has it: an operand of 8 or of 4 bytes.
  static let restorers: [[UInt8]] = [
    [0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05], [0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05],
  ]

  /// Whether `bytes` begin as the return from a signal handler does.
  static func isRestorer(_ bytes: [UInt8]) -> Bool { restorers.contains { bytes.starts(with: $0) } }

  /// Looks through executable memory, a mapping at a time, until there is all one could wish for.
  init?(mappings: [TaskMapping], read: (TaskMapping) -> [UInt8]?) {
    var plain: UInt64?
    var returning: UInt64?
    var restorer: UInt64?
    for mapping in mappings where mapping.protection.contains([.read, .execute]) {
      if returning != nil && restorer != nil { break }
      guard let bytes = read(mapping) else { continue }
      let start = mapping.range.start.rawValue
      func address(of pattern: [UInt8]) -> UInt64? { Self.find(pattern, in: bytes).map { start &+ UInt64($0) } }
      returning = returning ?? address(of: Self.systemCallAndReturn)
      plain = plain ?? address(of: Array(Self.systemCallAndReturn.prefix(2)))
      for pattern in Self.restorers where restorer == nil { restorer = address(of: pattern) }
    }
    guard let call = returning ?? plain else { return nil }
    systemCall = call
    self.restorer = returning == nil ? nil : restorer
  }

  /// By memchr: a C library's code is megabytes, and unoptimized Swift takes seconds for them.
  private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Int? {
    guard let first = pattern.first else { return nil }
    return bytes.withUnsafeBytes { buffer -> Int? in
      guard let base = buffer.baseAddress, buffer.count >= pattern.count else { return nil }
      var from = 0
      let end = buffer.count - pattern.count + 1
      while from < end, let hit = memchr(base + from, CInt(first), end - from) {
        let offset = UnsafeRawPointer(hit) - base
        if memcmp(hit, pattern, pattern.count) == 0 { return offset }
        from = offset + 1
      }
      return nil
    }
  }
}
