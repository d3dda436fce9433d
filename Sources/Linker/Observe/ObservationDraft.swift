import Addressing
import Journal

/// Puts together the operations of one observed update, as far as memory is concerned: pointers first, then atoms, then
/// whatever else differs.
struct ObservationDraft {
  let before: ObservedImage
  let after: ObservedImage
  let base: BaseImage
  let superseded: [PlacedAtom]
  /// Memory that the image after has nothing in any more.
  let formerMemory: (AddressRange) throws(JournalError) -> [UInt8]
  var memory: ParentMemory
  var draft: UpdateDraft
  private(set) var cursors: ArenaCursors
  private(set) var notes: [LinkNote] = []
  var guards: CodeGuards
  private let callSites: CallSites
  private let placements: ObservedPlacements
  /// Indexes of the operations on pointers, by what they point at before or after.
  var pointerOperations: [VirtualAddress: [Int]] = [:]

  init(
    before: ObservedImage, after: ObservedImage, base: BaseImage, superseded: [PlacedAtom], memory: ParentMemory,
    cursors: ArenaCursors, formerMemory: @escaping (AddressRange) throws(JournalError) -> [UInt8]
  ) {
    self.before = before
    self.after = after
    self.base = base
    self.superseded = superseded
    self.formerMemory = formerMemory
    self.memory = memory
    self.cursors = cursors
    draft = UpdateDraft(segments: after.segments.map { Segment($0, after.pageByteCount) })
    callSites = CallSites(before: before, after: after)
    placements = ObservedPlacements(before: before, after: after)
    guards = CodeGuards(before: before, after: after, superseded: superseded, memory: memory)
  }

  /// In the model's order, the atoms' indexes following them.
  mutating func finished() -> (operations: [Operation], atoms: [AtomChange], guards: [Guard]) { draft.finished() }

  mutating func make() throws(LinkError) {
    addMaps()
    addImports()
    addPointers()
    for pair in AtomPairs.of(before, after) { try add(pair) }
    addRest()
    try addForwarding()
    for added in try guards.all() { draft.add(added) }
  }

  /// A jump that is written over the beginning of an old body.
  mutating func add(
    _ jump: WriteOperation, replacing body: AddressRange, _ bytes: [UInt8], function: String
  ) throws(LinkError) {
    draft.add(.write(jump))
    draft.add(try guards.jump(jump.after.count, over: body, bytes, function: function))
  }

  // MARK: Maps

  /// Pages that the image before did not have, nor the base: those that an earlier update has mapped stay mapped. And
  /// pages that had another protection.
  private mutating func addMaps() {
    let former = before.segments.map { ($0.pages(of: before.pageByteCount), $0.protection) }
    let known = former + base.segments.map { ($0.range, $0.protection) }
    for segment in after.segments {
      var free = [segment.pages(of: after.pageByteCount)]
      for (range, protection) in known {
        for part in free {
          guard let common = part.intersection(range), protection != segment.protection else { continue }
          addMap(common, segment.protection, wasMapped: true)
        }
        free = free.flatMap { $0.subtracting(range) }
      }
      for range in free { addMap(range, segment.protection, wasMapped: false) }
    }
  }

  private mutating func addMap(_ range: AddressRange, _ protection: PageProtection, wasMapped: Bool) {
    draft.add(
      .map(MapOperation(range: range, protection: protection, isMappedBefore: wasMapped, isMappedAfter: true)))
  }

  // MARK: Atoms

  private mutating func add(_ pair: AtomPair) throws(LinkError) {
    guard let after = pair.after else {
      if let before = pair.before { add(pair, .removed, placements.before(before), nil, []) }
      return
    }
    guard let before = pair.before else {
      return add(pair, .added, nil, placements.after(after), write(after, isNew: true))
    }
    if !pair.stays {
      if self.after.isVariable(after.range) {
        notes.append(LinkNote(kind: .variableMoved, subject: pair.identity.name))
      }
      return add(
        pair, .moved, placements.before(before), placements.after(after), write(after, isNew: true, from: before.range))
    }
    try addStaying(pair, before, after)
  }

  private mutating func addStaying(
    _ pair: AtomPair, _ before: ObservedSymbol, _ after: ObservedSymbol
  ) throws(LinkError) {
    guard let bytes = memory.bytes(after.range) else { return }
    let isSame = bytes.before == bytes.after
    if isSame, before.range == after.range { return }
    // A symbol without a size: what has come or gone behind the body is not the body's.
    if self.after.hasDerivedSizes, before.range.byteCount != after.range.byteCount {
      let common = Int(clamping: min(before.range.byteCount, after.range.byteCount))
      if bytes.before.prefix(common) == bytes.after.prefix(common) { return }
    }
    if pair.isFunction, before.range == after.range,
      let patched = try callSites.patched(in: after.range, bytes.before, bytes.after)
    {
      for instruction in patched { add(instruction) }
      return
    }
    add(
      pair, .rewritten, placements.before(before), placements.after(after),
      isSame ? [] : write(after, isNew: false, known: before.range))
  }

