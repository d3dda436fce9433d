public import Addressing

/// A symbol table with its names (gABI, Symbol Table), decoded where it stands at each access.
///
/// When it is made every symbol's name and section are checked to exist, so that reading one later cannot fail.
public struct ELFSymbolTable: RandomAccessCollection, Sendable {
  static let entryByteCount = 24

  /// The table's section; nil for one found through the dynamic section of a file without section headers.
  public let section: ELFSection?
  public let strings: StringTable
  private let table: ByteView
  private let extendedIndexes: ByteView?
  private let sectionCount: Int

  /// - Parameter extendedIndexes: the contents of the SHT_SYMTAB_SHNDX section that belongs to the table.
  init(
    _ table: ByteView, strings: StringTable, extendedIndexes: ByteView?, section: ELFSection?, in file: ELFFile
  ) throws(ObjectFileError) {
    self.table = table
    self.strings = strings
    self.extendedIndexes = extendedIndexes
    self.section = section
    sectionCount = file.sections.count
    try check(file)
  }

  private func check(_ file: ELFFile) throws(ObjectFileError) {
    guard extendedIndexes.map({ $0.count / 4 >= count }) ?? true else {
      throw file.failure(.truncated, in: section, detail: "too few extended section indexes")
    }
    for index in indices {
      let at = index * Self.entryByteCount
      guard strings.holds(table.loadValidated(UInt32.self, at: at)) else {
        throw file.failure(.badString, in: section, detail: "the name of symbol \(index)")
      }
      let raw = table.loadValidated(UInt16.self, at: at + 6)
      guard let sectionIndex = sectionIndex(raw, symbol: index), sectionCount > 0 else { continue }
      guard sectionIndex < sectionCount else {
        throw file.failure(
          .badSectionIndex, in: section, detail: "symbol \(index) in section \(sectionIndex) of \(sectionCount)")
      }
    }
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.count / Self.entryByteCount }

  /// - Precondition: `index` is within the table. An index read from a file goes through `symbol(at:)`.
  public subscript(index: Int) -> ELFSymbol {
    precondition(index >= 0 && index < endIndex, "there is no symbol \(index)")
    let at = index * Self.entryByteCount
    let info = table.loadValidated(UInt8.self, at: at + 4)
    let other = table.loadValidated(UInt8.self, at: at + 5)
    return ELFSymbol(
      index: index,
      nameOffset: table.loadValidated(UInt32.self, at: at),
      value: table.loadValidated(UInt64.self, at: at + 8),
      byteCount: table.loadValidated(UInt64.self, at: at + 16),
      binding: ELFSymbolBinding(rawValue: info >> 4),
      kind: ELFSymbolKind(rawValue: info & 0xF),
      visibility: ELFSymbolVisibility(other: other),
      machineBits: other & ~3,
      place: place(table.loadValidated(UInt16.self, at: at + 6), symbol: index))
  }

  /// The two facts by which symbols are assigned to source files, without decoding the rest.
  func fileAndLocal(_ index: Int) -> (isFile: Bool, isLocal: Bool) {
    let info = table.loadValidated(UInt8.self, at: index * Self.entryByteCount + 4)
    return (info & 0xF == 4, info >> 4 == 0)
  }

  /// The symbol that a record of the file refers to.
  public func symbol(at index: Int) throws(ObjectFileError) -> ELFSymbol {
    guard indices.contains(index) else {
      throw ObjectFileError(
        .badSymbolIndex, file: table.fileName, offset: table.fileOffset, detail: "symbol \(index) of \(count)")
    }
    return self[index]
  }

  /// Where the record of symbol `index` stands in the file.
  public func fileOffset(of index: Int) -> FileOffset {
    FileOffset(table.fileOffset.rawValue + UInt64(index * Self.entryByteCount))
  }

  public func name(of symbol: ELFSymbol) throws(ObjectFileError) -> String {
    try strings.string(at: symbol.nameOffset)
  }

  public func nameBytes(of symbol: ELFSymbol) throws(ObjectFileError) -> ByteView {
    try strings.bytes(at: symbol.nameOffset)
  }

  /// Compares bytes, without making a string.
  public func nameMatches(_ symbol: ELFSymbol, _ name: String) -> Bool {
    strings.matches(name, at: symbol.nameOffset)
  }

  private func place(_ raw: UInt16, symbol: Int) -> ELFSymbolPlace {
    if let index = sectionIndex(raw, symbol: symbol) {
      return index < sectionCount ? .section(index) : .reserved(raw)
    }
    switch raw {
    case 0: return .undefined
    case 0xFFF1: return .absolute
    case 0xFFF2: return .common
    default: return .reserved(raw)
    }
  }

  /// The section a symbol is defined in; nil where `st_shndx` names none.
  private func sectionIndex(_ raw: UInt16, symbol: Int) -> Int? {
    switch raw {
    case 0: nil
    case 0xFFFF: extendedIndexes.map { Int($0.loadValidated(UInt32.self, at: symbol * 4)) }
    case 0xFF00...: nil
    default: Int(raw)
    }
  }
}

extension ELFFile {
  public enum SymbolTableKind: Hashable, Sendable {
    /// SHT_SYMTAB
    case `static`
    /// SHT_DYNSYM; in a file without section headers, DT_SYMTAB
    case dynamic
  }

  public func symbolTable(_ which: SymbolTableKind) throws(ObjectFileError) -> ELFSymbolTable? {
    guard let section = sections.first(of: which == .static ? .symbolTable : .dynamicSymbols) else {
      return which == .dynamic ? try dynamicSymbolTableWithoutSections() : nil
    }
    return try symbolTable(in: section)
  }

  /// The symbol table in a section; its names are in the section that `sh_link` names.
  func symbolTable(in section: ELFSection) throws(ObjectFileError) -> ELFSymbolTable {
    let table = try records(of: section, entryByteCount: UInt64(ELFSymbolTable.entryByteCount))
    let names = try self.section(at: Int(section.link))
    guard names.type == .stringTable else {
      throw failure(.unexpectedSectionType, in: names, detail: "sh_link of a symbol table")
    }
    return try ELFSymbolTable(
      table, strings: StringTable(contents(of: names)), extendedIndexes: extendedIndexes(of: section),
      section: section, in: self)
  }

  private func extendedIndexes(of section: ELFSection) throws(ObjectFileError) -> ByteView? {
    for index in sections.indices where sections.type(of: index) == .extendedSectionIndexes {
      let candidate = sections[index]
      guard Int(candidate.link) == section.index else { continue }
      return try records(of: candidate, entryByteCount: 4)
    }
    return nil
  }
}
