/// Which of many ranges overlap ranges of somebody else.
struct TouchedRanges {
  private var entries: [(range: NetOperations.Range, owner: Int)] = []

  mutating func add(_ ranges: some Sequence<NetOperations.Range>, of owner: Int) {
    for range in ranges where range.start < range.end { entries.append((range, owner)) }
  }

  /// The owners of ranges that overlap another owner's.
  func overlapping() -> Set<Int> {
    var found: Set<Int> = []
    // Of those before, the one that reaches furthest: a range that overlaps any of them overlaps it, and so has each of them that
    // began after it, or was overlapped by it when it came.
    var furthest: (range: NetOperations.Range, owner: Int)?
    let sorted = entries.sorted {
      ($0.range.space.rawValue, $0.range.start, $0.range.end) < ($1.range.space.rawValue, $1.range.start, $1.range.end)
    }
    for entry in sorted {
      if let other = furthest, other.range.overlaps(entry.range) {
        if other.owner != entry.owner { found.formUnion([other.owner, entry.owner]) }
        if other.range.end >= entry.range.end { continue }
      }
      furthest = entry
    }
    return found
  }
}