  private mutating func add(
    _ pair: AtomPair, _ change: AtomChange.Kind, _ before: Placement?, _ after: Placement?, _ operations: [Int]
  ) {
    let range = pair.after?.range ?? pair.before?.range
    let isVariable = range.map(self.after.isVariable) ?? false
    let targets = Set([before?.body.start, after?.body.start].compactMap { $0 })
    let pointers = targets.flatMap { pointerOperations[$0] ?? [] }
    draft.add(
      AtomChange(
        atom: pair.identity, atomKind: pair.isFunction ? .function : isVariable ? .variable : .constant,
        change: change, before: before, after: after, operations: Set(operations + pointers).sorted()))
  }

  /// The whole body, around the pointers in it.
  private mutating func write(
    _ symbol: ObservedSymbol, isNew: Bool, known: AddressRange? = nil, from origin: AddressRange? = nil
  ) -> [Int] {
    let isVariable = after.isVariable(symbol.range)
    var flag: VirtualAddress?
    let moved = origin.flatMap { before.isVariable($0) ? InitialRoom.moved(from: $0.start) : nil }
    if isVariable, moved == nil, isNew || (known.map { $0.end < symbol.range.end } ?? false) { flag = nextFlag() }
    let isFresh = isNew && symbol.kind == .function && guards.isFresh(symbol.range)
    var indexes: [Int] = []
    for piece in memory.claim(symbol.range) {
      // What a variable has grown by is new; what it had before is the program's.
      for part in isNew ? [piece] : piece.split(at: known?.end ?? piece.end) {
        guard let bytes = memory.bytes(part) else { continue }
        let isOld = !isNew && (known?.contains(part) ?? true)
        if isOld, isVariable, bytes.before == bytes.after { continue }
        let fresh = moved ?? flag.map { .new(flag: $0) } ?? .existing
        let initial: InitialRoom? = !isVariable ? nil : isOld ? .existing : fresh
        indexes.append(
          draft.add(
            .write(
              WriteOperation(
                place: .virtual(part.start), before: bytes.before, after: bytes.after, initial: initial,
                isFresh: isFresh))))
      }
    }
    if let flag {
      indexes.append(
        draft.add(
          .write(WriteOperation(place: .virtual(flag), before: [0], after: [1], initial: .new(flag: flag)))))
    }
    return indexes
  }

  /// One byte for each new variable, as long as there are some: beyond them a variable is like one that was always
  /// there.
  private mutating func nextFlag() -> VirtualAddress? {
    guard base.arena.flags.contains(cursors.flags), let next = cursors.flags.advanced(by: 1) else { return nil }
    defer { cursors.flags = next }
    return cursors.flags
  }

  private mutating func add(_ instruction: PatchedInstruction) {
    guard memory.claim(instruction.range).first == instruction.range, let bytes = memory.bytes(instruction.range) else {
      return
    }
    var fixups: [Fixup] = []
    if let offset = instruction.fieldOffset {
      let place = instruction.range.start
      let trailing = Int64(instruction.range.byteCount) - Int64(offset)
      let fixup = Fixup(offset: UInt32(offset), kind: .relative32, target: instruction.target, addend: -trailing)
      let field = Array(bytes.after[offset..<min(offset + 4, bytes.after.count)])
      if fixup.fieldBytes(in: place) == field { fixups.append(fixup) }
    }
    draft.add(
      .write(
        WriteOperation(
          place: .virtual(instruction.range.start), before: bytes.before, after: bytes.after, fixups: fixups)))
    guards.patched(instruction.range)
  }

  // MARK: The rest

  /// What belongs to no atom that changed: trampolines, tables, anonymous data.
  private mutating func addRest() {
    for range in memory.differences(unclaimedOnly: true, gap: 16) {
      guard let bytes = memory.bytes(range) else { continue }
      var initial: InitialRoom?
      // Data without a name in fresh room is new; elsewhere the program may have written it.
      if after.isVariable(range) {
        let flag = bytes.before.allSatisfy { $0 == 0 } ? nextFlag() : nil
        initial = flag.map { .new(flag: $0) } ?? .existing
        if let flag {
          draft.add(
            .write(WriteOperation(place: .virtual(flag), before: [0], after: [1], initial: .new(flag: flag))))
        }
      }
      draft.add(
        .write(
          WriteOperation(place: .virtual(range.start), before: bytes.before, after: bytes.after, initial: initial)))
    }
  }
}

extension AddressRange {
  func split(at address: VirtualAddress) -> [AddressRange] {
    guard contains(address), address != start else { return [self] }
    let count = address.rawValue - start.rawValue
    return [
      AddressRange(start: start, byteCount: count), AddressRange(start: address, byteCount: byteCount - count),
    ]
  }
}

extension Segment {
  init(_ observed: ObservedSegment, _ pageByteCount: UInt64) {
    self.init(
      range: observed.pages(of: pageByteCount), fileOffset: observed.fileOffset,
      fileByteCount: observed.fileByteCount, protection: observed.protection, isPartOfArena: false)
  }
}
