import Addressing

/// Finds, of the steps of a way, the fresh bytes that another operation on it touches, and puts them among the operations of their step:
/// what is left is touched by nobody else, and can be compared and written by itself.
struct FreshBytesInTheWay {
  let table: StretchTable

  private struct Block {
    var step: Int
    var extents: [(extent: FreshBlock.Extent, block: FreshBlock)]
  }

  /// - Returns: the steps, each with the operations that it needs to be told.
  func withheld(from steps: [Step]) throws -> [Step] {
    let touched = touchedAreas(steps)
    if touched.isEmpty { return steps }
    return try withholding(extents(in: touched, of: steps), from: steps)
  }

  /// By step, the areas that something else touches.
  private func touchedAreas(_ steps: [Step]) -> [Int: [AddressRange]] {
    var touching = TouchedRanges()
    var owners: [(step: Int, area: AddressRange)] = []
    for (index, step) in steps.enumerated() {
      for area in step.stretch?.areas ?? [] {
        touching.add([NetOperations.range(of: area, base: table.store.base)], of: owners.count)
        owners.append((index, area))
      }
    }
    if owners.isEmpty { return [:] }
    addOperations(of: steps, to: &touching, as: owners.count)
    return Dictionary(grouping: touching.overlapping().filter { $0 < owners.count }.map { owners[$0] }, by: \.step)
      .mapValues { $0.map(\.area) }
  }

  private func addOperations(of steps: [Step], to touching: inout TouchedRanges, as owner: Int) {
    for step in steps {
      for operation in step.update.content.operations {
        touching.add(NetOperations.ranges(of: operation, base: table.store.base), of: owner)
      }
    }
  }

  /// The extents in these areas, with their blocks.
  private func extents(in touched: [Int: [AddressRange]], of steps: [Step]) throws -> [Block] {
    try touched.sorted { $0.key < $1.key }.map { index, areas in
      var found = Block(step: index, extents: [])
      guard let stretch = steps[index].stretch else { return found }
      try table.blocks(in: stretch.range, of: stretch.branch) { row in
        let own = try FreshBlockCoding.decodeAreas(row.areas)
        guard own.contains(where: { area in areas.contains { $0.overlaps(area) } }) else { return true }
        let block = try table.block(of: row)
        for extent in block.extents {
          if areas.contains(where: { $0.overlaps(extent.range) }) { found.extents.append((extent, block)) }
        }
        return true
      }
      return found
    }
  }

  private func withholding(_ blocks: [Block], from steps: [Step]) -> [Step] {
    var touching = TouchedRanges()
    var owners: [(block: Int, extent: Int)] = []
    for (index, block) in blocks.enumerated() {
      for (place, entry) in block.extents.enumerated() {
        touching.add([NetOperations.range(of: entry.extent.range, base: table.store.base)], of: owners.count)
        owners.append((index, place))
      }
    }
    addOperations(of: steps, to: &touching, as: owners.count)
    var steps = steps
    // The order of the blocks, and within one of the addresses; before what the step does with them.
    for owner in touching.overlapping().filter({ $0 < owners.count }).sorted(by: >).map({ owners[$0] }) {
      let (extent, block) = blocks[owner.block].extents[owner.extent]
      let index = blocks[owner.block].step
      steps[index].update.content.operations.insert(.write(block.write(of: extent)), at: 0)
      steps[index].stretch?.withheld.append(extent.range)
    }
    return steps
  }
}
