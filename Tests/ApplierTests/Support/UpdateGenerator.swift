import Addressing
import Journal

/// Makes updates as the linker makes them, from a seed: bodies, entry stubs, cells, imports, variables, constants, in
/// any mixture.
///
/// It keeps the file as it is at every update it has made, so that the next one can be made on any of them.
struct UpdateGenerator {
  /// What the program and the file are at one update.
  struct State {
    var file: [UInt8]
    var position: TargetHeader.Position
    /// The cell of a function that has moved, and what it points at.
    var cells: [Int: (cell: VirtualAddress, target: VirtualAddress)] = [:]
    var variables: [(range: AddressRange, flag: VirtualAddress)] = []
    var bodies: [AddressRange] = []
    var constantPointer: VirtualAddress?
  }

  let layout: SmallLayout
  let base: BaseImage
  private(set) var updates: [Update] = []
  private(set) var states: [Digest: State]
  private var random: SplitMix
  private var cursors: ArenaCursors
  private var nextNumber: Int64 = 1

  private var operations: [Operation] = []
  private var guards: [Guard] = []
  private var state: State

  static let functionCount = 16
  static let functionByteCount: UInt64 = 64
  static let imports = (0..<4).map { ImportedSymbol(name: "import\($0)", version: "V1", library: "libx.so") }

  init(seed: UInt64, layout: SmallLayout = SmallImage.layout) {
    self.layout = layout
    base = layout.base()
    cursors = layout.cursors
    random = SplitMix(seed: seed)
    state = State(file: layout.file(), position: base.position)
    states = [state.position.digest: state]
  }

  static func entry(of function: Int) -> VirtualAddress { entry(of: function, in: SmallImage.code) }

  private func entry(of function: Int) -> VirtualAddress { Self.entry(of: function, in: layout.code) }

  private static func entry(of function: Int, in code: AddressRange) -> VirtualAddress {
    code.start.displaced(by: Int64(function) * Int64(functionByteCount))
  }

  /// An update on the given one: the newest if none is named.
  mutating func addUpdate(on parent: Digest? = nil) -> Update {
    let start = states[parent ?? updates.last?.digest ?? base.digest] ?? state
    state = start
    operations = []
    guards = []
    for _ in 0...Int.random(in: 0...3, using: &random) { addChange() }
    return finish(parent: start.position.digest)
  }

  /// An update that only points a moved function's cell at another body: what needs no stop.
  mutating func addRedirection() -> Update? {
    let parent = updates.last?.digest ?? base.digest
    state = states[parent] ?? state
    guard let function = state.cells.keys.min() else { return nil }
    operations = []
    guards = []
    moveFunction(function)
    return finish(parent: parent)
  }

  private mutating func finish(parent: Digest) -> Update {
    let update = Update(
      number: UpdateNumber(nextNumber), digest: SmallImage.digest(0x1000 + UInt64(nextNumber)), parent: parent,
      content: UpdateContent(
        time: 0, author: "", message: "", operations: operations, atoms: [], guards: guards, cursors: cursors))
    nextNumber += 1
    state.position = TargetHeader.Position(digest: update.digest, number: update.number)
    states[update.digest] = state
    updates.append(update)
    return update
  }

  private mutating func addChange() {
    switch Int.random(in: 0..<9, using: &random) {
    case 0, 1, 2: moveFunction(Int.random(in: 0..<Self.functionCount, using: &random))
    case 3: addVariable()
    case 4: changeInitialValue()
    case 5: rewriteConstant()
    case 6 where layout.format == .elf: addImport()
    case 7: rewriteBody()
    default: setConstantPointer()
    }
  }

  // MARK: Changes

  private mutating func moveFunction(_ function: Int) {
    let body = Self.take(&cursors.code, UInt64.random(in: 1...96, using: &random))
    let after = randomBytes(Int(body.byteCount))
    write(body.start, after, isFresh: true)
    state.bodies.append(body)
    if let known = state.cells[function] {
      setPointer(known.cell, from: known.target, to: body.start, isFresh: false)
      state.cells[function] = (known.cell, body.start)
      return
    }
    let cell = Self.take(&cursors.cells, 8).start
    setPointer(cell, from: nil, to: body.start, isFresh: true)
    state.cells[function] = (cell, body.start)
    let entry = entry(of: function)
    let stub = [0xff, 0x25] + UInt32(truncatingIfNeeded: cell.rawValue &- entry.rawValue &- 6).bytes
    write(entry, stub)
    let range = AddressRange(start: entry, byteCount: 6)
    operations.append(
      .protect(
        ProtectOperation(range: layout.code, found: [.read, .execute], wanted: [.read, .write, .execute])))
    guards.append(
      Guard(range: range, reach: .interior, reason: .entryStub, direction: .both, function: "function\(function)"))
  }

  private mutating func addVariable() {
    let range = Self.take(&cursors.data, 24)
    let flag = cursors.flags
    cursors.flags = flag.displaced(by: 1)
    let initial = InitialRoom.new(flag: flag)
    let value = randomBytes(8)
    write(range.start.displaced(by: 8), value, initial: initial)
    setPointer(range.start, from: nil, to: entry(of: 1), isFresh: false, initial: initial)
    write(flag, [1], initial: initial)
    state.variables.append((range, flag))
  }

