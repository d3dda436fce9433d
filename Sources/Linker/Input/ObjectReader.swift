import Addressing
import ObjectFile

/// Reads an object file into pieces: first the places, then the edges between them.
struct ObjectReader {
  let source: any ObjectSource
  private let path: String
  let machine: any Machine
  private let facts: CompilerFacts
  var pieces: [ObjectPiece] = []
  /// Indexes into `pieces`, ascending by start, for each section that holds any.
  private var piecesOfSection: [Int: [Int]] = [:]
  /// The offsets at which code refers to each piece.
  private var tables: [Int: Set<UInt64>] = [:]

  init(_ source: any ObjectSource, path: String, machine: any Machine, facts: CompilerFacts) {
    self.source = source
    self.path = path
    self.machine = machine
    self.facts = facts
  }

  // MARK: Places

  mutating func readPieces() throws {
    for section in try source.sections() {
      switch section.content {
      case .code: try append(.code, section, 0, section.byteCount, source.defined(in: section.index))
      case .functions: try appendNamed(section, .code)
      case .strings(let byteCount): try appendStrings(section, ofCharacters: byteCount)
      case .records(let byteCount): try appendRecords(section, each: byteCount)
      case .data(let kind): try appendNamed(section, kind)
      case .exceptionTables(let starts): try appendExceptionTables(section, startingAt: starts)
      }
    }
    for symbol in source.common {
      appendCommon(symbol)
    }
    try attachUnwinding()
    for function in source.indirect {
      guard let index = piece(at: function.resolver, in: function.section) else { continue }
      pieces[index].resolved.append(function.name)
    }
  }

  private mutating func attachUnwinding() throws {
    for information in try source.unwinding() {
      guard let index = piece(at: information.function.offset, in: information.function.section),
        pieces[index].kind == .code
      else { continue }
      pieces[index].unwinding.append(
        PieceUnwinding(
          start: information.function.offset - pieces[index].start, information: information,
          exceptionTable: information.exceptionTable.flatMap { piece(at: $0.offset, in: $0.section) }))
    }
  }

  private mutating func append(
    _ kind: ObjectPiece.Kind, _ section: SourceSection, _ start: UInt64, _ byteCount: UInt64,
    _ symbols: ArraySlice<PieceSymbolAt>
  ) throws {
    var piece = ObjectPiece(
      index: pieces.count, section: section.index, start: start, byteCount: byteCount,
      alignment: max(1, section.alignment), kind: kind, isZeroFill: section.isZeroFill,
      bytes: try source.bytes(of: section, from: start, count: byteCount) ?? [])
    piece.symbols = symbols.map { $0.relative(to: start) }.sorted { $0.offset < $1.offset }
    piece.isInGroup = section.isInGroup
    piece.setName = section.setName
    piecesOfSection[section.index, default: []].append(piece.index)
    pieces.append(piece)
  }

  /// Every string is a literal of its own, as linkers merge them (gABI, Section Attributes; S_CSTRING_LITERALS).
  private mutating func appendStrings(_ section: SourceSection, ofCharacters byteCount: UInt64) throws {
    let bytes = try source.bytes(of: section, from: 0, count: section.byteCount) ?? []
    let unit = max(1, Int(clamping: byteCount))
    var start = 0
    var position = 0
    while position + unit <= bytes.count {
      let isTerminator = bytes[position..<position + unit].allSatisfy { $0 == 0 }
      position += unit
      guard isTerminator else { continue }
      try append(.literal, section, UInt64(start), UInt64(position - start), [])
      start = position
    }
    if start < bytes.count { try append(.literal, section, UInt64(start), UInt64(bytes.count - start), []) }
  }

  private mutating func appendRecords(_ section: SourceSection, each byteCount: UInt64) throws {
    var start: UInt64 = 0
    while start < section.byteCount {
      try append(.literal, section, start, min(byteCount, section.byteCount - start), [])
      start += byteCount
    }
  }

  /// A literal for each function's table: where one begins, its FDE tells.
  private mutating func appendExceptionTables(_ section: SourceSection, startingAt starts: Set<UInt64>) throws {
    let bounds = starts.filter { $0 > 0 && $0 < section.byteCount }.sorted() + [section.byteCount]
    var start: UInt64 = 0
    for end in bounds {
      try append(.literal, section, start, end - start, [])
      start = end
    }
  }

