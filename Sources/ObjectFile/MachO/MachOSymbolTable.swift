public import Addressing

/// The symbol table with its names (LC_SYMTAB), decoded where it stands at each access.
///
/// When it is made every symbol's name and section are checked to exist, so that reading one later cannot fail.
public struct MachOSymbolTable: RandomAccessCollection, Sendable {
  static let entryByteCount = 16

  public let strings: StringTable
  private let table: ByteView
  private let sectionCount: Int

  init(_ table: ByteView, strings: StringTable, in file: MachOFile) throws(ObjectFileError) {
    self.table = table
    self.strings = strings
    sectionCount = file.sections.count
    for index in indices { try check(index, file) }
  }

  private func check(_ index: Int, _ file: MachOFile) throws(ObjectFileError) {
    let at = index * Self.entryByteCount
    guard strings.holds(table.loadValidated(UInt32.self, at: at)) else {
      throw file.failure(.badString, at: fileOffset(of: index), detail: "the name of symbol \(index)")
    }
    let type = table.loadValidated(UInt8.self, at: at + 4)
    guard type & 0xE0 == 0 else { return }
    switch type & 0xE {
    case 0xE:
      let ordinal = Int(table.loadValidated(UInt8.self, at: at + 5))
      guard ordinal >= 1, ordinal <= sectionCount else {
        throw file.failure(
          .badSectionIndex, at: fileOffset(of: index),
          detail: "symbol \(index) in section \(ordinal) of \(sectionCount)")
      }
    case 0xA:
      guard let other = UInt32(exactly: table.loadValidated(UInt64.self, at: at + 8)), strings.holds(other) else {
        throw file.failure(.badString, at: fileOffset(of: index), detail: "the other name of alias \(index)")
      }
    case 0, 2, 0xC: break
    default:
      throw file.failure(
        .malformedTable, at: fileOffset(of: index), detail: "n_type 0x\(String(type, radix: 16)) of symbol \(index)")
    }
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.count / Self.entryByteCount }

  /// - Precondition: `index` is within the table. An index read from a file goes through `symbol(at:)`.
  public subscript(index: Int) -> MachOSymbol {
    precondition(index >= 0 && index < endIndex, "there is no symbol \(index)")
    let at = index * Self.entryByteCount
    let type = table.loadValidated(UInt8.self, at: at + 4)
    let isDebugging = type & 0xE0 != 0
    let description = table.loadValidated(UInt16.self, at: at + 6)
    let value = table.loadValidated(UInt64.self, at: at + 8)
    return MachOSymbol(
      index: index, nameOffset: table.loadValidated(UInt32.self, at: at), value: value,
      place: isDebugging
        ? debugPlace(table.loadValidated(UInt8.self, at: at + 5))
        : place(type, section: table.loadValidated(UInt8.self, at: at + 5), description: description, value: value),
      debugType: isDebugging ? type : nil, isExternal: !isDebugging && type & 1 != 0,
      isPrivateExternal: !isDebugging && type & 0x10 != 0, description: description)
  }

  /// The symbol that a record of the file refers to.
  public func symbol(at index: Int) throws(ObjectFileError) -> MachOSymbol {
    guard indices.contains(index) else {
      throw ObjectFileError(
        .badSymbolIndex, file: table.fileName, offset: table.fileOffset, detail: "symbol \(index) of \(count)",
        format: .machO)
    }
    return self[index]
  }

  /// Where the record of symbol `index` stands in the file.
  public func fileOffset(of index: Int) -> FileOffset {
    FileOffset(table.fileOffset.rawValue + UInt64(index * Self.entryByteCount))
  }

  /// As the linker sees it: with the underscore that C puts before its names.
  public func name(of symbol: MachOSymbol) throws(ObjectFileError) -> String {
    try strings.string(at: symbol.nameOffset)
  }

  public func nameBytes(of symbol: MachOSymbol) throws(ObjectFileError) -> ByteView {
    try strings.bytes(at: symbol.nameOffset)
  }

  /// Compares bytes, without making a string.
  public func nameMatches(_ symbol: MachOSymbol, _ name: String) -> Bool {
    strings.matches(name, at: symbol.nameOffset)
  }

  /// The name that an alias (N_INDR) stands for; nil for any other symbol.
  public func otherName(of symbol: MachOSymbol) throws(ObjectFileError) -> String? {
    guard symbol.place == .indirect else { return nil }
    return try strings.string(at: UInt32(clamping: symbol.value))
  }

  private func debugPlace(_ ordinal: UInt8) -> MachOSymbolPlace {
    ordinal >= 1 && Int(ordinal) <= sectionCount ? .section(Int(ordinal)) : .none
  }

  private func place(_ type: UInt8, section: UInt8, description: UInt16, value: UInt64) -> MachOSymbolPlace {
    switch type & 0xE {
    case 0x2: .absolute
    case 0xA: .indirect
    case 0xE: .section(Int(section))
    // GET_COMM_ALIGN: bits 8 to 11 of n_desc.
    case 0 where type & 1 != 0 && value != 0: .common(alignment: 1 << UInt64(description >> 8 & 0xF))
    default: .undefined
    }
  }
}

extension MachOFile {
  /// Nil where the file has none (LC_SYMTAB).
  public func symbolTable() throws(ObjectFileError) -> MachOSymbolTable? {
    guard let command = loadCommands.first(.symbolTable) else { return nil }
    let table = try view.table(
      at: UInt64(try command.view.load(UInt32.self, at: 8)), count: UInt64(try command.view.load(UInt32.self, at: 12)),
      entryByteCount: UInt64(MachOSymbolTable.entryByteCount))
    let strings = try view.slice(
      UInt64(try command.view.load(UInt32.self, at: 16)), UInt64(try command.view.load(UInt32.self, at: 20)))
    return try MachOSymbolTable(table, strings: StringTable(strings), in: self)
  }
}
