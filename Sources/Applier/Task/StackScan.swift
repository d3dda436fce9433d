import Addressing
import Journal

/// Looks for addresses inside guarded ranges among the words of a stack or of registers.
///
/// A word counts as itself and as setjmp(3) of glibc stores one: xored with the thread's pointer guard and rotated
/// (sysdeps/unix/sysv/linux/x86_64/pointer_guard.h).
struct StackScan {
  struct Hit: Hashable {
    var address: UInt64
    var guardIndex: Int
    /// The range's first byte: only a return address counts there, for otherwise it is a pointer to the function.
    var isFirstByte: Bool
  }

  /// A word of a stack that is one.
  struct StackHit: Hashable {
    var hit: Hit
    /// Of the word, from where the scanned bytes begin.
    var offset: Int
    /// It was one only as setjmp(3) stores addresses.
    var isMangled: Bool
  }

  private struct Range {
    var start: UInt64
    var end: UInt64
    var reach: Guard.Reach
    var index: Int
    /// The largest end of this and all ranges before it.
    var limit: UInt64 = 0
  }

  /// Ascending by start: there are as many as functions that have moved, and every word is looked up.
  private let ranges: [Range]
  private let lowest: UInt64
  private let highest: UInt64

  init(_ guards: [GuardedRange]) {
    var limit: UInt64 = 0
    ranges = guards.enumerated().map { index, guarded in
      Range(
        start: guarded.range.start.rawValue, end: guarded.range.end.rawValue, reach: guarded.reach, index: index)
    }.sorted { ($0.start, $0.index) < ($1.start, $1.index) }.map { range in
      limit = max(limit, range.end)
      var range = range
      range.limit = limit
      return range
    }
    lowest = ranges.map(\.start).min() ?? .max
    highest = ranges.map(\.end).max() ?? 0
  }

  func hits(_ word: UInt64) -> [Hit] {
    guard word >= lowest, word < highest else { return [] }
    var low = ranges.partitioningIndex { $0.start > word }
    var hits: [Hit] = []
    while low > 0, ranges[low - 1].limit > word {
      low -= 1
      let range = ranges[low]
      if word >= range.end || (word == range.start && range.reach == .interior) { continue }
      hits.append(Hit(address: word, guardIndex: range.index, isFirstByte: word == range.start))
    }
    return hits.reversed()
  }

  /// Every word of a stack, of whole words from an aligned address on.
  func forEachHit(in stack: [UInt8], pointerGuard: UInt64?, _ body: (StackHit) -> Void) {
    stack.withUnsafeBytes { buffer in
      for offset in stride(from: 0, to: buffer.count - 7, by: 8) {
        let word = buffer.load(fromByteOffset: offset, as: UInt64.self)
        if word >= lowest && word < highest {
          for hit in hits(word) { body(StackHit(hit: hit, offset: offset, isMangled: false)) }
        }
        guard let pointerGuard else { continue }
        let plain = Self.demangle(word, pointerGuard)
        if plain >= lowest && plain < highest {
          for hit in hits(plain) { body(StackHit(hit: hit, offset: offset, isMangled: true)) }
        }
      }
    }
  }

  static func demangle(_ word: UInt64, _ pointerGuard: UInt64) -> UInt64 {
    (word >> 17 | word << 47) ^ pointerGuard
  }

  /// Whether the bytes that end before an address may be a call, so that the address may be one to return to: E8 rel32, or
  /// FF /2 with a register or any memory operand of 2 to 7 bytes (Intel SDM, CALL).
  static func endsInCall(_ before: [UInt8]) -> Bool {
    let count = before.count
    if count >= 5, before[count - 5] == 0xe8 { return true }
    return (2...7).contains { length in
      count >= length && before[count - length] == 0xff && (before[count - length + 1] >> 3) & 7 == 2
    }
  }
}
