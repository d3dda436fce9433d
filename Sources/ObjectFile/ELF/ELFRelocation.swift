public import Addressing

/// A relocation (gABI, Relocation).
public struct ELFRelocation: Hashable, Sendable {
  /// In a relocatable object the offset in the section it applies to, in an image the virtual address.
  public let offset: UInt64
  /// `ELF64_R_TYPE`: a number of the machine's psABI.
  public let type: UInt32
  /// 0 where it refers to no symbol.
  public let symbolIndex: Int
  /// 0 in a table without addends, where the addend stands at the relocated place.
  public let addend: Int64
}

/// A table of relocations, decoded where it stands at each access.
///
/// When it is made every symbol index is checked against the symbol table that belongs to it.
public struct ELFRelocations: RandomAccessCollection, Sendable {
  /// False for SHT_REL, whose addends stand at the relocated places.
  public let hasAddends: Bool
  private let table: ByteView

  init(
    _ table: ByteView, hasAddends: Bool, symbolCount: Int, in file: ELFFile, section: ELFSection? = nil
  ) throws(ObjectFileError) {
    self.table = table
    self.hasAddends = hasAddends
    for index in indices {
      let symbol = table.loadValidated(UInt32.self, at: index * entryByteCount + 12)
      guard symbol == 0 || Int(symbol) < symbolCount else {
        throw file.failure(
          .badSymbolIndex, at: fileOffset(of: index), in: section, detail: "symbol \(symbol) of \(symbolCount)")
      }
    }
  }

  var entryByteCount: Int { hasAddends ? 24 : 16 }

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.count / entryByteCount }

  /// - Precondition: `index` is within the table.
  public subscript(index: Int) -> ELFRelocation {
    precondition(index >= 0 && index < endIndex, "there is no relocation \(index)")
    let at = index * entryByteCount
    return ELFRelocation(
      offset: table.loadValidated(UInt64.self, at: at),
      type: table.loadValidated(UInt32.self, at: at + 8),
      symbolIndex: Int(table.loadValidated(UInt32.self, at: at + 12)),
      addend: hasAddends ? table.loadValidated(Int64.self, at: at + 16) : 0)
  }

  /// Where record `index` stands in the file.
  public func fileOffset(of index: Int) -> FileOffset {
    FileOffset(table.fileOffset.rawValue + UInt64(index * entryByteCount))
  }
}

extension ELFFile {
  /// The relocations in a SHT_RELA or SHT_REL section.
  public func relocations(of section: ELFSection) throws(ObjectFileError) -> ELFRelocations {
    let hasAddends = section.type == .relocationsWithAddends
    guard hasAddends || section.type == .relocations else {
      throw failure(.unexpectedSectionType, in: section, detail: "it holds no relocations")
    }
    let table = try records(of: section, entryByteCount: hasAddends ? 24 : 16)
    return try ELFRelocations(
      table, hasAddends: hasAddends, symbolCount: symbolCount(linkedFrom: section), in: self, section: section)
  }

  /// The section of relocations for each section of a relocatable object that has one.
  public func relocationSections() throws(ObjectFileError) -> ELFRelocationSections {
    var result = ELFRelocationSections(sections: sections)
    for index in sections.indices {
      let type = sections.type(of: index)
      guard type == .relocationsWithAddends || type == .relocations else { continue }
      let section = sections[index]
      // In an image these are the loader's tables: sh_info is then 0, or names the .got they fill.
      guard section.info != 0, !section.flags.contains(.allocated) else { continue }
      let target = try self.section(at: Int(section.info))
      guard result.insert(section, for: target) else {
        throw failure(.duplicateTable, in: section, detail: "a second table of relocations for \(name(of: target))")
      }
    }
    return result
  }

  /// How many symbols the table has that `sh_link` names; a static executable's IRELATIVE records name none.
  private func symbolCount(linkedFrom section: ELFSection) throws(ObjectFileError) -> Int {
    guard section.link != 0 else { return 0 }
    let symbols = try self.section(at: Int(section.link))
    guard symbols.type == .symbolTable || symbols.type == .dynamicSymbols else {
      throw failure(.unexpectedSectionType, in: symbols, detail: "sh_link of a table of relocations")
    }
    return Int(clamping: symbols.byteCount / UInt64(ELFSymbolTable.entryByteCount))
  }
}

/// Which section holds the relocations of which, in the order of the sections they apply to.
///
/// An array, for a dictionary of 100,000 sections costs 100 ms.
public struct ELFRelocationSections: Sequence, Sendable {
  private let sections: ELFSections
  /// By target; 0, the null section, where there are none.
  private var indexes: [UInt32]

  init(sections: ELFSections) {
    self.sections = sections
    indexes = Array(repeating: 0, count: sections.count)
  }

  /// The section with the relocations that apply to section `target`.
  public subscript(target: Int) -> ELFSection? {
    guard indexes.indices.contains(target), indexes[target] != 0 else { return nil }
    return sections[Int(indexes[target])]
  }

  public func makeIterator() -> AnyIterator<(target: Int, section: ELFSection)> {
    var next = 0
    return AnyIterator {
      while next < indexes.count {
        defer { next += 1 }
        if indexes[next] != 0 { return (next, sections[Int(indexes[next])]) }
      }
      return nil
    }
  }

  mutating func insert(_ section: ELFSection, for target: ELFSection) -> Bool {
    guard indexes[target.index] == 0 else { return false }
    indexes[target.index] = UInt32(section.index)
    return true
  }
}
