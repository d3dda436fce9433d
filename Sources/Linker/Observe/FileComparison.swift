import Addressing
import Journal

/// What of an update is written to a file: the operations at addresses whose bytes the file holds where it held them, and
/// for all else operations at file offsets.
struct FileComparison {
  private let before: ObservedImage
  private let after: ObservedImage
  private var file: [UInt8]
  private(set) var places: [Observation.Place] = []
  /// What the file does not hold as memory does, or holds elsewhere than before.
  private var excluded: [AddressRange] = []

  init(before: ObservedImage, after: ObservedImage) {
    self.before = before
    self.after = after
    let room = max(before.file.count, after.file.count)
    file = before.file + [UInt8](repeating: 0, count: room - before.file.count)
  }

  /// Operations that make the file after out of the file before, once the operations at addresses have been applied that
  /// `places` names.
  mutating func operations(beside operations: [Operation]) -> [Operation] {
    let original = file
    // Several operations may be on the same bytes: a file takes all of them or none.
    repeat {
      file = original
      places = []
      for operation in operations { apply(operation) }
    } while places.contains { place in excluded.contains { $0.overlaps(place.range) } }
    mergePlaces()
    var result: [Operation] = []
    // What is cut off must be zeroes: only those can be grown again.
    let wanted = after.file + [UInt8](repeating: 0, count: file.count - after.file.count)
    for run in DifferingRuns.of(file, wanted, gap: 24) {
      for start in stride(from: run.lowerBound, to: run.upperBound, by: 1 << 20) {
        let piece = start..<min(start + 1 << 20, run.upperBound)
        result.append(
          .write(
            WriteOperation(
              place: .file(FileOffset(UInt64(piece.lowerBound))), before: Array(file[piece]),
              after: Array(wanted[piece]))))
      }
    }
    if before.file.count != after.file.count {
      result.append(
        .resize(ResizeOperation(before: UInt64(before.file.count), after: UInt64(after.file.count))))
    }
    return result
  }

  private mutating func apply(_ operation: Operation) {
    switch operation {
    case .write(let write):
      guard case .virtual(let start) = write.place else { return }
      apply(start, write.before, write.after)
    case .pointer(let pointer): apply(pointer.cell, Self.bytes(pointer.wordBefore), Self.bytes(pointer.wordAfter))
    case .bind(let bind): apply(bind.cell, Self.bytes(bind.wordBefore), Self.bytes(bind.wordAfter))
    case .resize, .map, .protect: return
    }
  }

  private static func bytes(_ word: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
  }

  private mutating func apply(_ start: VirtualAddress, _ found: [UInt8], _ wanted: [UInt8]) {
    guard let range = AddressRange(validating: start, byteCount: UInt64(wanted.count)), !range.isEmpty,
      !excluded.contains(where: { $0.overlaps(range) })
    else { return }
    // A segment that came with this update is nowhere else in the file before.
    guard let offset = after.fileOffset(of: range), let first = Int(exactly: offset.rawValue),
      before.fileOffset(of: range) ?? offset == offset,
      first <= min(file.count, after.file.count) - wanted.count,
      file[first..<first + found.count].elementsEqual(found)
    else { return excluded.append(range) }
    file.replaceSubrange(first..<first + wanted.count, with: wanted)
    places.append(Observation.Place(range: range, fileOffset: offset))
  }

  private mutating func mergePlaces() {
    var merged: [Observation.Place] = []
    for place in places.sorted(by: { $0.range.start < $1.range.start }) {
      guard let last = merged.last, place.range.start <= last.range.end,
        place.fileOffset.rawValue &- last.fileOffset.rawValue
          == place.range.start.rawValue &- last.range.start.rawValue
      else {
        merged.append(place)
        continue
      }
      let end = max(last.range.end, place.range.end)
      merged[merged.count - 1].range = AddressRange(
        start: last.range.start, byteCount: end.rawValue - last.range.start.rawValue)
    }
    places = merged
  }
}
