import Addressing

/// Tells which bodies stand nowhere any more at an update: a later one has placed other code in their room.
enum OverwrittenBodies {
  /// Indexes of rows whose bodies later rows overlap.
  ///
  /// - Parameter rows: of one lineage. The base image's own places are in nobody's way.
  static func indexes(in rows: [PlacementRow]) -> Set<Int> {
    var placed: [(index: Int, body: AddressRange)] = []
    for (index, row) in rows.enumerated() where row.from > 0 {
      if let body = row.placement?.body, !body.isEmpty { placed.append((index, body)) }
    }
    placed.sort { $0.body.start < $1.body.start }
    var overwritten: Set<Int> = []
    var open: [(index: Int, body: AddressRange)] = []
    for next in placed {
      open.removeAll { $0.body.end <= next.body.start }
      for other in open where rows[other.index].from != rows[next.index].from {
        overwritten.insert(rows[other.index].from < rows[next.index].from ? other.index : next.index)
      }
      open.append(next)
    }
    return overwritten
  }
}
