public import Addressing

/// A symbol of another image that is to be imported.
public struct ELFImport: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    case unknown = 0
    case data = 1
    case function = 2
  }

  public var name: String
  /// The version to ask for (`GLIBC_2.2.5`); nil asks for whatever the loader finds first.
  public var version: String?
  /// The `DT_SONAME` of the library that has the version. Required with `version`.
  public var library: String?
  public var kind: Kind

  public init(name: String, version: String?, library: String?, kind: Kind = .unknown) {
    self.name = name
    self.version = version
    self.library = library
    self.kind = kind
  }
}

extension ELFLoaderTables {
  /// Whether anything can be imported.
  public var hasImports: Bool { layout.symbols != nil }

  /// The index of the dynamic symbol for an import: one that is there, or a new one, undefined.
  public mutating func symbol(
    for wanted: ELFImport
  ) throws(ObjectFileError) -> (index: UInt32, edits: [FileEdit]) {
    guard let room = layout.symbols else {
      throw failure(
        .noRoom, symbol: wanted.name, detail: "no dynamic loader binds symbols in it (static, or no .dynsym)")
    }
    guard !wanted.name.isEmpty, !wanted.name.utf8.contains(0) else {
      throw failure(.badString, symbol: wanted.name, detail: "no symbol can have this name")
    }
    if let index = try existingSymbol(wanted, room) { return (index, []) }
    let (index, edits) = try change { (tables) throws(ObjectFileError) in try tables.addSymbol(wanted, room) }
    return (index, edits)
  }

  // MARK: Symbols

  private mutating func addSymbol(_ wanted: ELFImport, _ room: ELFSymbolRoom) throws(ObjectFileError) -> UInt32 {
    let version = try versionIndex(for: wanted, room)
    let name = try stringOffset(of: wanted.name, room)
    let used = max(counters.dynamicSymbols, try presentCount(of: room.symbols))
    let index = try self.room(
      for: 1, in: room.symbols, used: used, called: "the table of dynamic symbols", symbol: wanted.name)
    var entry = TableBytes()
    entry.append(name)
    entry.append(UInt8(1 << 4) | wanted.kind.rawValue)  // STB_GLOBAL
    entry.append(zeros: 19)  // st_other, SHN_UNDEF, st_value, st_size
    try buffer.write(entry.bytes, at: room.symbols.offset(ofEntry: index))
    if let versions = room.versions {
      try write(version, at: FileOffset(versions.indexes.rawValue + UInt64(index) * 2))
    }
    try setCount(of: room.symbols, atLeast: index + 1)
    counters.dynamicSymbols = index + 1
    return index
  }

  /// An undefined symbol of the name, with just the version that is asked for.
  private mutating func existingSymbol(
    _ wanted: ELFImport, _ room: ELFSymbolRoom
  ) throws(ObjectFileError) -> UInt32? {
    let names = try stringOffsets(of: wanted.name, room)
    guard !names.isEmpty else { return nil }
    let count = try presentCount(of: room.symbols)
    let symbols = TableBytes(try buffer.bytes(at: room.symbols.fileOffset, count: Int(count) * 24))
    for index in 1..<max(count, 1) {
      let at = Int(index) * 24
      guard names.contains(symbols.load(UInt32.self, at: at)), symbols.load(UInt16.self, at: at + 6) == 0 else {
        continue
      }
      if try version(ofSymbol: index, room) == wanted.version { return index }
    }
    return nil
  }

  private mutating func version(ofSymbol index: UInt32, _ room: ELFSymbolRoom) throws(ObjectFileError) -> String? {
    guard let versions = room.versions else { return nil }
    let raw = try buffer.load(UInt16.self, at: FileOffset(versions.indexes.rawValue + UInt64(index) * 2)) & 0x7FFF
    guard raw > 1 else { return nil }
    for library in try libraries(versions) {
      for version in library.versions where version.index == raw { return try string(at: version.name, room) }
    }
    return nil
  }

  // MARK: Strings

  mutating func strings(_ room: ELFSymbolRoom) throws(ObjectFileError) -> [UInt8] {
    try buffer.bytes(at: room.strings.fileOffset, count: Int(try presentCount(of: room.strings)))
  }

  func string(at offset: UInt32, in strings: [UInt8]) -> String? {
    guard Int(offset) < strings.count else { return nil }
    return String(decoding: strings[Int(offset)...].prefix { $0 != 0 }, as: UTF8.self)
  }

  mutating func string(at offset: UInt32, _ room: ELFSymbolRoom) throws(ObjectFileError) -> String? {
    string(at: offset, in: try strings(room))
  }

  /// Where the string stands, the ends of longer strings included: linkers merge them.
  private mutating func stringOffsets(of text: String, _ room: ELFSymbolRoom) throws(ObjectFileError) -> [UInt32] {
    let wanted = Array(text.utf8) + [0]
    let strings = try strings(room)
    guard strings.count >= wanted.count else { return [] }
    return strings.withUnsafeBufferPointer { strings in
      (0...strings.count - wanted.count).filter { start in
        strings[start] == wanted[0]
          && UnsafeBufferPointer(rebasing: strings[start..<start + wanted.count]).elementsEqual(wanted)
      }.map { UInt32($0) }
    }
  }

  /// The offset of a string, which is added unless the table has it.
  mutating func stringOffset(of text: String, _ room: ELFSymbolRoom) throws(ObjectFileError) -> UInt32 {
    if let offset = try stringOffsets(of: text, room).first { return offset }
    let wanted = Array(text.utf8) + [0]
    let used = max(counters.dynamicStrings, try presentCount(of: room.strings))
    let size = UInt32(clamping: wanted.count)
    let offset = try self.room(
      for: size, in: room.strings, used: used, called: "the table of dynamic strings", symbol: text)
    try buffer.write(wanted, at: room.strings.offset(ofEntry: offset))
    try setCount(of: room.strings, atLeast: offset + size)
    counters.dynamicStrings = offset + size
    return offset
  }

  mutating func write<Value: FixedWidthInteger>(_ value: Value, at offset: FileOffset) throws(ObjectFileError) {
    var bytes = TableBytes()
    bytes.append(value)
    try buffer.write(bytes.bytes, at: offset)
  }
}
