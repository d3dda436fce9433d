import Addressing

/// The operations of several updates as fewer ones: what is written over again is written once.
///
/// Operations are put together only where that leaves every plan made of them as it was, for files and tasks, forward and
/// back: bytes that were there before over such bytes, a cell's targets one after the other. What came into use with the first of
/// them (`isFresh`) stays an operation by itself, for a task that goes back keeps it. Everything else is kept as it is, in its order.
struct NetOperations {
  /// An operation, and which of the given ones went into it.
  struct Item {
    var operation: Operation
    var sources: [Int]
    fileprivate var ranges: [Range]
  }

  /// Bytes of the image file; of memory where no file holds them; the file's length.
  struct Range {
    enum Space: Int { case file, memory, length }

    var space: Space
    var start: UInt64
    var end: UInt64

    func overlaps(_ other: Range) -> Bool { space == other.space && start < other.end && other.start < end }
  }

  private let base: BaseImage

  /// The items, in an order in which they can be executed.
  static func items(of operations: [Operation], base: BaseImage) -> [Item] {
    let net = NetOperations(base: base)
    var alone: [Item] = []
    var single: [Operation: Int] = [:]
    var written: [Item] = []
    for (index, operation) in operations.enumerated() {
      let item = Item(operation: operation, sources: [index], ranges: net.ranges(of: operation))
      if !item.ranges.isEmpty {
        written.append(item)
      } else if let known = single[operation] {
        // A range that is mapped or made writable twice is so once.
        alone[known].sources.append(index)
      } else {
        single[operation] = alone.count
        alone.append(item)
      }
    }
    let groups = net.groups(written).map(net.merged)
    // The order within an update, but for groups in which that would change what comes after what.
    let (sorted, unsorted) = (groups.filter(\.isSorted), groups.filter { !$0.isSorted })
    let ordinary = (alone + sorted.flatMap(\.self)).sorted {
      ($0.operation.rank, $0.sources[0]) < ($1.operation.rank, $1.sources[0])
    }
    return ordinary + unsorted.flatMap(\.self)
  }

  /// Of each operation whether no other one touches the same bytes.
  static func areAlone(_ operations: [Operation], base: BaseImage) -> [Bool] {
    let net = NetOperations(base: base)
    let items = operations.map { Item(operation: $0, sources: [], ranges: net.ranges(of: $0)) }
    var touching = TouchedRanges()
    for (index, item) in items.enumerated() { touching.add(item.ranges, of: index) }
    var isAlone = [Bool](repeating: true, count: operations.count)
    for index in touching.overlapping() { isAlone[index] = false }
    return isAlone
  }

  /// What an operation touches, in a file and in memory.
  static func ranges(of operation: Operation, base: BaseImage) -> [Range] {
    NetOperations(base: base).ranges(of: operation)
  }

  /// - Parameter range: within one segment of the image.
  static func range(of range: AddressRange, base: BaseImage) -> Range {
    NetOperations(base: base).range(of: .virtual(range.start), count: Int(clamping: range.byteCount))
  }

  // MARK: What touches what

  private func ranges(of operation: Operation) -> [Range] {
    switch operation {
    case .write(let write): [range(of: write.place, count: write.after.count)]
    case .pointer(let pointer): ranges(cell: pointer.cell, pointer.records)
    case .bind(let bind): ranges(cell: bind.cell, bind.records)
    case .resize: [Range(space: .length, start: 0, end: 1)]
    case .map, .protect: []
    }
  }

  private func ranges(cell: VirtualAddress, _ records: [FileEdit]) -> [Range] {
    [range(of: .virtual(cell), count: 8)] + records.map { range(of: .file($0.offset), count: $0.after.count) }
  }

  private func range(of place: WriteOperation.Place, count: Int) -> Range {
    switch place {
    case .file(let offset): Range(space: .file, start: offset.rawValue, end: offset.rawValue &+ UInt64(count))
    case .virtual(let address):
      if let offset = base.fileOffset(of: address) {
        Range(space: .file, start: offset.rawValue, end: offset.rawValue &+ UInt64(count))
      } else {
        Range(space: .memory, start: address.rawValue, end: address.rawValue &+ UInt64(count))
      }
    }
  }

