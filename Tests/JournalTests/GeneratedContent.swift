import Addressing
import Journal

/// Valid updates of every shape, without a meaning: for the laws of the coding.
struct ContentGenerator {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func content() -> UpdateContent {
    let operations = (0..<number(to: 6)).map { _ in operation() }
    var content = UpdateContent(
      time: Int64(bitPattern: random.next()), author: text(), message: text(), sourceRevision: maybe { $0.text() },
      operations: operations, atoms: (0..<number(to: 4)).map { _ in atom(operationCount: operations.count) },
      guards: (0..<number(to: 3)).map { _ in barrier() }, cursors: cursors(),
      types: (0..<number(to: 2)).map { _ in
        TypeLayout(name: text(), byteCount: random.next(), layout: text())
      }, sources: flag() ? sources() : .empty)
    if content.sources == .empty, flag() { content.observation = observation() } else { addDefiners(to: &content) }
    return content
  }

  private mutating func addDefiners(to content: inout UpdateContent) {
    let units = [CompilationUnit(name: "a.c"), CompilationUnit(name: "a.c", ordinal: 1), CompilationUnit(name: text())]
    for index in content.atoms.indices { content.atoms[index].definer = maybe { units[$0.number(to: 2)] } }
  }

  private mutating func observation() -> Observation {
    var start: UInt64 = 0
    let places = (0..<number(to: 3)).map { _ in
      start += UInt64(number(to: 5000))
      let range = AddressRange(start: VirtualAddress(start), byteCount: 1 + UInt64(number(to: 400)))
      start = range.end.rawValue
      return Observation.Place(range: range, fileOffset: FileOffset(UInt64(number(to: 100_000))))
    }
    return Observation(before: observedFile(), after: observedFile(), places: places)
  }

  private mutating func observedFile() -> Observation.File {
    Observation.File(
      digest: .sha256(of: Array(text().utf8)), byteCount: UInt64(number(to: 1_000_000)), identity: Array(text().utf8))
  }

  private mutating func sources() -> SourceMap {
    let files = (0...number(to: 2)).map { "\($0)/" + text() }
    var start: UInt64 = 0
    let bodies = (0...number(to: 2)).map { _ in
      start += UInt64(number(to: 5000))
      let byteCount = UInt32(40 + number(to: 400))
      defer { start += UInt64(byteCount) }
      var offset = UInt32(number(to: 4))
      var rows: [BodyLines.Row] = []
      while offset < byteCount {
        rows.append(BodyLines.Row(offset: offset, file: number(to: files.count - 1), line: UInt32(number(to: 5000))))
        offset += 1 + UInt32(number(to: 30))
      }
      return BodyLines(start: VirtualAddress(start), byteCount: byteCount, rows: rows)
    }
    return SourceMap(files: files, bodies: bodies)
  }

  mutating func operation() -> Journal.Operation {
    switch number(to: 5) {
    case 0: .write(write())
    case 1: .resize(ResizeOperation(before: word(), after: word()))
    case 2:
      .pointer(
        PointerOperation(
          cell: cell(), before: maybe { $0.address() }, after: maybe { $0.address() }, wordBefore: word(),
          wordAfter: word(), records: records(), initial: initial(), isFresh: flag()))
    case 3:
      .bind(
        BindOperation(
          cell: cell(), before: maybe { $0.symbol() }, after: maybe { $0.symbol() }, wordBefore: word(),
          wordAfter: word(), records: records(), initial: initial(), isFresh: flag()))
    case 4:
      .map(
        MapOperation(range: range(), protection: protection(), isMappedBefore: flag(), isMappedAfter: flag()))
    default: .protect(ProtectOperation(range: range(), found: protection(), wanted: protection()))
    }
  }

