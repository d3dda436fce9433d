import Addressing
import Journal
import ObjectFile

/// Turns pieces with their places into operations.
struct PieceEmitter {
  private let identities: AtomIdentities
  private let memory: PlacedMemory
  private let base: BaseImage
  private var resolver: ReferenceResolver

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, memory: PlacedMemory, base: BaseImage, resolver: ReferenceResolver) {
    self.identities = identities
    self.memory = memory
    self.base = base
    self.resolver = resolver
  }

  /// A piece relocated for a place, and the words in it that a loader fills.
  private struct Content {
    var bytes: [UInt8]
    var fixups: [Fixup]
    var pointers: [Int: VirtualAddress]
    var binds: [Int: ImportedSymbol]

    var words: [Int] { (Array(pointers.keys) + Array(binds.keys)).sorted() }
  }

  /// - Throws: with the object and the atom named where the cause does not.
  private mutating func content(
    of id: PieceID, at place: VirtualAddress, into state: inout EmitterState
  ) throws(LinkError) -> Content {
    do {
      return try relocated(id, at: place, into: &state)
    } catch {
      throw named(error, id)
    }
  }

  private func named(_ error: LinkError, _ id: PieceID) -> LinkError {
    var named = error
    named.object = error.object ?? set.objects[id.object].path
    if let symbol = error.symbol, symbol != set[id].name, !set[id].name.isEmpty {
      named.detail = [error.detail, "in \(set[id].name)"].compactMap { $0 }.joined(separator: ", ")
    }
    return named
  }

  private mutating func relocated(
    _ id: PieceID, at place: VirtualAddress, into state: inout EmitterState
  ) throws(LinkError) -> Content {
    let piece = set[id]
    guard !piece.isZeroFill else {
      return Content(bytes: [UInt8](repeating: 0, count: Int(piece.byteCount)), fixups: [], pointers: [:], binds: [:])
    }
    var binds: [Int: ImportedSymbol] = [:]
    var next = 0
    let relocated = try Relocator(machine: base.machine, isPositionIndependent: base.isPositionIndependent).relocate(
      bytes: piece.bytes, relocations: piece.relocations, at: place, isCode: piece.kind == .code,
      symbolName: { [set] in set.name(ofSymbol: $0, in: id) },
      resolve: { (relocation, need) throws(LinkError) in
        // Called in the order of the relocations, those without a need left out.
        while next < piece.relocations.count, piece.relocations[next] != relocation { next += 1 }
        defer { next += 1 }
        switch try resolver.resolve(next, of: id, need, into: &state) {
        case .value(let value): return value
        case .bind(let symbol):
          var bound = symbol
          bound.addend = relocation.addend
          binds[relocation.offset] = bound
          return .imported
        }
      })
    if piece.kind == .code, base.isPositionIndependent, let first = relocated.pointers.first {
      throw LinkError(
        .unsupportedRelocation, symbol: piece.name, address: place.displaced(by: Int64(first.offset)),
        detail: "an address stands in code, where no loader writes it; compile without -mcmodel=large")
    }
    let pointers = Dictionary(
      relocated.pointers.map { ($0.offset, $0.target) }, uniquingKeysWith: { first, _ in first })
    return Content(bytes: relocated.bytes, fixups: relocated.fixups, pointers: pointers, binds: binds)
  }

  // MARK: Offset table

  /// Gives code that reads cells by their distance from one page its cells, before any others stand between them.
  mutating func addTableCells(for ids: [PieceID], into state: inout EmitterState) throws(LinkError) {
    for id in ids where set[id].goesByOffsetTable {
      do throws(LinkError) {
        try resolver.addTableCells(of: id, into: &state)
      } catch {
        throw named(error, id)
      }
    }
  }

  // MARK: Unwind information

  /// What unwinders are to know of a piece's functions, once everything has its place.
  mutating func unwinding(
    of id: PieceID, at start: VirtualAddress, into state: inout EmitterState
  ) throws(LinkError) -> [PlacedFunction] {
    var functions: [PlacedFunction] = []
    let known = try state.loader.personalityCells()
    for function in set[id].unwinding {
      var personality: VirtualAddress?
      do throws(LinkError) {
        personality = try function.information.personality.map { (name) throws(LinkError) in
          try resolver.cell(ofFunctionNamed: name, among: known, into: &state)
        }
      } catch {
        var named = error
        named.object = error.object ?? set.objects[id.object].path
        throw named
      }
      let table = try function.exceptionTable.map { (piece) throws(LinkError) in
        try resolver.place(PieceID(object: id.object, piece: piece))
      }
      functions.append(
        PlacedFunction(
          information: function.information, start: start.displaced(by: Int64(bitPattern: function.start)),
          personality: personality, exceptionTable: table))
    }
    return functions
  }

  // MARK: Room of the arena

  /// Returns the indexes of the operations.
  mutating func place(
    _ id: PieceID, at start: VirtualAddress, initial: InitialRoom?, into state: inout EmitterState
  ) throws(LinkError) -> [Int] {
    let content = try content(of: id, at: start, into: &state)
    var operations: [Int] = []
    for run in Self.runs(in: content) where initial == nil || content.bytes[run].contains(where: { $0 != 0 }) {
      let place = start.displaced(by: Int64(run.lowerBound))
      operations.append(
        state.draft.add(
          .write(
            WriteOperation(
              place: .virtual(place), before: [UInt8](repeating: 0, count: run.count), after: Array(content.bytes[run]),
              fixups: Self.fixups(content.fixups, in: run), initial: initial, isFresh: initial == nil))))
    }
    for offset in content.words {
      let cell = start.displaced(by: Int64(offset))
      if let target = content.pointers[offset] {
        operations.append(try state.addFreshPointer(at: cell, to: target, initial: initial))
      } else if let symbol = content.binds[offset] {
        operations.append(try state.addBind(at: cell, to: symbol, initial: initial))
      }
    }
    if case .new(let flag) = initial {
      operations.append(
        state.draft.add(
          .write(WriteOperation(place: .virtual(flag), before: [0], after: [1], initial: initial))))
    }
    return operations
  }

  /// The stretches between the words that a loader fills: those are operations of their own.
  private static func runs(in content: Content) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = 0
    for word in content.words {
      if start < word { runs.append(start..<word) }
      start = word + 8
    }
    if start < content.bytes.count { runs.append(start..<content.bytes.count) }
    return runs
  }

  private static func fixups(_ fixups: [Fixup], in run: Range<Int>) -> [Fixup] {
    fixups.filter { run.contains(Int($0.offset)) }.map {
      var fixup = $0
      fixup.offset -= UInt32(run.lowerBound)
      return fixup
    }
  }

  // MARK: In place

  /// Writes a function over its old body; what is left of that becomes traps. Returns the operation's index.
  mutating func replace(
    _ id: PieceID, in range: AddressRange, into state: inout EmitterState
  ) throws(LinkError) -> Int {
    let content = try content(of: id, at: range.start, into: &state)
    let trap = base.machine.trap
    let rest = max(0, Int(range.byteCount) - content.bytes.count) / trap.count
    return state.draft.add(
      .write(
        WriteOperation(
          place: .virtual(range.start), before: try memory.bytes(range),
          after: content.bytes + [[UInt8]](repeating: trap, count: rest).joined(), fixups: content.fixups)))
  }

  /// Rewrites a piece where it stands: only what differs. Returns the indexes of the operations.
  mutating func rewrite(
    _ id: PieceID, at start: VirtualAddress, initial: InitialRoom?, into state: inout EmitterState
  ) throws(LinkError) -> [Int] {
    let content = try content(of: id, at: start, into: &state)
    let range = AddressRange(start: start, byteCount: UInt64(content.bytes.count))
    try refuseWithoutFileBytes(id, range, content)
    let before = try memory.bytes(range)
    var operations: [Int] = []
    var words: Set<Int> = []
    // A word that is a pointer on either side: its bytes in a task are not those of the file.
    for offset in stride(from: Int((8 - start.rawValue % 8) % 8), through: content.bytes.count - 8, by: 8) {
      let cell = start.displaced(by: Int64(offset))
      let former = try memory.pointer(at: cell)
      let target = content.pointers[offset]
      let symbol = content.binds[offset]
      guard target != nil || symbol != nil || former.isRelocated(base) else { continue }
      words.insert(offset)
      operations += try rewriteWord(cell, former, target, symbol, content, offset, initial, &state)
    }
    for run in ByteRuns.differences(before, content.bytes, except: words) {
      operations.append(
        state.draft.add(
          .write(
            WriteOperation(
              place: .virtual(start.displaced(by: Int64(run.lowerBound))), before: Array(before[run]),
              after: Array(content.bytes[run]), initial: initial))))
    }
    return operations
  }

  private func rewriteWord(
    _ cell: VirtualAddress, _ former: PlacedMemory.Pointer, _ target: VirtualAddress?, _ symbol: ImportedSymbol?,
    _ content: Content, _ offset: Int, _ initial: InitialRoom?, _ state: inout EmitterState
  ) throws(LinkError) -> [Int] {
    let number = content.bytes.littleEndian64(at: offset) ?? 0
    let change = WordChange(
      cell: cell, former: former, target: target, symbol: symbol, number: number, wordBefore: try memory.word(at: cell),
      initial: initial)
    return try change.operations(loader: &state.loader).map { state.draft.add($0) }
  }

  private func refuseWithoutFileBytes(_ id: PieceID, _ range: AddressRange, _ content: Content) throws(LinkError) {
    for segment in base.segments where segment.range.overlaps(range) {
      let filled = AddressRange(start: segment.range.start, byteCount: segment.fileByteCount)
      guard !filled.contains(range) else { continue }
      throw LinkError(
        .initialValueWithoutFileBytes, object: set.objects[id.object].path, symbol: set[id].name, address: range.start)
    }
  }
}
