import Addressing
import Journal

/// The memory of a task that has followed every update up to the parent, wherever the image after has something mapped.
///
/// That is not what the parent's file says: what has left a segment stays in memory, and what has not come into one
/// yet has the bytes that the first image's file had in that page. Words that a loader rebases are as in the file.
struct ParentMemory {
  struct Part {
    var range: AddressRange
    var before: [UInt8]
    var after: [UInt8]
    /// Bytes that some operation has taken over.
    var isClaimed: [Bool]
  }

  private(set) var parts: [Part] = []

  init(_ store: JournalStore, at parent: Digest, comparedWith image: ObservedImage) throws(JournalError) {
    for segment in image.segments where !segment.range.isEmpty {
      let before = try store.bytes(segment.range, at: parent)
      parts.append(
        Part(
          range: segment.range, before: before, after: image.bytes(segment.range),
          isClaimed: [Bool](repeating: false, count: before.count)))
    }
  }

  private func part(holding range: AddressRange) -> Int? { parts.firstIndex { $0.range.contains(range) } }

  /// Before and after; nil where the range is in no one segment.
  func bytes(_ range: AddressRange) -> (before: [UInt8], after: [UInt8])? {
    guard let index = part(holding: range) else { return nil }
    let start = Int(range.start.rawValue - parts[index].range.start.rawValue)
    let end = start + Int(range.byteCount)
    return (Array(parts[index].before[start..<end]), Array(parts[index].after[start..<end]))
  }

  func word(_ address: VirtualAddress) -> (before: UInt64, after: UInt64)? {
    guard let bytes = bytes(AddressRange(start: address, byteCount: 8)) else { return nil }
    func number(_ bytes: [UInt8]) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    return (number(bytes.before), number(bytes.after))
  }

  /// Takes over the bytes of a range that nobody has yet.
  /// - Returns: them, as ranges without gaps.
  mutating func claim(_ range: AddressRange) -> [AddressRange] {
    guard let index = part(holding: range) else { return [] }
    let origin = parts[index].range.start
    var result: [AddressRange] = []
    var start: Int?
    let first = Int(range.start.rawValue - origin.rawValue)
    for offset in first...(first + Int(range.byteCount)) {
      let isFree = offset < first + Int(range.byteCount) && !parts[index].isClaimed[offset]
      if isFree {
        parts[index].isClaimed[offset] = true
        start = start ?? offset
      } else if let from = start {
        result.append(AddressRange(start: origin.displaced(by: Int64(from)), byteCount: UInt64(offset - from)))
        start = nil
      }
    }
    return result
  }

  /// Runs of bytes that differ; those that stand closer to one another than `gap` are one.
  func differences(unclaimedOnly: Bool, gap: Int) -> [AddressRange] {
    parts.flatMap { part in
      DifferingRuns.of(part.before, part.after, gap: gap) { unclaimedOnly && part.isClaimed[$0] }.map { run in
        AddressRange(start: part.range.start.displaced(by: Int64(run.lowerBound)), byteCount: UInt64(run.count))
      }
    }
  }
}

enum DifferingRuns {
  /// Where two byte strings of one length differ. Runs are joined over gaps of equal bytes, but not over such as are
  /// `excluded`.
  static func of(
    _ before: [UInt8], _ after: [UInt8], gap: Int, excluded: (Int) -> Bool = { _ in false }
  ) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var wasExcluded = false
    for offset in 0..<min(before.count, after.count) {
      if excluded(offset) {
        wasExcluded = true
        continue
      }
      guard before[offset] != after[offset] else { continue }
      if let last = runs.last, offset - last.upperBound < gap, !wasExcluded || offset == last.upperBound {
        runs[runs.count - 1] = last.lowerBound..<offset + 1
      } else {
        runs.append(offset..<offset + 1)
      }
      wasExcluded = false
    }
    return runs
  }
}
