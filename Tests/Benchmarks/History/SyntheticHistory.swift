import Addressing
import Journal
import ObjectFile

/// Updates of one image in any number, as linking makes them: a function gets another body in fresh room of the arena, its unwind
/// record and its lines, its cell leads there; at its first move the entry gets a stub and the cell comes into use. Every seventh
/// also brings a string of its own.
///
/// A version of a function differs from the one before in a few instructions, as an edit leaves it; which function is edited
/// follows a skewed distribution: few functions change often. Everything follows from one seed: no two runs differ.
struct SyntheticHistory: Sequence {
  let functions: [BaseSymbol]
  let base: BaseImage
  let layout: ELFArenaLayout
  let count: Int
  /// Bytes of the image where a stub will stand, by entry.
  let entries: [VirtualAddress: [UInt8]]
  /// What an unused entry of the unwind table holds.
  let freeEntry: [UInt8]

  /// - Parameter atoms: how many of the image's functions are ever edited.
  init(_ store: JournalStore, count: Int, atoms: Int) throws {
    guard let layout = ELFArenaLayout(encoded: store.base.arena.loaderTables) else {
      throw BenchmarkFailure("the journal's image has no arena")
    }
    let code = store.base.segments.first { $0.protection.contains(.execute) && !$0.isPartOfArena }
    guard let code else { throw BenchmarkFailure("the image has no code") }
    let symbols = try store.baseSymbols(overlapping: code.range).filter {
      $0.kind == .function && $0.byteCount >= 16 && $0.name.hasPrefix("f0")
    }
    self.layout = layout
    self.count = count
    base = store.base
    functions = Array(symbols.prefix(atoms))
    guard functions.count == atoms else { throw BenchmarkFailure("only \(functions.count) functions to edit") }
    var entries: [VirtualAddress: [UInt8]] = [:]
    for function in functions {
      entries[function.address] = try store.bytes(Self.stub(at: function.address), at: store.base.digest)
    }
    self.entries = entries
    guard let table = layout.unwind?.table else { throw BenchmarkFailure("the image has no unwind table") }
    let free = table.address.displaced(by: Int64(table.usedCount) * 8)
    freeEntry = try store.bytes(AddressRange(start: free, byteCount: 8), at: store.base.digest)
  }

  static func stub(at entry: VirtualAddress) -> AddressRange { AddressRange(start: entry, byteCount: 6) }

  func makeIterator() -> Iterator { Iterator(self) }

  struct Iterator: IteratorProtocol {
    private struct Known {
      var placement: Placement
      var code: SyntheticCode
    }

    private let history: SyntheticHistory
    private var cursors: ArenaCursors
    private var known: [Int: Known] = [:]
    private var random = SyntheticNumbers(seed: 1)
    private var index = 0
    private var operations: [Operation] = []
    private var atoms: [AtomChange] = []
    private var guards: [Guard] = []
    private var sources = SourceMap(files: [])

    init(_ history: SyntheticHistory) {
      self.history = history
      cursors = history.base.arena.cursors
    }

    mutating func next() -> UpdateContent? {
      guard index < history.count else { return nil }
      index += 1
      (operations, atoms, guards, sources) = ([], [], [], SourceMap(files: []))
      move(editedFunction())
      if index % 7 == 0 { addString() }
      return UpdateContent(
        time: 1_700_000_000_000 + Int64(index) * 60_000, author: "ada",
        message: "change \(index): \(random.words(4))", sourceRevision: "r\(index)", operations: operations,
        atoms: atoms, guards: guards, cursors: cursors, sources: sources)
    }

    /// The last function is edited by ten updates of the first thousand alone: a question about it has the same answer in a
    /// journal of any length.
    private mutating func editedFunction() -> Int {
      let last = history.functions.count - 1
      return index <= 1000 && index % 100 == 50 ? last : random.skewed(last)
    }

    private mutating func move(_ number: Int) {
      let symbol = history.functions[number]
      var code = known[number]?.code ?? SyntheticCode(number: number, callees: history.functions, &random)
      code.edit(&random)
      let (bytes, fixups) = code.linked(at: cursors.code)
      let body = AddressRange(start: cursors.code, byteCount: UInt64(bytes.count))
      let capacity = (body.byteCount + 15) & ~15
      cursors.code = cursors.code.displaced(by: Int64(capacity))
      let first = known[number] == nil
      let before =
        known[number]?.placement
        ?? Placement(
          body: AddressRange(start: symbol.address, byteCount: symbol.byteCount), capacity: symbol.byteCount,
          entry: symbol.address)
      let cell = before.cell ?? cursors.cells
      let after = Placement(body: body, capacity: capacity, entry: symbol.address, cell: cell)
      fresh(body.start, bytes, fixups)
      addUnwinding(of: body)
      if first { addStub(at: symbol, cell) }
      point(cell, from: first ? nil : before.body.start, to: body.start)
      sources.files = ["/src/unit\(number / 100).c"]
      sources.bodies = [code.lines(of: body, firstLine: UInt32(10 + number % 100 * 12))]
      atoms.append(
        AtomChange(
          atom: AtomIdentity(name: symbol.name), atomKind: .function, change: .moved, before: before, after: after,
          operations: Array(operations.indices), typeDigest: "long(long)"))
      known[number] = Known(placement: after, code: code)
    }

