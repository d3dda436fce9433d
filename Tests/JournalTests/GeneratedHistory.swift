import Addressing
import Journal
import Testing

/// A tree of updates of `SmallImage` that make sense, and what each of them leaves, kept the simple way: whole files.
struct GeneratedHistory {
  /// What is at one update.
  struct State {
    var digest: Digest
    var file: [UInt8]
    /// The file as memory shows it: without edits of the loader's tables and other file-only bytes.
    var mapped: [UInt8]
    var placements: [AtomIdentity: Placement] = [:]
    var former: Set<AddressRange> = []
    var types: [TypeLayout] = []
  }

  private var random: SeededGenerator
  private(set) var states: [State]
  private var cursors: ArenaCursors

  init(seed: UInt64, cursors: ArenaCursors = SmallImage.cursors) {
    random = SeededGenerator(seed: seed)
    self.cursors = cursors
    states = [State(digest: SmallImage.base.digest, file: SmallImage.file, mapped: SmallImage.file)]
  }

  /// Makes one more update, of a parent that is mostly the newest one, and records it.
  mutating func grow(_ store: JournalStore) throws {
    let parent =
      number(to: 4) > 0 ? states[states.count - 1] : states[number(to: states.count - 1)]
    var state = parent
    let content = content(&state)
    state.digest = try store.append(content, parent: parent.digest).digest
    states.append(state)
  }

  /// Makes one more update, of the newest one, and records it.
  mutating func extend(_ store: JournalStore) throws {
    let parent = states[states.count - 1]
    var state = parent
    let content = content(&state)
    state.digest = try store.append(content, parent: parent.digest).digest
    states.append(state)
  }

  mutating func content(_ state: inout State) -> UpdateContent {
    var content = UpdateContent(
      time: Int64(states.count) * 1000, author: "tester", message: "update \(states.count)", operations: [],
      atoms: [], guards: [], cursors: cursors)
    var changed: Set<AtomIdentity> = []
    for _ in 0...number(to: 3) {
      let symbol = SmallImage.symbols[number(to: 4)]
      let atom = AtomIdentity(name: symbol.name, unit: symbol.unit)
      switch number(to: 7) {
      case 0...2 where changed.insert(atom).inserted: move(atom, symbol, &content, &state)
      case 3 where changed.insert(atom).inserted: rewrite(atom, &content, &state)
      case 4: writeFile(&content, &state)
      case 5: writeData(&content, &state)
      case 6 where changed.insert(atom).inserted: remove(atom, &content, &state)
      default: resize(&content, &state)
      }
    }
    if number(to: 3) == 0 {
      let type = TypeLayout(name: "struct conn", byteCount: UInt64(states.count), layout: "\(states.count)")
      content.types.append(type)
      state.types.append(type)
    }
    content.cursors = cursors
    return content
  }

  private mutating func move(
    _ atom: AtomIdentity, _ symbol: BaseSymbol, _ content: inout UpdateContent, _ state: inout State
  ) {
    let count = 20 + number(to: 200)
    let start = cursors.code
    cursors.code = VirtualAddress(start.rawValue + UInt64(count) + 16)
    let base = AddressRange(start: symbol.address, byteCount: symbol.byteCount)
    let before = state.placements[atom] ?? Placement(body: base, capacity: base.byteCount, entry: symbol.address)
    let cell = before.cell ?? cursors.cells
    if before.cell == nil { cursors.cells = VirtualAddress(cell.rawValue + 8) }
    let body = AddressRange(start: start, byteCount: UInt64(count))
    let after = Placement(body: body, capacity: UInt64(count) + 16, entry: symbol.address, cell: cell)
    let first = content.operations.count
    write(.virtual(start), linked(count, at: start), &content, &state, isFresh: true)
    content.sources.files = ["small.c"]
    content.sources.bodies.append(lines(count, at: start))
    if before.cell == nil { write(.virtual(symbol.address), bytes(6), &content, &state) }
    point(cell, from: before.cell == nil ? nil : before.body.start, to: start, &content, &state)
    content.atoms.append(
      AtomChange(
        atom: atom, atomKind: .function, change: .moved, before: before, after: after,
        operations: Array(first..<content.operations.count), typeDigest: "void(void)",
        definer: atom.unit == nil ? CompilationUnit(name: "small.c") : nil))
    state.former.insert(before.body)
    state.placements[atom] = after
  }

  private mutating func rewrite(_ atom: AtomIdentity, _ content: inout UpdateContent, _ state: inout State) {
    guard let placement = state.placements[atom] else { return }
    var after = placement
    after.body = AddressRange(
      start: placement.body.start, byteCount: UInt64(1 + number(to: Int(placement.capacity) - 1)))
    content.atoms.append(
      AtomChange(
        atom: atom, atomKind: .function, change: .rewritten, before: placement, after: after,
        operations: [content.operations.count]))
    write(
      .virtual(after.body.start), linked(Int(after.body.byteCount), at: after.body.start), &content, &state)
    state.placements[atom] = after
  }

  private mutating func remove(_ atom: AtomIdentity, _ content: inout UpdateContent, _ state: inout State) {
    guard let placement = state.placements.removeValue(forKey: atom) else { return }
    content.atoms.append(
      AtomChange(
        atom: atom, atomKind: .function, change: .removed, before: placement, after: nil, operations: []))
    state.former.insert(placement.body)
    // It comes back as a new one, at a place of its own.
    state.placements[atom] = nil
  }

  private mutating func writeFile(_ content: inout UpdateContent, _ state: inout State) {
    let offset = number(to: state.file.count - 64)
    write(.file(FileOffset(UInt64(offset))), bytes(1 + number(to: 63)), &content, &state)
  }

