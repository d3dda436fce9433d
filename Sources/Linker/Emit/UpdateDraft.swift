import Addressing
import Journal
import ObjectFile

/// An update while it is put together: operations in the order in which they come up, sorted when it is done.
struct UpdateDraft {
  private var operations: [Operation] = []
  private(set) var atoms: [AtomChange] = []
  private(set) var guards: [Guard] = []
  private let segments: [Segment]

  init(base: BaseImage) { self.init(segments: base.segments) }

  /// - Parameter segments: what the image's pages allow.
  init(segments: [Segment]) { self.segments = segments }

  /// Returns the operation's index for `AtomChange.operations`.
  @discardableResult
  mutating func add(_ operation: Operation) -> Int {
    operations.append(operation)
    return operations.count - 1
  }

  mutating func add(_ change: AtomChange) { atoms.append(change) }

  /// Adds the operations to the changes of functions whose new bodies lie in the range.
  mutating func attach(_ operations: [Int], toBodiesIn range: AddressRange) {
    for index in atoms.indices where atoms[index].after.map({ range.contains($0.body) }) ?? false {
      atoms[index].operations += operations
    }
  }

  /// What new bodies in the range may fill.
  mutating func setCapacity(_ byteCount: UInt64, ofBodiesIn range: AddressRange) {
    for index in atoms.indices where atoms[index].after.map({ range.contains($0.body) }) ?? false {
      atoms[index].after?.capacity = byteCount
    }
  }

  /// What the update writes elsewhere that leads into the range, as far as it is in another one.
  func writes(leadingInto range: AddressRange, in others: AddressRange) -> [AddressRange] {
    operations.compactMap { operation in
      guard case .write(let write) = operation, case .virtual(let start) = write.place, !range.contains(start),
        write.fixups.contains(where: { range.contains($0.target) }),
        let place = AddressRange(validating: start, byteCount: UInt64(write.after.count)), others.contains(place)
      else { return nil }
      return place
    }
  }

  mutating func add(_ added: Guard) {
    if !guards.contains(added) { guards.append(added) }
  }

  /// The operations in the model's order (map, protect, write, pointer, bind), the atoms' indexes following them.
  mutating func finished() -> (operations: [Operation], atoms: [AtomChange], guards: [Guard]) {
    for range in protectedRanges() {
      operations.append(.protect(range))
    }
    let order = order()
    var position = [Int](repeating: 0, count: operations.count)
    for (new, old) in order.enumerated() { position[old] = new }
    let atoms = atoms.map { atom in
      var atom = atom
      atom.operations = atom.operations.map { position[$0] }.sorted()
      return atom
    }
    return (order.map { operations[$0] }, atoms, guards)
  }

  private func order() -> [Int] {
    let cleared = clearedWords()
    let ranks = operations.map { rank($0, cleared) }
    return operations.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
  }

  // MARK: The file

  /// Says what a file holds at the cells of pointers and imports, where that is known only now. What was no pointer before,
  /// or is none afterwards, is 0: numbers are written by operations of their own.
  ///
  /// - Parameter words: nil leaves what the operation says.
  mutating func setWords(
    _ words: (_ cell: VirtualAddress) throws(ObjectFileError) -> (before: UInt64, after: UInt64)?
  ) throws(ObjectFileError) {
    for index in operations.indices {
      switch operations[index] {
      case .pointer(var pointer):
        guard let found = try words(pointer.cell) else { continue }
        pointer.wordBefore = pointer.before == nil ? 0 : found.before
        pointer.wordAfter = pointer.after == nil ? 0 : found.after
        operations[index] = .pointer(pointer)
      case .bind(var bind):
        guard let found = try words(bind.cell) else { continue }
        bind.wordBefore = bind.before == nil ? 0 : found.before
        bind.wordAfter = bind.after == nil ? 0 : found.after
        operations[index] = .bind(bind)
      case .write, .map, .protect, .resize: break
      }
    }
  }

