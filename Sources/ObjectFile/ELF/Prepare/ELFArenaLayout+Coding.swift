import Addressing

/// The stored form: a magic number and 64-bit little-endian words in the order of declaration; an optional is
/// preceded by 0 or 1, a list by its count. It is stored in journals: a change of order is a new version.
extension ELFArenaLayout {
  static let magic: UInt64 = 0x3130_4c4a_5343_4845  // "EHCSJL01"
  /// Of a layout that grows: what it grows by stands at the end.
  static let growingMagic: UInt64 = 0x3230_4c4a_5343_4845  // "EHCSJL02"

  public var encoded: [UInt8] {
    var coder = LayoutWriter()
    coder.word(growth == nil ? Self.magic : Self.growingMagic)
    coder.word(UInt64(machine.rawValue))
    coder.word(fileByteCount)
    for part in [tables, code, constants, writable, header, cells, flags, data] { coder.part(part) }
    coder.optional(relocations) { coder, room in
      coder.table(room.table)
      coder.word(UInt64(room.sortedCount))
      coder.optional(room.relativeCountWord) { $0.word($1.rawValue) }
    }
    coder.optional(symbols) { coder, room in
      coder.table(room.symbols)
      coder.table(room.strings)
      coder.optional(room.versions) { coder, versions in
        coder.word(versions.indexes.rawValue)
        coder.table(versions.needs)
        coder.sizeWords(versions.libraryCountWords)
        coder.word(UInt64(versions.highestDefinedIndex))
      }
    }
    coder.optional(unwind) { coder, room in
      coder.word(room.header.rawValue)
      coder.table(room.table)
      coder.table(room.records)
    }
    if let growth {
      for part in growth.parts { coder.part(part) }
      for offset in [growth.reserve] + growth.programHeaders + growth.sectionHeaders { coder.word(offset.rawValue) }
      for name in growth.sectionNames { coder.word(UInt64(name)) }
    }
    return coder.bytes
  }

  /// Nil unless `bytes` is exactly what `encoded` gives for some layout whose pieces lie within its file.
  public init?(encoded bytes: [UInt8]) {
    var coder = LayoutReader(bytes: bytes)
    guard let magic = coder.word(), magic == Self.magic || magic == Self.growingMagic,
      let machine = coder.word(UInt16.self), let fileByteCount = coder.word()
    else { return nil }
    coder.fileByteCount = fileByteCount
    guard let tables = coder.part(), let code = coder.part(), let constants = coder.part(),
      let writable = coder.part(), let header = coder.part(), let cells = coder.part(), let flags = coder.part(),
      let data = coder.part(), let relocations = coder.optional({ $0.relocations() }),
      let symbols = coder.optional({ $0.symbols() }), let unwind = coder.optional({ $0.unwind() })
    else { return nil }
    let growth = magic == Self.growingMagic ? coder.growth() : nil
    guard coder.isAtEnd, (growth != nil) == (magic == Self.growingMagic) else { return nil }
    self.init(
      machine: ELFMachine(rawValue: machine), fileByteCount: fileByteCount, tables: tables, code: code,
      constants: constants, writable: writable, header: header, cells: cells, flags: flags, data: data,
      relocations: relocations, symbols: symbols, unwind: unwind, growth: growth)
  }
}

private struct LayoutWriter {
  var bytes: [UInt8] = []

  mutating func word(_ value: UInt64) {
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(shift)))) }
  }

  mutating func part(_ part: ELFArenaLayout.Part) {
    word(part.range.start.rawValue)
    word(part.range.byteCount)
    word(part.fileOffset.rawValue)
  }

  mutating func sizeWords(_ words: [ELFSizeWord]) {
    word(UInt64(words.count))
    for sizeWord in words {
      word(sizeWord.fileOffset.rawValue)
      word(UInt64(sizeWord.byteCount))
      word(UInt64(sizeWord.scale))
      word(UInt64(sizeWord.bias))
    }
  }

  mutating func table(_ table: ELFTableRoom) {
    word(table.address.rawValue)
    word(table.fileOffset.rawValue)
    word(UInt64(table.entryByteCount))
    word(UInt64(table.usedCount))
    word(UInt64(table.capacity))
    sizeWords(table.sizeWords)
  }

  mutating func optional<Value>(_ value: Value?, _ body: (inout LayoutWriter, Value) -> Void) {
    word(value == nil ? 0 : 1)
    if let value { body(&self, value) }
  }
}

/// Every method answers nil at the first word that no layout has.
private struct LayoutReader {
  let bytes: [UInt8]
  var position = 0
  var fileByteCount: UInt64 = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func word() -> UInt64? {
    guard bytes.count - position >= 8 else { return nil }
    defer { position += 8 }
    return bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func word<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
    word().flatMap { Value(exactly: $0) }
  }

  /// A file offset with at least `byteCount` bytes of the file behind it.
  mutating func offset(_ byteCount: UInt64) -> FileOffset? {
    guard let start = word(), let end = FileOffset(start).advanced(by: byteCount), end.rawValue <= fileByteCount
    else { return nil }
    return FileOffset(start)
  }