  /// Those that touch the same bytes, directly or through others, each group in the given order.
  private func groups(_ items: [Item]) -> [[Item]] {
    var roots = Array(items.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while roots[index] != index {
        roots[index] = roots[roots[index]]
        index = roots[index]
      }
      return index
    }
    let ranges = items.indices.flatMap { index in items[index].ranges.map { (range: $0, item: index) } }
      .filter { $0.range.start < $0.range.end }
      .sorted { ($0.range.space.rawValue, $0.range.start) < ($1.range.space.rawValue, $1.range.start) }
    var open: (range: Range, item: Int)?
    for next in ranges {
      if var current = open, current.range.overlaps(next.range) {
        let (one, other) = (root(current.item), root(next.item))
        roots[max(one, other)] = min(one, other)
        current.range.end = max(current.range.end, next.range.end)
        open = current
      } else {
        open = next
      }
    }
    var groups: [Int: [Item]] = [:]
    for index in items.indices { groups[root(index), default: []].append(items[index]) }
    return groups.sorted { $0.key < $1.key }.map(\.value)
  }

  // MARK: Putting together

  private func merged(_ group: [Item]) -> [Item] {
    if group.count == 1 { return group }
    var result: [Item] = []
    for item in group { add(item, to: &result) }
    return result
  }

  private func add(_ item: Item, to result: inout [Item]) {
    // Only the last one that touches the same bytes can take it in: what lies between must not change places with it.
    let last = result.lastIndex { other in
      other.ranges.contains { range in item.ranges.contains { $0.overlaps(range) } }
    }
    guard let last else { return result.append(item) }
    switch (result[last].operation, item.operation) {
    case (.write(let earlier), .write(let later)) where earlier.isMergeable(with: later):
      guard let parts = later.parts(within: earlier) else { return result.append(item) }
      result[last].operation = .write(earlier.overlaid(by: parts.inside))
      result[last].sources += item.sources
      for rest in parts.outside {
        let ranges = [range(of: rest.place, count: rest.after.count)]
        add(Item(operation: .write(rest), sources: item.sources, ranges: ranges), to: &result)
      }
    case (.pointer(let earlier), .pointer(let later)) where earlier.isMergeable(with: later):
      result[last].operation = .pointer(earlier.followed(by: later))
      result[last].sources += item.sources
      result[last].ranges = ranges(of: result[last].operation)
    case (.bind(let earlier), .bind(let later)) where earlier.isMergeable(with: later):
      result[last].operation = .bind(earlier.followed(by: later))
      result[last].sources += item.sources
      result[last].ranges = ranges(of: result[last].operation)
    case (.resize(let earlier), .resize(let later)) where earlier.after == later.before:
      result[last].operation = .resize(ResizeOperation(before: earlier.before, after: later.after))
      result[last].sources += item.sources
    default: result.append(item)
    }
  }
}

extension [NetOperations.Item] {
  fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0.operation.rank <= $1.operation.rank } }
}

extension Operation {
  /// Its place in the order within an update. A file grows before what is behind its end is written.
  fileprivate var rank: Int {
    switch self {
    case .map: 0
    case .protect: 1
    case .write(let write): write.initial == nil ? 2 : 3
    case .pointer(let pointer): pointer.initial == nil ? 4 : 3
    case .bind(let bind): bind.initial == nil ? 5 : 3
    case .resize(let resize): resize.after > resize.before ? -1 : 6
    }
  }
}

extension WriteOperation {
  fileprivate func isMergeable(with later: WriteOperation) -> Bool {
    !isFresh && !later.isFresh && initial == later.initial
  }

  /// The part of this write that lies within another one, and what is left of it on both sides; nil where one is told by its
  /// address and the other by its place in the file.
  fileprivate func parts(within other: WriteOperation) -> (inside: WriteOperation, outside: [WriteOperation])? {
    guard let start = place.distance(from: other.place) else { return nil }
    let end = start + Int64(after.count)
    let lower = Int(max(start, 0) - start)
    let upper = Int(min(end, Int64(other.after.count)) - start)
    guard lower < upper else { return nil }
    let outside = [0..<lower, upper..<after.count].filter { !$0.isEmpty }.map(part)
    return (part(lower..<upper), outside)
  }

