/// Which of many ranges overlap ranges of somebody else.
struct TouchedRanges {
  private typealias Entry = (range: NetOperations.Range, owner: Int)

  private var entries: [Entry] = []

  mutating func add(_ ranges: some Sequence<NetOperations.Range>, of owner: Int) {
    for range in ranges where range.start < range.end { entries.append((range, owner)) }
  }

  private var sorted: [Entry] {
    entries.sorted {
      ($0.range.space.rawValue, $0.range.start, $0.range.end) < ($1.range.space.rawValue, $1.range.start, $1.range.end)
    }
  }

  /// The owners of ranges that overlap another owner's.
  func overlapping() -> Set<Int> {
    var found: Set<Int> = []
    // Of those before, the one that reaches furthest: a range that overlaps any of them overlaps it, and so has each of them that
    // began after it, or was overlapped by it when it came.
    var furthest: Entry?
    for entry in sorted {
      if let other = furthest, other.range.overlaps(entry.range) {
        if other.owner != entry.owner { found.formUnion([other.owner, entry.owner]) }
        if other.range.end >= entry.range.end { continue }
      }
      furthest = entry
    }
    return found
  }

  /// By owner, which parts of its ranges overlap another owner's: ascending, none overlapping another.
  func touchedParts() -> [Int: [NetOperations.Range]] {
    var found: [Int: [NetOperations.Range]] = [:]
    // Those before that reach this far, of each owner the one that reaches furthest.
    var reaching: [Int: NetOperations.Range] = [:]
    for (range, owner) in sorted {
      reaching = reaching.filter { $0.value.space == range.space && $0.value.end > range.start }
      for (other, reached) in reaching where other != owner {
        let part = NetOperations.Range(space: range.space, start: range.start, end: min(range.end, reached.end))
        found[owner, default: []].append(joining: part)
        found[other, default: []].append(joining: part)
      }
      if reaching[owner].map({ $0.end < range.end }) ?? true { reaching[owner] = range }
    }
    return found
  }
}

extension [NetOperations.Range] {
  /// - Parameter range: beginning nowhere before the others do.
  fileprivate mutating func append(joining range: NetOperations.Range) {
    if let last, last.space == range.space, range.start <= last.end {
      self[count - 1].end = Swift.max(last.end, range.end)
    } else {
      append(range)
    }
  }
}