  mutating func part() -> ELFArenaLayout.Part? {
    guard let start = word(), let byteCount = word(),
      let range = AddressRange(validating: VirtualAddress(start), byteCount: byteCount),
      let fileOffset = offset(byteCount)
    else { return nil }
    return ELFArenaLayout.Part(range: range, fileOffset: fileOffset)
  }

  /// The parts follow one another from the file's end on.
  mutating func growth() -> ELFArenaGrowth? {
    var parts: [ArenaPart] = []
    var end = fileByteCount
    for _ in 0..<ELFArenaGrowth.partCount {
      guard let start = word(), let byteCount = word(), let offset = word(), offset == end,
        let range = AddressRange(validating: VirtualAddress(start), byteCount: byteCount),
        let next = FileOffset(offset).advanced(by: byteCount)
      else { return nil }
      parts.append(ArenaPart(range: range, fileOffset: FileOffset(offset)))
      end = next.rawValue
    }
    guard let reserve = offset(parts.map(\.range.byteCount).max() ?? 0) else { return nil }
    var programHeaders: [FileOffset] = []
    var sectionHeaders: [FileOffset] = []
    var names: [UInt32] = []
    for _ in parts {
      guard let header = offset(UInt64(ELFHeader.programHeaderByteCount)) else { return nil }
      programHeaders.append(header)
    }
    for _ in parts {
      guard let header = offset(UInt64(ELFHeader.sectionHeaderByteCount)) else { return nil }
      sectionHeaders.append(header)
    }
    for _ in parts {
      guard let name = word(UInt32.self) else { return nil }
      names.append(name)
    }
    return ELFArenaGrowth(
      code: parts[0], constants: parts[1], data: parts[2], reserve: reserve,
      programHeaders: programHeaders, sectionHeaders: sectionHeaders, sectionNames: names)
  }

  mutating func sizeWords() -> [ELFSizeWord]? {
    guard let count = word(UInt8.self) else { return nil }
    var words: [ELFSizeWord] = []
    for _ in 0..<count {
      guard let fileOffset = offset(8), let byteCount = word(UInt8.self), byteCount == 4 || byteCount == 8,
        let scale = word(UInt32.self), let bias = word(UInt32.self)
      else { return nil }
      words.append(ELFSizeWord(fileOffset: fileOffset, byteCount: byteCount, scale: scale, bias: bias))
    }
    return words
  }

  /// A table is part of an arena, all of which is within reach of a 32-bit displacement.
  mutating func table(entryByteCount: UInt32) -> ELFTableRoom? {
    guard let address = word(), let fileOffset = offset(0), self.word(UInt32.self) == entryByteCount,
      let usedCount = word(UInt32.self), let capacity = word(UInt32.self), let words = sizeWords(),
      usedCount <= capacity
    else { return nil }
    let byteCount = UInt64(capacity) * UInt64(entryByteCount)
    guard byteCount < 1 << 31, let end = fileOffset.advanced(by: byteCount), end.rawValue <= fileByteCount,
      AddressRange(validating: VirtualAddress(address), byteCount: byteCount) != nil
    else { return nil }
    return ELFTableRoom(
      address: VirtualAddress(address), fileOffset: fileOffset, entryByteCount: entryByteCount,
      usedCount: usedCount, capacity: capacity, sizeWords: words)
  }

  /// The outer optional is the reader's, the inner one the layout's.
  mutating func optional<Value>(_ body: (inout LayoutReader) -> Value?) -> Value?? {
    switch word() {
    case 0: return .some(nil)
    case 1: return body(&self).map { .some($0) }
    default: return nil
    }
  }

  mutating func relocations() -> ELFRelocationRoom? {
    guard let table = self.table(entryByteCount: 24), let sortedCount = word(UInt32.self),
      sortedCount <= table.usedCount,
      let relativeCountWord = optional({ $0.offset(8) })
    else { return nil }
    return ELFRelocationRoom(table: table, sortedCount: sortedCount, relativeCountWord: relativeCountWord)
  }

  mutating func symbols() -> ELFSymbolRoom? {
    guard let symbols = self.table(entryByteCount: 24), let strings = self.table(entryByteCount: 1) else { return nil }
    guard let versions = optional({ $0.versions(symbolCapacity: symbols.capacity) }) else { return nil }
    return ELFSymbolRoom(symbols: symbols, strings: strings, versions: versions)
  }

  mutating func versions(symbolCapacity: UInt32) -> ELFVersionRoom? {
    guard let indexes = offset(2 * UInt64(symbolCapacity)), let needs = self.table(entryByteCount: 1),
      let words = sizeWords(),
      let highestDefinedIndex = word(UInt16.self), highestDefinedIndex < 0x7FFF
    else { return nil }
    return ELFVersionRoom(
      indexes: indexes, needs: needs, libraryCountWords: words, highestDefinedIndex: highestDefinedIndex)
  }

  mutating func unwind() -> ELFUnwindRoom? {
    guard let header = word(), let table = self.table(entryByteCount: 8),
      let records = self.table(entryByteCount: 1)
    else { return nil }
    return ELFUnwindRoom(header: VirtualAddress(header), table: table, records: records)
  }
}
