import Addressing
import GRDB

extension JournalStore {
  /// The way from one update to another, in as few steps as the journal has: what `steps(from:to:)` comes to, each byte once.
  ///
  /// Throws `malformedStretch` where what is kept of many updates is not what it was; the updates themselves may be whole.
  public func netSteps(from: Digest, to: Digest) throws(JournalError) -> [Step] {
    try lookUp { db in
      let origin = try lineage(of: from, in: db)
      let destination = try lineage(of: to, in: db)
      let shared = origin.shared(with: destination)
      let back = try line(from: origin.number, backTo: shared, .backward, db)
      let forward = try line(from: destination.number, backTo: shared, .forward, db)
      return try FreshBytesInTheWay(table: StretchTable(db: db, store: self)).withheld(from: back + forward.reversed())
    }
  }

  /// Makes the stretches of all updates that are there, as `append` makes them when the last update of each is recorded.
  func keepStretches(width: Int64 = StretchTable.width) throws(JournalError) {
    let last = try lookUp { try $0.first("SELECT ifnull(max(number), 0) FROM update_entry") { try $0.integer(0) } ?? 0 }
    var number = width
    while number <= last {
      // Parts: a transaction of a million updates would keep all of them in SQLite's cache.
      number = try write { db in
        var number = number
        for _ in 0..<width where number <= last {
          try StretchTable(db: db, store: self, width: width).extend(upTo: number)
          number += width
        }
        return number
      }
    }
  }

  /// Newest first.
  private func line(
    from number: Int64, backTo first: Int64, _ direction: Direction, _ db: Database
  ) throws -> [Step] {
    let table = StretchTable(db: db, store: self)
    let shortcuts = ShortcutTable(db: db, store: self)
    var steps: [Step] = []
    var current = number
    while current > first {
      if let row = try table.longest(leadingTo: current, notBefore: first) {
        steps.append(try step(along: row, direction, table, shortcuts))
        current = row.range.from.rawValue
        continue
      }
      guard let parent = try shortcuts.position(before: current), parent < current else {
        throw JournalError(.damaged, update: UpdateNumber(current), detail: "its parent does not come before it")
      }
      steps.append(Step(update: try update(current, in: db), direction: direction))
      current = parent
    }
    return steps
  }

  private func step(
    along row: StretchTable.Row, _ direction: Direction, _ table: StretchTable, _ shortcuts: ShortcutTable
  ) throws -> Step {
    let update = Update(
      number: row.range.to, digest: try shortcuts.digest(of: row.range.to),
      parent: try shortcuts.digest(of: row.range.from), content: try table.content(of: row))
    let (areas, blockCount) = try table.areas(in: row.range, of: row.branch)
    let stretch = Stretch(
      range: row.range, runs: try table.runs(in: row.range, of: row.branch), areas: areas,
      branch: row.branch, blockCount: blockCount, store: self)
    return Step(update: update, direction: direction, stretch: stretch)
  }
}

extension Lineage {
  /// The number of the last update on both ways.
  func shared(with other: Lineage) -> Int64 {
    var shared: Int64 = 0
    for reach in path {
      for case let match in other.path where match.branch == reach.branch {
        shared = max(shared, min(reach.limit, match.limit))
      }
    }
    return shared
  }
}

extension Stretch {
  /// The bytes that came into use, but for those that are among the step's operations: one block after the other, each given out
  /// only when it is what its digest says.
  ///
  /// - Parameter body: whether to go on. What it throws ends it as well, and is returned.
  public func forEachBlock<Failure: Error>(
    _ body: (FreshBlock) throws(Failure) -> Bool
  ) throws(JournalError) -> Result<Bool, Failure> {
    var failure: Failure?
    var goesOn = true
    let withheld = Set(withheld)
    try store.lookUp { db in
      let table = StretchTable(db: db, store: store)
      var count = 0
      try table.blocks(in: range, of: branch) { row in
        count += 1
        var block = try table.block(of: row)
        if !withheld.isEmpty {
          block.extents.removeAll { withheld.contains($0.range) }
        }
        do throws(Failure) { goesOn = try body(block) } catch { failure = error }
        return goesOn && failure == nil
      }
      guard !goesOn || failure != nil || count == blockCount else {
        throw JournalError(.malformedStretch, update: range.to, detail: "\(count) of \(blockCount) blocks are there")
      }
    }
    return failure.map(Result.failure) ?? .success(goesOn)
  }
}

extension Step {
  /// The same step with all of its bytes among its operations.
  public func withFreshBytes() throws(JournalError) -> Step {
    guard let stretch else { return self }
    var writes: [Operation] = []
    _ = try stretch.forEachBlock { (block) throws(JournalError) in
      writes += block.extents.map { .write(block.write(of: $0)) }
      return true
    }.get()
    var step = self
    step.stretch = nil
    step.update.content.operations = writes + update.content.operations
    return step
  }
}
