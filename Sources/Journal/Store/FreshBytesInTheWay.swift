import Addressing

/// Finds, of the steps of a way, the fresh bytes that another operation on it touches, and puts them among the operations of their step:
/// what is left is touched by nobody else, and can be compared and written by itself.
///
/// A way may have many thousand blocks. None is read that nobody else touches, and none is kept.
struct FreshBytesInTheWay {
  let table: StretchTable

  private struct Found {
    var step: Int
    var range: AddressRange
    var write: WriteOperation
  }

  /// - Returns: the steps, each with the operations that it needs to be told.
  func withheld(from steps: [Step]) throws -> [Step] {
    let touched = touchedParts(steps)
    if touched.isEmpty { return steps }
    return try withholding(extents(in: touched, of: steps), from: steps)
  }

  /// By step, the parts of its areas that something else touches, ascending.
  private func touchedParts(_ steps: [Step]) -> [Int: [NetOperations.Range]] {
    guard steps.contains(where: { $0.stretch != nil }) else { return [:] }
    var touching = TouchedRanges()
    for (index, step) in steps.enumerated() {
      touching.add((step.stretch?.areas ?? []).map { NetOperations.range(of: $0, base: table.store.base) }, of: index)
    }
    addOperations(of: steps, to: &touching, as: steps.count)
    var parts = touching.touchedParts()
    parts[steps.count] = nil
    return parts
  }

  private func addOperations(of steps: [Step], to touching: inout TouchedRanges, as owner: Int) {
    for step in steps {
      for operation in step.update.content.operations {
        touching.add(NetOperations.ranges(of: operation, base: table.store.base), of: owner)
      }
    }
  }

  /// The extents that overlap these parts; the order of the blocks, and within one of the addresses.
  private func extents(in touched: [Int: [NetOperations.Range]], of steps: [Step]) throws -> [Found] {
    try touched.sorted { $0.key < $1.key }.flatMap { index, parts in
      var found: [Found] = []
      guard let stretch = steps[index].stretch else { return found }
      func isTouched(_ range: AddressRange) -> Bool {
        NetOperations.range(of: range, base: table.store.base).overlapsOne(of: parts)
      }
      try table.blocks(in: stretch.range, of: stretch.branch) { row in
        guard try FreshBlockCoding.decodeAreas(row.areas).contains(where: isTouched) else { return true }
        let block = try table.block(of: row)
        for extent in block.extents where isTouched(extent.range) {
          found.append(Found(step: index, range: extent.range, write: block.write(of: extent)))
        }
        return true
      }
      return found
    }
  }

  private func withholding(_ candidates: [Found], from steps: [Step]) -> [Step] {
    var touching = TouchedRanges()
    for (index, candidate) in candidates.enumerated() {
      touching.add([NetOperations.range(of: candidate.range, base: table.store.base)], of: index)
    }
    addOperations(of: steps, to: &touching, as: candidates.count)
    let touched = touching.overlapping()
    let withheld = candidates.indices.filter(touched.contains).map { candidates[$0] }
    var steps = steps
    for (index, own) in Dictionary(grouping: withheld, by: \.step) {
      // Before what the step does with them.
      steps[index].update.content.operations.insert(contentsOf: own.map { .write($0.write) }, at: 0)
      steps[index].stretch?.withheld += own.map(\.range)
    }
    return steps
  }
}

extension NetOperations.Range {
  /// - Parameter others: ascending, none overlapping another.
  fileprivate func overlapsOne(of others: [Self]) -> Bool {
    let next = others.partitioningIndex { ($0.space.rawValue, $0.end) > (space.rawValue, start) }
    return next < others.endIndex && others[next].overlaps(self)
  }
}