  /// - Parameter range: within the write.
  private func part(_ range: Swift.Range<Int>) -> WriteOperation {
    WriteOperation(
      place: place.advanced(by: UInt64(range.lowerBound)), before: Array(before[range]), after: Array(after[range]),
      fixups: fixups.compactMap { $0.moved(by: -range.lowerBound, within: range.count) }, initial: initial,
      isFresh: isFresh)
  }

  /// - Parameter later: within this write.
  fileprivate func overlaid(by later: WriteOperation) -> WriteOperation {
    let start = Int(later.place.distance(from: place) ?? 0)
    let range = start..<start + later.after.count
    var result = self
    result.after.replaceSubrange(range, with: later.after)
    // A field that is written over in part follows from no address any more.
    let kept = fixups.filter { Int($0.offset) >= range.upperBound || Int($0.offset) + $0.byteCount <= range.lowerBound }
    result.fixups = (kept + later.fixups.compactMap { $0.moved(by: start, within: after.count) })
      .sorted { $0.offset < $1.offset }
    return result
  }
}

extension WriteOperation.Place {
  fileprivate func distance(from other: WriteOperation.Place) -> Int64? {
    switch (self, other) {
    case (.virtual(let one), .virtual(let other)): Int64(bitPattern: one.rawValue &- other.rawValue)
    case (.file(let one), .file(let other)): Int64(bitPattern: one.rawValue &- other.rawValue)
    case (.virtual, .file), (.file, .virtual): nil
    }
  }

  fileprivate func advanced(by count: UInt64) -> WriteOperation.Place {
    switch self {
    case .virtual(let address): .virtual(VirtualAddress(address.rawValue &+ count))
    case .file(let offset): .file(FileOffset(offset.rawValue &+ count))
    }
  }
}

extension Fixup {
  /// Nil where it would not lie within so many bytes.
  fileprivate func moved(by distance: Int, within count: Int) -> Fixup? {
    let start = Int(offset) + distance
    guard start >= 0, start + byteCount <= count, let narrow = UInt32(exactly: start) else { return nil }
    return Fixup(offset: narrow, kind: kind, target: target, addend: addend)
  }
}

extension PointerOperation {
  fileprivate func isMergeable(with later: PointerOperation) -> Bool {
    cell == later.cell && !isFresh && !later.isFresh && initial == later.initial && after == later.before
      && wordAfter == later.wordBefore
  }

  fileprivate func followed(by later: PointerOperation) -> PointerOperation {
    PointerOperation(
      cell: cell, before: before, after: later.after, wordBefore: wordBefore, wordAfter: later.wordAfter,
      records: records.followed(by: later.records), initial: initial)
  }
}

extension BindOperation {
  /// A cell that nothing is bound to keeps what a loader made of it: such an operation stands by itself.
  fileprivate func isMergeable(with later: BindOperation) -> Bool {
    cell == later.cell && !isFresh && !later.isFresh && initial == later.initial && wordAfter == later.wordBefore
      && before != nil && after != nil && after == later.before && later.after != nil
  }

  fileprivate func followed(by later: BindOperation) -> BindOperation {
    BindOperation(
      cell: cell, before: before, after: later.after, wordBefore: wordBefore, wordAfter: later.wordAfter,
      records: records.followed(by: later.records), initial: initial)
  }
}

extension [FileEdit] {
  /// Edits of the same bytes become one; others stay one after the other.
  fileprivate func followed(by later: [FileEdit]) -> [FileEdit] {
    var result = self
    for edit in later {
      let touching = result.indices.filter { result[$0].touches(edit) }
      if touching.count == 1, result[touching[0]].offset == edit.offset, result[touching[0]].after == edit.before {
        result[touching[0]].after = edit.after
      } else {
        result.append(edit)
      }
    }
    return result
  }
}

extension FileEdit {
  fileprivate func touches(_ other: FileEdit) -> Bool {
    offset.rawValue < other.offset.rawValue &+ UInt64(other.after.count)
      && other.offset.rawValue < offset.rawValue &+ UInt64(after.count)
  }
}
