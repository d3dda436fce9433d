import Addressing

/// Whether parts that follow one another can become one step: what a later one brings into use, no earlier one has touched. In a step all
/// fresh bytes come first, and whoever was there twice cannot be told from who was there once.
struct FreshOrder {
  let base: BaseImage
  private var entries: [(range: NetOperations.Range, part: Int, isFresh: Bool)] = []
  private var count = 0

  init(base: BaseImage) { self.base = base }

  /// - Parameter areas: where there are fresh bytes that are not among the operations.
  mutating func add(_ operations: [Operation], areas: [AddressRange] = []) {
    for range in areas + operations.compactMap(\.freshRange) {
      entries.append((NetOperations.range(of: range, base: base), count, true))
    }
    for range in operations.flatMap({ NetOperations.ranges(of: $0, base: base) }) where range.start < range.end {
      entries.append((range, count, false))
    }
    count += 1
  }

  /// Of ranges that overlap, directly or through others, only the first part that touches them may bring any into use. (More is refused
  /// than must be: through others.)
  var isKept: Bool {
    let sorted = entries.sorted {
      ($0.range.space.rawValue, $0.range.start) < ($1.range.space.rawValue, $1.range.start)
    }
    var group: (space: NetOperations.Range.Space, end: UInt64, first: Int, lastFresh: Int)?
    for entry in sorted {
      if var current = group, current.space == entry.range.space, entry.range.start < current.end {
        current.end = max(current.end, entry.range.end)
        current.first = min(current.first, entry.part)
        if entry.isFresh { current.lastFresh = max(current.lastFresh, entry.part) }
        group = current
      } else {
        group = (entry.range.space, entry.range.end, entry.part, entry.isFresh ? entry.part : -1)
      }
      if let group, group.lastFresh > group.first { return false }
    }
    return true
  }
}

extension Operation {
  /// What the operation brings into use, but for what belongs to a loader; nil where it changes what is there.
  fileprivate var freshRange: AddressRange? {
    switch self {
    case .write(let write):
      guard write.isFresh, case .virtual(let start) = write.place else { return nil }
      return AddressRange(validating: start, byteCount: UInt64(write.after.count))
    case .pointer(let pointer): return pointer.isFresh ? AddressRange(validating: pointer.cell, byteCount: 8) : nil
    case .bind(let bind): return bind.isFresh ? AddressRange(validating: bind.cell, byteCount: 8) : nil
    case .resize, .map, .protect: return nil
    }
  }
}