    private mutating func addStub(at symbol: BaseSymbol, _ cell: VirtualAddress) {
      let range = SyntheticHistory.stub(at: symbol.address)
      let fixup = Fixup(offset: 2, kind: .relative32, target: cell, addend: -4)
      operations.append(
        .write(
          WriteOperation(
            place: .virtual(symbol.address), before: history.entries[symbol.address] ?? [],
            after: [0xff, 0x25] + fixup.fieldBytes(in: symbol.address), fixups: [fixup])))
      guards.append(
        Guard(range: range, reach: .interior, reason: .entryStub, direction: .both, function: symbol.name))
      cursors.cells = cursors.cells.displaced(by: 8)
    }

    /// A record for the loader when the cell comes into use; later the addend alone.
    private mutating func point(_ cell: VirtualAddress, from before: VirtualAddress?, to after: VirtualAddress) {
      let number = (cell.rawValue - history.layout.cells.range.start.rawValue) / 8
      var place = history.base.preparedByteCount
      if let table = history.layout.relocations?.table {
        place = table.fileOffset.rawValue + (UInt64(table.usedCount) + number) * 24
      }
      func words(_ values: [UInt64]) -> [UInt8] { values.flatMap(\.littleEndianBytes) }
      let record =
        if let before {
          FileEdit(
            offset: FileOffset(place + 16), before: words([before.rawValue]), after: words([after.rawValue]))
        } else {
          // R_X86_64_RELATIVE.
          FileEdit(
            offset: FileOffset(place), before: words([0, 0, 0]), after: words([cell.rawValue, 8, after.rawValue]))
        }
      operations.append(
        .pointer(
          PointerOperation(
            cell: cell, before: before, after: after, wordBefore: before?.rawValue ?? 0, wordAfter: after.rawValue,
            records: [record], isFresh: before == nil)))
    }

    private mutating func addUnwinding(of body: AddressRange) {
      guard let room = history.layout.unwind else { return }
      func displacement(_ from: UInt64, _ to: UInt64) -> [UInt8] {
        let distance = UInt32(truncatingIfNeeded: to &- from)
        return (0..<4).map { UInt8(truncatingIfNeeded: distance >> (8 * UInt32($0))) }
      }
      let start = room.records.address.rawValue + UInt64(cursors.unwindBytes)
      let common: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 1, 0x7a, 0x52, 0, 1, 0x78, 16, 1, 0x1b, 12, 7, 8, 0x90, 1, 0, 0]
      let description = start + UInt64(common.count)
      let record =
        common + [28, 0, 0, 0] + displacement(start, description + 4)
        + displacement(description + 8, body.start.rawValue)
        + displacement(0, body.byteCount) + [0, 0x44, 14, 16, 0x83, 2, 0x58, 10, 14, 8, 0, 0, 0, 0, 0, 0]
      fresh(VirtualAddress(start), record)
      cursors.unwindBytes += UInt32(record.count)
      let entry = room.table.address.rawValue + UInt64(cursors.unwindEntries) * 8
      let header = room.header.rawValue
      operations.append(
        .write(
          WriteOperation(
            place: .virtual(VirtualAddress(entry)), before: history.freeEntry,
            after: displacement(header, body.start.rawValue) + displacement(header, description), isFresh: true)))
      cursors.unwindEntries += 1
    }

    private mutating func addString() {
      let text = Array("\(random.words(3)) \(index)\n\0".utf8)
      let body = AddressRange(start: cursors.constants, byteCount: UInt64(text.count))
      fresh(body.start, text)
      cursors.constants = body.end
      atoms.append(
        AtomChange(
          atom: AtomIdentity(name: "", variant: "\(body.start)"), atomKind: .constant, change: .added, before: nil,
          after: Placement(body: body, capacity: body.byteCount), operations: [operations.count - 1]))
    }

    private mutating func fresh(_ start: VirtualAddress, _ bytes: [UInt8], _ fixups: [Fixup] = []) {
      operations.append(
        .write(
          WriteOperation(
            place: .virtual(start), before: [UInt8](repeating: 0, count: bytes.count), after: bytes, fixups: fixups,
            isFresh: true)))
    }
  }
}

extension UInt64 {
  var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}

/// SplitMix64: the same numbers everywhere, for ever.
struct SyntheticNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

  /// Small numbers more often: a quarter of the draws falls on a sixteenth of the range.
  mutating func skewed(_ limit: Int) -> Int {
    let fraction = Double(next() >> 11) / Double(1 << 53)
    return min(limit - 1, Int(fraction * fraction * Double(limit)))
  }

  private static let dictionary = [
    "fix", "the", "table", "when", "a", "reader", "comes", "back", "faster", "look-up", "of", "names", "count",
    "again", "error", "message", "queue", "limit", "parse", "empty", "line",
  ]

  mutating func words(_ count: Int) -> String {
    (0..<count).map { _ in Self.dictionary[below(Self.dictionary.count)] }.joined(separator: " ")
  }
}