  /// One piece a symbol (aliases and overlapping symbols together); what lies between is a literal, where it is none of
  /// the program's variables.
  private mutating func appendNamed(_ section: SourceSection, _ kind: ObjectPiece.Kind) throws {
    let named = source.defined(in: section.index)
    let hasLiterals =
      kind == .constant || kind == .variable && !section.isZeroFill && facts.hasConstantsInWritableData
    let gapKind: ObjectPiece.Kind = hasLiterals ? .literal : kind
    var position: UInt64 = 0
    var index = named.startIndex
    while index < named.endIndex {
      let start = named[index].value
      var end = min(named[index].end, section.byteCount)
      var next = index + 1
      while next < named.endIndex, named[next].value < end || named[next].value == start {
        end = max(end, min(named[next].end, section.byteCount))
        next += 1
      }
      if end <= start { end = next < named.endIndex ? min(named[next].value, section.byteCount) : section.byteCount }
      if position < start { try append(gapKind, section, position, start - position, []) }
      if start < end { try append(kind, section, start, end - start, named[index..<next]) }
      position = max(position, end)
      index = next
    }
    if position < section.byteCount { try append(gapKind, section, position, section.byteCount - position, []) }
  }

  /// `SHN_COMMON`: a variable that has no section yet; its value is its alignment (gABI, Symbol Table).
  private mutating func appendCommon(_ symbol: PieceSymbolAt) {
    var piece = ObjectPiece(
      index: pieces.count, section: -1 - symbol.symbolIndex, start: 0, byteCount: symbol.byteCount,
      alignment: max(1, symbol.value), kind: .variable, isZeroFill: true, bytes: [])
    piece.symbols = [symbol.relative(to: symbol.value)]
    piecesOfSection[piece.section] = [piece.index]
    pieces.append(piece)
  }

  // MARK: Edges

  mutating func readRelocations() throws {
    for (section, relocations) in try source.relocations() where piecesOfSection[section] != nil {
      for relocation in relocations { try append(relocation, section: section) }
    }
    var tails = machine.fieldTails()
    // Code first: where it refers to a table, the table begins.
    for index in pieces.indices where pieces[index].kind == .code { try resolveTargets(of: index, &tails) }
    noteTables()
    for index in pieces.indices where pieces[index].kind != .code { try resolveTargets(of: index, &tails) }
    for index in Set(pieces.lazy.flatMap(\.unwinding).compactMap(\.exceptionTable)).sorted() {
      try leadTypesThroughCells(in: index)
    }
  }

  func constructors() throws -> [ReferenceTarget] {
    var targets: [ReferenceTarget] = []
    for relocation in try source.constructors() {
      let symbol = try source.symbol(relocation.symbol)
      guard case .section(let home) = symbol.place else { continue }
      let offset = symbol.value &+ UInt64(bitPattern: relocation.addend)
      guard let index = piece(at: offset, in: home) else { continue }
      guard let entry = function(in: pieces[index], at: offset &- pieces[index].start) else { continue }
      targets.append(.entry(piece: index, symbol: entry))
    }
    return targets
  }

  private mutating func noteTables() {
    for case .inner(let piece, let offset?) in pieces.lazy.flatMap(\.targets) {
      tables[piece, default: []].insert(offset)
    }
  }

  /// Where the table begins that an entry of a data piece belongs to.
  private func tableStart(of entry: Int, in piece: ObjectPiece) -> UInt64 {
    let named = piece.symbol(at: UInt64(entry))?.offset ?? 0
    return tables[piece.index]?.filter { $0 <= entry }.max().map { max($0, named) } ?? named
  }

  private mutating func append(_ relocation: SourceRelocation, section: Int) throws {
    guard let index = piece(at: relocation.offset, in: section) else {
      throw LinkError(.malformedRelocation, object: path, detail: "its offset lies outside section \(section)")
    }
    pieces[index].relocations.append(
      AtomRelocation(
        offset: Int(relocation.offset - pieces[index].start), type: relocation.type,
        symbol: relocation.symbol, addend: relocation.addend))
  }

  /// The piece that holds an offset of a section; the last one for the section's very end.
  private func piece(at offset: UInt64, in section: Int) -> Int? {
    guard let candidates = piecesOfSection[section] else { return nil }
    let low = candidates.partitioningIndex { pieces[$0].start > offset }
    guard low > 0 else { return nil }
    let found = pieces[candidates[low - 1]]
    return offset < found.end || (low == candidates.count && offset == found.end) ? found.index : nil
  }

