/// Words at equal distances within one segment, of which an opcode makes as many as it likes.
struct MachOFixupRun: Hashable, Sendable {
  var segment: Int
  var offset: UInt64
  /// At least 1.
  var count: UInt64
  /// From one word to the next, in bytes.
  var stride: Int64

  /// The word after the last one, where dyld stands then, is that at `count`.
  ///
  /// - Precondition: `index` is at most `count`.
  subscript(index: UInt64) -> MachOFixupPlace {
    MachOFixupPlace(segment: segment, offset: offset &+ UInt64(bitPattern: stride &* Int64(bitPattern: index)))
  }

  /// What is wrong with it; nil where each of its words stands in the segment's part of the file.
  func problem(in places: MachOSegmentPlaces) -> String? {
    guard places.indices.contains(segment) else { return "there is no segment \(segment)" }
    guard count == 1 || stride != 0 else { return "a run of \(count) fixups that stands still" }
    // Where first and last are inside, so is what lies between them.
    if let steps = Int64(exactly: count - 1), let start = Int64(exactly: offset),
      case (let length, let overflow) = stride.multipliedReportingOverflow(by: steps), !overflow,
      case (let last, let leaves) = start.addingReportingOverflow(length), !leaves, last >= 0,
      places.holds(MachOFixupPlace(segment: segment, offset: offset)),
      places.holds(MachOFixupPlace(segment: segment, offset: UInt64(last)))
    {
      return nil
    }
    return "\(count) fixups from offset 0x\(String(offset, radix: 16)), each \(stride) bytes further, leave segment "
      + places[segment].name
  }
}

/// Where an opcode stream stands, and how many fixups it has made.
struct MachOFixupPosition: Sendable {
  private(set) var segment: Int?
  private var offset: UInt64 = 0
  private var made: UInt64 = 0
  private let places: MachOSegmentPlaces
  private let limit: UInt64

  init(in places: MachOSegmentPlaces) {
    self.places = places
    limit = places.fixupLimit
  }

  mutating func set(segment: Int, offset: UInt64) { (self.segment, self.offset) = (segment, offset) }

  mutating func reset() { (segment, offset) = (nil, 0) }

  /// Modulo 2^64, as dyld does it: linkers go back by adding a large number.
  mutating func advance(by bytes: UInt64) { offset &+= bytes }

  /// Takes `count` words, of which each leaves `skip` bytes behind it.
  mutating func take(
    _ count: UInt64, skip: UInt64, _ cursor: MachOStreamCursor
  ) throws(ObjectFileError) -> MachOFixupRun? {
    guard count > 0 else { return nil }
    guard let segment else { throw cursor.failure(.malformedFixups, "a fixup before any segment is named") }
    let step = skip &+ MachOFixupPlace.wordByteCount
    let run = MachOFixupRun(segment: segment, offset: offset, count: count, stride: Int64(bitPattern: step))
    if let problem = run.problem(in: places) { throw cursor.failure(.malformedFixups, problem) }
    guard count <= limit - made else {
      throw cursor.failure(.malformedFixups, "more than \(limit) fixups, which its segments cannot hold")
    }
    made += count
    offset &+= count &* step
    return run
  }
}