  mutating func write() -> WriteOperation {
    let count = number(to: 90)
    let before = bytes(count)
    if flag() {
      return WriteOperation(place: .file(FileOffset(address().rawValue)), before: before, after: bytes(count))
    }
    let start = address()
    var after = bytes(count)
    var fixups: [Fixup] = []
    var offset = number(to: 12)
    while offset + 8 <= count {
      let fixup = Fixup(
        offset: UInt32(offset), kind: Fixup.Kind.allCases.randomElement(using: &random) ?? .relative32,
        target: address(), addend: Int64(truncatingIfNeeded: Int(number(to: 4000)) - 2000))
      let field = offset..<offset + fixup.byteCount
      after.replaceSubrange(field, with: fixup.fieldBytes(in: start, over: after[field]))
      fixups.append(fixup)
      offset += fixup.byteCount + number(to: 20)
    }
    return WriteOperation(
      place: .virtual(start), before: before, after: after, fixups: fixups, initial: initial(), isFresh: flag())
  }

  private mutating func atom(operationCount: Int) -> AtomChange {
    AtomChange(
      atom: AtomIdentity(
        name: text(), unit: maybe { $0.text() }, unitOrdinal: UInt32(number(to: 3)),
        enclosingFunction: maybe { $0.text() }, variant: maybe { $0.text() }),
      atomKind: AtomKind.allCases.randomElement(using: &random) ?? .function,
      change: AtomChange.Kind.allCases.randomElement(using: &random) ?? .added, before: maybe { $0.placement() },
      after: maybe { $0.placement() },
      operations: operationCount == 0 ? [] : (0..<number(to: 3)).map { _ in number(to: operationCount - 1) },
      typeDigest: maybe { $0.text() })
  }

  private mutating func placement() -> Placement {
    let body = range()
    return Placement(
      body: body, capacity: body.byteCount + UInt64(number(to: 64)), entry: maybe { $0.address() },
      cell: maybe { $0.address() })
  }

  private mutating func barrier() -> Guard {
    Guard(
      range: range(), reach: Guard.Reach.allCases.randomElement(using: &random) ?? .whole,
      reason: Guard.Reason.allCases.randomElement(using: &random) ?? .overwritten,
      direction: Guard.Direction.allCases.randomElement(using: &random) ?? .both, function: text())
  }

  private mutating func cursors() -> ArenaCursors {
    ArenaCursors(
      code: address(), constants: address(), cells: address(), data: address(), flags: address(),
      relocations: UInt32(number(to: 900)), dynamicSymbols: .max, unwindEntries: 0,
      dynamicStrings: UInt32(number(to: 900)), versionNeeds: 3, unwindBytes: UInt32(number(to: 900)))
  }

  private mutating func symbol() -> ImportedSymbol {
    ImportedSymbol(
      name: text(), version: maybe { $0.text() }, library: maybe { $0.text() }, addend: Int64(number(to: 9)) - 4)
  }

  private mutating func records() -> [FileEdit] {
    (0..<number(to: 2)).map { _ in
      let count = number(to: 30)
      return FileEdit(offset: FileOffset(address().rawValue), before: bytes(count), after: bytes(count))
    }
  }

  private mutating func initial() -> InitialRoom? {
    switch number(to: 3) {
    case 0: nil
    case 1: .existing
    case 2: .moved(from: address())
    default: .new(flag: address())
    }
  }

  private mutating func range() -> AddressRange { AddressRange(start: address(), byteCount: UInt64(number(to: 5000))) }
  private mutating func protection() -> PageProtection { PageProtection(rawValue: UInt8(number(to: 7))) }
  private mutating func address() -> VirtualAddress { VirtualAddress(random.next() >> UInt64(17 + number(to: 40))) }
  private mutating func cell() -> VirtualAddress { VirtualAddress(address().rawValue & ~7) }
  private mutating func word() -> UInt64 { random.next() >> UInt64(number(to: 63)) }
  private mutating func flag() -> Bool { Bool.random(using: &random) }
  private mutating func number(to limit: Int) -> Int { Int.random(in: 0...limit, using: &random) }
  private mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  private mutating func text() -> String {
    ["", "main", "n", "größe", "a.c", "GLIBC_2.2.5", "reallymarkobject", "行", "x\ny"].randomElement(using: &random)
      ?? ""
  }

  private mutating func maybe<Value>(_ body: (inout Self) -> Value) -> Value? {
    flag() ? body(&self) : nil
  }
}