  private mutating func resolveTargets(of index: Int, _ tails: inout any FieldTails) throws {
    pieces[index].relocations.sort { $0.offset < $1.offset }
    var targets: [ReferenceTarget] = []
    var anchors: [UInt64] = []
    for (number, relocation) in pieces[index].relocations.enumerated() {
      let symbol = try source.symbol(relocation.symbol)
      targets.append(target(of: relocation, symbol, from: pieces[index], &tails))
      if symbol.name == ReferenceTarget.offsetTable, let page = machine.offsetTablePage(for: relocation.type) {
        pieces[index].relocations[number].type = page
        pieces[index].goesByOffsetTable = true
      }
      anchors.append(symbol.place.isCommon ? 0 : symbol.value)
    }
    pieces[index].targets = targets
    pieces[index].anchors = anchors
  }

  private func target(
    of relocation: AtomRelocation, _ symbol: ObjectSymbol, from piece: ObjectPiece, _ tails: inout any FieldTails
  ) -> ReferenceTarget {
    guard relocation.symbol != 0 else { return .none }
    switch symbol.place {
    case .undefined: return .external(name: symbol.name, isWeak: symbol.isWeak)
    case .absolute: return .absolute(symbol.value)
    case .common: return inner(piecesOfSection[-1 - relocation.symbol]?.first, offset: 0)
    case .section(let section):
      if !symbol.isSection { return named(symbol, relocation, in: section, from: piece, &tails) }
      return unnamed(relocation, in: section, from: piece, &tails)
    }
  }

  /// A reference by a symbol of this object: to that symbol's piece, wherever the addend leads.
  private func named(
    _ symbol: ObjectSymbol, _ relocation: AtomRelocation, in section: Int, from host: ObjectPiece,
    _ tails: inout any FieldTails
  ) -> ReferenceTarget {
    guard let index = self.piece(at: symbol.value, in: section) else { return .none }
    let target = pieces[index]
    let displacement = displacement(of: relocation, from: host, &tails)
    let offset = symbol.value &+ UInt64(bitPattern: displacement)
    if target.kind == .code, displacement == 0, let entry = function(in: target, at: symbol.value - target.start) {
      return .entry(piece: index, symbol: entry)
    }
    return inner(index, offset: offset &- target.start)
  }

  /// A reference by a section symbol, which assemblers put in the place of local symbols.
  private func unnamed(
    _ relocation: AtomRelocation, in section: Int, from host: ObjectPiece, _ tails: inout any FieldTails
  ) -> ReferenceTarget {
    guard let only = piecesOfSection[section] else { return .none }
    let displacement = displacement(of: relocation, from: host, &tails)
    if displacement >= 0, let index = piece(at: UInt64(displacement), in: section) {
      let offset = UInt64(displacement) - pieces[index].start
      // An entry of a jump table leads into this very body, even to its start.
      let isTableEntry = host.kind != .code && machine.isPCRelative(relocation.type)
      if pieces[index].kind == .code, !isTableEntry, let entry = function(in: pieces[index], at: offset) {
        return .entry(piece: index, symbol: entry)
      }
      return inner(index, offset: offset)
    }
    return inner(only.count == 1 ? only[0] : nil, offset: nil)
  }

  private func inner(_ index: Int?, offset: UInt64?) -> ReferenceTarget {
    guard let index else { return .none }
    return .inner(piece: index, offset: offset.flatMap { $0 <= pieces[index].byteCount ? $0 : nil })
  }

  private func function(in piece: ObjectPiece, at offset: UInt64) -> Int? {
    piece.symbols.firstIndex { $0.offset == offset && $0.isFunction }
  }

  /// How far behind its symbol a relocation leads, in bytes.
  ///
  /// A PC-relative entry of a table counts from its own place but is added to the table's start.
  private func displacement(
    of relocation: AtomRelocation, from host: ObjectPiece, _ tails: inout any FieldTails
  ) -> Int64 {
    guard machine.isPCRelative(relocation.type) else { return relocation.addend }
    guard host.kind == .code else {
      let start = tableStart(of: relocation.offset, in: host)
      return relocation.addend &- (Int64(relocation.offset) &- Int64(clamping: start))
    }
    return relocation.addend &+ Int64(tails.byteCount(from: relocation.offset, in: host))
  }
}