  /// What a file gets of the operations so far, in their order.
  ///
  /// - Parameter offset: where the file holds an address.
  func fileEdits(_ offset: (VirtualAddress) -> FileOffset?) -> [FileEdit] {
    order().flatMap { index -> [FileEdit] in
      func word(_ cell: VirtualAddress, _ before: UInt64, _ after: UInt64, _ records: [FileEdit]) -> [FileEdit] {
        let own = offset(cell).map {
          [FileEdit(offset: $0, before: before.littleEndianBytes, after: after.littleEndianBytes)]
        }
        return (own ?? []) + records
      }
      switch operations[index] {
      case .write(let write):
        let place: FileOffset?
        switch write.place {
        case .virtual(let start): place = offset(start)
        case .file(let start): place = start
        }
        return place.map { [FileEdit(offset: $0, before: write.before, after: write.after)] } ?? []
      case .pointer(let pointer):
        return word(pointer.cell, pointer.wordBefore, pointer.wordAfter, pointer.records)
      case .bind(let bind): return word(bind.cell, bind.wordBefore, bind.wordAfter, bind.records)
      case .map, .protect, .resize: return []
      }
    }
  }

  /// Words that stop being pointers: a number that follows is written afterwards.
  private func clearedWords() -> Set<VirtualAddress> {
    var words: Set<VirtualAddress> = []
    for operation in operations {
      switch operation {
      case .pointer(let pointer) where pointer.after == nil: words.insert(pointer.cell)
      case .bind(let bind) where bind.after == nil: words.insert(bind.cell)
      default: break
      }
    }
    return words
  }

  private func rank(_ operation: Operation, _ cleared: Set<VirtualAddress>) -> Int {
    switch operation {
    case .map: 0
    case .protect: 1
    case .write(let write) where write.isFresh: 2
    case .write(let write) where write.isIn(cleared): 7
    case .write(let write) where write.initial == nil: 3
    case .write: 4
    case .bind(let bind) where bind.after == nil: 5
    case .pointer: 6
    case .bind: 8
    case .resize: 9
    }
  }

  // MARK: Protection

  private static let pageByteCount: UInt64 = 4096

  /// Each run of pages that the operations write and the image does not leave writable.
  private func protectedRanges() -> [ProtectOperation] {
    var pages: Set<UInt64> = []
    for operation in operations {
      guard let range = operation.writtenAddresses, !range.isEmpty else { continue }
      var page = range.start.alignedDown(to: Self.pageByteCount).rawValue
      while page < range.end.rawValue {
        pages.insert(page)
        page += Self.pageByteCount
      }
    }
    var result: [ProtectOperation] = []
    for page in pages.sorted() {
      guard let segment = segments.first(where: { $0.range.contains(VirtualAddress(page)) || $0.touches(page: page) }),
        !segment.protection.contains(.write)
      else { continue }
      append(page, segment.protection, to: &result)
    }
    return result
  }

  private func append(_ page: UInt64, _ found: PageProtection, to runs: inout [ProtectOperation]) {
    if let last = runs.last, last.range.end.rawValue == page, last.found == found {
      let range = AddressRange(start: last.range.start, byteCount: last.range.byteCount + Self.pageByteCount)
      runs[runs.count - 1] = ProtectOperation(range: range, found: found, wanted: last.wanted)
      return
    }
    let range = AddressRange(start: VirtualAddress(page), byteCount: Self.pageByteCount)
    runs.append(ProtectOperation(range: range, found: found, wanted: found.union([.read, .write])))
  }
}

extension Segment {
  /// Whether the page that begins at `page` holds any of the segment: segments need not begin at a page.
  fileprivate func touches(page: UInt64) -> Bool {
    range.overlaps(AddressRange(start: VirtualAddress(page), byteCount: 4096))
  }
}

extension WriteOperation {
  fileprivate func isIn(_ words: Set<VirtualAddress>) -> Bool {
    guard case .virtual(let start) = place else { return false }
    return words.contains(start)
  }
}