  private mutating func changeInitialValue() {
    let places =
      [AddressRange(start: layout.variables.start.displaced(by: 0x40), byteCount: 16)]
      + state.variables.map { AddressRange(start: $0.range.start.displaced(by: 8), byteCount: 8) }
    let place = places.randomElement(using: &random) ?? places[0]
    write(place.start, randomBytes(Int(place.byteCount)), initial: .existing)
  }

  private mutating func rewriteConstant() {
    let start = layout.constants.start.displaced(by: Int64.random(in: 0..<0x200, using: &random))
    write(start, randomBytes(Int.random(in: 1...20, using: &random)))
  }

  private mutating func addImport() {
    let cell = Self.take(&cursors.cells, 8).start
    let symbol = Self.imports.randomElement(using: &random) ?? Self.imports[0]
    operations.append(
      .bind(BindOperation(cell: cell, before: nil, after: symbol, records: [record(24)], isFresh: true)))
  }

  private mutating func rewriteBody() {
    guard let body = state.bodies.randomElement(using: &random) else { return rewriteConstant() }
    write(body.start, randomBytes(Int(body.byteCount)))
    guards.append(Guard(range: body, reach: .whole, reason: .overwritten, direction: .both, function: "body"))
  }

  private mutating func setConstantPointer() {
    let cell = layout.constants.start.displaced(by: 0x800)
    let target = entry(of: Int.random(in: 2..<8, using: &random))
    if state.constantPointer == nil {
      // The base image has a number there.
      write(cell, [UInt8](repeating: 0, count: 8))
    }
    if target == state.constantPointer { return }
    setPointer(cell, from: state.constantPointer, to: target, isFresh: false)
    state.constantPointer = target
  }

  // MARK: Operations

  private mutating func write(
    _ start: VirtualAddress, _ after: [UInt8], initial: InitialRoom? = nil, isFresh: Bool = false
  ) {
    let offset = layout.offset(of: start)
    let before = Array(state.file[offset..<offset + after.count])
    state.file.replaceSubrange(offset..<offset + after.count, with: after)
    operations.append(
      .write(
        WriteOperation(place: .virtual(start), before: before, after: after, initial: initial, isFresh: isFresh)))
  }

  private mutating func setPointer(
    _ cell: VirtualAddress, from before: VirtualAddress?, to after: VirtualAddress, isFresh: Bool,
    initial: InitialRoom? = nil
  ) {
    let offset = layout.offset(of: cell)
    let word = state.file[offset..<offset + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    state.file.replaceSubrange(offset..<offset + 8, with: after.rawValue.bytes)
    operations.append(
      .pointer(
        PointerOperation(
          cell: cell, before: before, after: after, wordBefore: word, wordAfter: after.rawValue, records: [record(24)],
          initial: initial, isFresh: isFresh)))
  }

  /// A loader's record, somewhere in the tables.
  private mutating func record(_ byteCount: Int) -> FileEdit {
    let offset = Int(layout.tablesOffset) + 24 * Int.random(in: 0..<20, using: &random)
    let before = Array(state.file[offset..<offset + byteCount])
    let after = randomBytes(byteCount)
    state.file.replaceSubrange(offset..<offset + byteCount, with: after)
    return FileEdit(offset: FileOffset(UInt64(offset)), before: before, after: after)
  }

  private mutating func randomBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  private static func take(_ cursor: inout VirtualAddress, _ byteCount: UInt64) -> AddressRange {
    let range = AddressRange(start: cursor, byteCount: byteCount)
    cursor = cursor.displaced(by: Int64((byteCount + 15) / 16 * 16))
    return range
  }
}

// MARK: - Ways

extension UpdateGenerator {
  /// A chain of updates, one on the other.
  static func chain(seed: UInt64, count: Int, layout: SmallLayout = SmallImage.layout) -> UpdateGenerator {
    var generator = UpdateGenerator(seed: seed, layout: layout)
    for _ in 0..<count { _ = generator.addUpdate() }
    return generator
  }

  /// The position at the given place of the chain; 0 is the base.
  func position(_ index: Int) -> TargetHeader.Position {
    index == 0
      ? base.position
      : TargetHeader.Position(digest: updates[index - 1].digest, number: updates[index - 1].number)
  }

  /// The steps along the chain.
  func steps(from start: Int, to end: Int) -> [Step] {
    start <= end
      ? updates[start..<end].map { Step(update: $0, direction: .forward) }
      : updates[end..<start].reversed().map { Step(update: $0, direction: .backward) }
  }

  /// The file at the given place of the chain, its header saying so.
  func file(at index: Int) -> [UInt8] {
    var bytes = states[position(index).digest]?.file ?? []
    let header = TargetHeader(base: base.digest, position: position(index)).encoded()
    bytes.replaceSubrange(layout.headerOffset..<layout.headerOffset + header.count, with: header)
    return bytes
  }
}