  private mutating func writeData(_ content: inout UpdateContent, _ state: inout State) {
    let start = VirtualAddress(SmallImage.dataStart + UInt64(number(to: 0x700)))
    write(.virtual(start), bytes(1 + number(to: 200)), &content, &state, initial: .existing)
  }

  private mutating func resize(_ content: inout UpdateContent, _ state: inout State) {
    let before = state.file.count
    let growth = [UInt8](repeating: 0, count: 100 + number(to: 100))
    state.file += growth
    state.mapped += growth
    content.operations.append(
      .resize(ResizeOperation(before: UInt64(before), after: UInt64(state.file.count))))
    write(.file(FileOffset(UInt64(before))), bytes(64), &content, &state)
  }

  private func point(
    _ cell: VirtualAddress, from before: VirtualAddress?, to after: VirtualAddress,
    _ content: inout UpdateContent, _ state: inout State
  ) {
    let offset = Self.fileOffset(cell)
    let word = after.rawValue ^ 0x5a5a
    let wordBefore = Array(state.file[offset..<offset + 8])
    let wordAfter = (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
    let place = 0x1900 + 24 * Int((cell.rawValue - SmallImage.arenaWritable) / 8 % 16)
    let edit = FileEdit(
      offset: FileOffset(UInt64(place)), before: Array(state.file[place..<place + 24]),
      after: (0..<24).map { UInt8(truncatingIfNeeded: after.rawValue >> UInt64($0)) })
    content.operations.append(
      .pointer(
        PointerOperation(
          cell: cell, before: before, after: after,
          wordBefore: wordBefore.reversed().reduce(0) { $0 << 8 | UInt64($1) }, wordAfter: word, records: [edit])))
    state.file.replaceSubrange(offset..<offset + 8, with: wordAfter)
    state.mapped.replaceSubrange(offset..<offset + 8, with: wordAfter)
    state.file.replaceSubrange(place..<place + 24, with: edit.after)
  }

  private func write(
    _ place: WriteOperation.Place, _ new: (bytes: [UInt8], fixups: [Fixup]), _ content: inout UpdateContent,
    _ state: inout State, initial: InitialRoom? = nil, isFresh: Bool = false
  ) {
    let offset: Int
    switch place {
    case .virtual(let address): offset = Self.fileOffset(address)
    case .file(let fileOffset): offset = Int(fileOffset.rawValue)
    }
    let range = offset..<offset + new.bytes.count
    content.operations.append(
      .write(
        WriteOperation(
          place: place, before: Array(state.file[range]), after: new.bytes, fixups: new.fixups, initial: initial,
          isFresh: isFresh)))
    state.file.replaceSubrange(range, with: new.bytes)
    if case .virtual = place { state.mapped.replaceSubrange(range, with: new.bytes) }
  }

  private func write(
    _ place: WriteOperation.Place, _ new: [UInt8], _ content: inout UpdateContent, _ state: inout State,
    initial: InitialRoom? = nil
  ) {
    write(place, (new, []), &content, &state, initial: initial)
  }

  /// Code that resembles other code, with a field that follows from an address.
  private mutating func linked(_ count: Int, at start: VirtualAddress) -> ([UInt8], [Fixup]) {
    var code = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    for _ in 0..<3 { code[number(to: count - 1)] = UInt8(number(to: 255)) }
    guard count >= 12 else { return (code, []) }
    let fixup = Fixup(
      offset: UInt32(number(to: count - 8)), kind: .relative32,
      target: VirtualAddress(SmallImage.codeStart + UInt64(number(to: 0xfff))), addend: -4)
    let field = Int(fixup.offset)..<Int(fixup.offset) + 4
    code.replaceSubrange(field, with: fixup.fieldBytes(in: start))
    return (code, [fixup])
  }

  /// A line for every few bytes, of a function that begins anywhere.
  private mutating func lines(_ count: Int, at start: VirtualAddress) -> BodyLines {
    let first = UInt32(1 + number(to: 500))
    return BodyLines(
      start: start, byteCount: UInt32(count),
      rows: stride(from: 0, to: count, by: 4).map {
        BodyLines.Row(offset: UInt32($0), file: 0, line: first + UInt32($0 / 4))
      })
  }

  static func fileOffset(_ address: VirtualAddress) -> Int {
    for segment in SmallImage.segments where segment.range.contains(address) {
      return Int(address.rawValue - segment.range.start.rawValue + segment.fileOffset.rawValue)
    }
    return 0
  }

  /// The plain way: in order, each where it stands in the file.
  static func perform(_ operation: Journal.Operation, on file: inout [UInt8]) throws {
    func replace(_ offset: Int, _ before: [UInt8], _ after: [UInt8]) throws {
      try #require(Array(file[offset..<offset + before.count]) == before)
      file.replaceSubrange(offset..<offset + after.count, with: after)
    }
    func word(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
    switch operation {
    case .write(let write):
      switch write.place {
      case .virtual(let address): try replace(fileOffset(address), write.before, write.after)
      case .file(let offset): try replace(Int(offset.rawValue), write.before, write.after)
      }
    case .pointer(let pointer):
      try replace(
        fileOffset(pointer.cell), word(pointer.wordBefore), word(pointer.wordAfter))
      for record in pointer.records { try replace(Int(record.offset.rawValue), record.before, record.after) }
    case .resize(let resize):
      try #require(file.count == Int(resize.before))
      if resize.after > resize.before {
        file += [UInt8](repeating: 0, count: Int(resize.after - resize.before))
      } else {
        file.removeLast(Int(resize.before - resize.after))
      }
    case .bind, .map, .protect: Issue.record("the generator makes no such operation")
    }
  }

  mutating func number(to limit: Int) -> Int { Int.random(in: 0...limit, using: &random) }

  private mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }
}
