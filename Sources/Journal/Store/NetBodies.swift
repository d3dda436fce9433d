import Addressing

/// What a shortcut holds of the bodies that the updates it covers have placed: the bytes and lines of those that are their atoms'
/// own where it leads to.
struct NetBodies {
  private var newest: [AtomIdentity: Int64] = [:]
  private var bytes: [AtomIdentity: Digest] = [:]
  private var lines: [VirtualAddress: Digest] = [:]

  /// Of nothing.
  init() {}

  /// - Parameter skeletons: of the covered updates, with their numbers, ascending.
  init(of content: UpdateContent, covering skeletons: [(number: Int64, content: UpdateContent)]) throws {
    for skeleton in skeletons {
      for change in skeleton.content.atoms { newest[change.atom] = skeleton.number }
    }
    let written = BodyWrites(content.operations)
    for change in content.atoms {
      // What was written over in part is in several operations.
      guard let (index, write) = change.bodyWrite(in: content), let body = change.after?.body,
        written.last(in: body) == index
      else { continue }
      bytes[change.atom] = Digest.sha256(of: Payload.masked(write.after, fixups: write.fixups))
    }
    lines = try DerivedTables.lineDigests(of: content)
  }

  /// The digest of the body that a covered update has placed, masked; nil where it is not kept as such.
  func bytes(of change: AtomChange, placedBy number: Int64) throws -> Digest? {
    newest[change.atom] == number ? bytes[change.atom] : nil
  }

  func lines(of change: AtomChange, placedBy number: Int64) throws -> Digest? {
    guard newest[change.atom] == number, let start = change.after?.body.start else { return nil }
    return lines[start]
  }
}

/// Which writes of memory overlap a range.
private struct BodyWrites {
  /// Ascending by start; each with the largest end of those up to it, and its place among the operations.
  private let ranges: [(start: UInt64, end: UInt64, reach: UInt64, index: Int)]

  init(_ operations: [Operation]) {
    let written = operations.enumerated().compactMap { index, operation -> (start: UInt64, end: UInt64, index: Int)? in
      guard case .write(let write) = operation, case .virtual(let start) = write.place else { return nil }
      return (start.rawValue, start.rawValue &+ UInt64(write.after.count), index)
    }
    var reach: UInt64 = 0
    ranges = written.sorted { ($0.start, $0.index) < ($1.start, $1.index) }.map { range in
      reach = max(reach, range.end)
      return (range.start, range.end, reach, range.index)
    }
  }

  /// The last operation that writes a part of the range; nil where none does.
  func last(in range: AddressRange) -> Int? {
    var low = ranges.partitioningIndex { $0.start >= range.end.rawValue }
    var last: Int?
    while low > 0, ranges[low - 1].reach > range.start.rawValue {
      low -= 1
      if ranges[low].end > range.start.rawValue { last = max(last ?? 0, ranges[low].index) }
    }
    return last
  }
}
