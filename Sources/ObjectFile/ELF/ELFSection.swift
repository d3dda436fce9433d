public import Addressing

/// A section header (gABI, Sections).
public struct ELFSection: Hashable, Sendable {
  public let index: Int
  public let nameOffset: UInt32
  public let type: ELFSectionType
  public let flags: ELFSectionFlags
  public let address: VirtualAddress
  public let fileOffset: FileOffset
  /// In memory; in the file too, unless the type is `noBits`.
  public let byteCount: UInt64
  public let link: UInt32
  public let info: UInt32
  /// 0 and 1 both mean: none.
  public let alignment: UInt64
  public let entrySize: UInt64

  /// The addresses it takes up. Every section of an `ELFFile` was checked not to wrap around.
  public var range: AddressRange { AddressRange(start: address, byteCount: byteCount) }
}

/// `sh_type`.
public struct ELFSectionType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// SHT_NULL
  public static let null = ELFSectionType(rawValue: 0)
  /// SHT_PROGBITS
  public static let progBits = ELFSectionType(rawValue: 1)
  /// SHT_SYMTAB
  public static let symbolTable = ELFSectionType(rawValue: 2)
  /// SHT_STRTAB
  public static let stringTable = ELFSectionType(rawValue: 3)
  /// SHT_RELA
  public static let relocationsWithAddends = ELFSectionType(rawValue: 4)
  /// SHT_HASH
  public static let hash = ELFSectionType(rawValue: 5)
  /// SHT_DYNAMIC
  public static let dynamic = ELFSectionType(rawValue: 6)
  /// SHT_NOTE
  public static let note = ELFSectionType(rawValue: 7)
  /// SHT_NOBITS
  public static let noBits = ELFSectionType(rawValue: 8)
  /// SHT_REL
  public static let relocations = ELFSectionType(rawValue: 9)
  /// SHT_DYNSYM
  public static let dynamicSymbols = ELFSectionType(rawValue: 11)
  /// SHT_INIT_ARRAY
  public static let initArray = ELFSectionType(rawValue: 14)
  /// SHT_FINI_ARRAY
  public static let finiArray = ELFSectionType(rawValue: 15)
  /// SHT_PREINIT_ARRAY
  public static let preinitArray = ELFSectionType(rawValue: 16)
  /// SHT_GROUP
  public static let group = ELFSectionType(rawValue: 17)
  /// SHT_SYMTAB_SHNDX
  public static let extendedSectionIndexes = ELFSectionType(rawValue: 18)
  /// SHT_RELR
  public static let relativeRelocations = ELFSectionType(rawValue: 19)
  /// SHT_GNU_HASH
  public static let gnuHash = ELFSectionType(rawValue: 0x6FFF_FFF6)
  /// SHT_GNU_verdef
  public static let versionDefinitions = ELFSectionType(rawValue: 0x6FFF_FFFD)
  /// SHT_GNU_verneed
  public static let versionNeeds = ELFSectionType(rawValue: 0x6FFF_FFFE)
  /// SHT_GNU_versym
  public static let symbolVersions = ELFSectionType(rawValue: 0x6FFF_FFFF)
  /// SHT_X86_64_UNWIND: what some compilers call `.eh_frame` (x86-64 psABI, Sections)
  // swift-format-ignore: AlwaysUseLowerCamelCase
  public static let x86_64Unwind = ELFSectionType(rawValue: 0x7000_0001)
}

/// `sh_flags`.
public struct ELFSectionFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// SHF_WRITE
  public static let write = ELFSectionFlags(rawValue: 0x1)
  /// SHF_ALLOC
  public static let allocated = ELFSectionFlags(rawValue: 0x2)
  /// SHF_EXECINSTR
  public static let executable = ELFSectionFlags(rawValue: 0x4)
  /// SHF_MERGE
  public static let mergeable = ELFSectionFlags(rawValue: 0x10)
  /// SHF_STRINGS
  public static let strings = ELFSectionFlags(rawValue: 0x20)
  /// SHF_INFO_LINK
  public static let infoLink = ELFSectionFlags(rawValue: 0x40)
  /// SHF_LINK_ORDER
  public static let linkOrder = ELFSectionFlags(rawValue: 0x80)
  /// SHF_GROUP
  public static let group = ELFSectionFlags(rawValue: 0x200)
  /// SHF_TLS
  public static let threadLocal = ELFSectionFlags(rawValue: 0x400)
  /// SHF_COMPRESSED
  public static let compressed = ELFSectionFlags(rawValue: 0x800)
  /// SHF_GNU_RETAIN
  public static let retained = ELFSectionFlags(rawValue: 0x20_0000)
  /// SHF_X86_64_LARGE
  public static let large = ELFSectionFlags(rawValue: 0x1000_0000)
  /// SHF_EXCLUDE
  public static let excluded = ELFSectionFlags(rawValue: 0x8000_0000)
}

/// The section headers of a file, decoded where they stand at each access. Section 0 is the null section.
public struct ELFSections: RandomAccessCollection, Sendable {
  private let table: ByteView

  /// - Precondition: `table` holds a whole number of section headers.
  init(table: ByteView) { self.table = table }

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.count / ELFHeader.sectionHeaderByteCount }

  /// - Precondition: `index` is within the table. An index read from a file goes through `ELFFile.section(at:)`.
  public subscript(index: Int) -> ELFSection {
    precondition(index >= 0 && index < endIndex, "there is no section \(index)")
    let at = index * ELFHeader.sectionHeaderByteCount
    return ELFSection(
      index: index,
      nameOffset: table.loadValidated(UInt32.self, at: at),
      type: type(of: index),
      flags: ELFSectionFlags(rawValue: table.loadValidated(UInt64.self, at: at + 8)),
      address: VirtualAddress(table.loadValidated(UInt64.self, at: at + 16)),
      fileOffset: FileOffset(table.loadValidated(UInt64.self, at: at + 24)),
      byteCount: table.loadValidated(UInt64.self, at: at + 32),
      link: table.loadValidated(UInt32.self, at: at + 40),
      info: table.loadValidated(UInt32.self, at: at + 44),
      alignment: table.loadValidated(UInt64.self, at: at + 48),
      entrySize: table.loadValidated(UInt64.self, at: at + 56))
  }

  /// The type alone: a look through 70,000 sections need not decode them.
  func type(of index: Int) -> ELFSectionType {
    ELFSectionType(rawValue: table.loadValidated(UInt32.self, at: index * ELFHeader.sectionHeaderByteCount + 4))
  }

  /// The fields by which every section is checked when a file is opened: decoding all of 300,000 takes twice as long.
  func extent(of index: Int) -> (nameOffset: UInt32, address: UInt64, fileOffset: UInt64, byteCount: UInt64) {
    let at = index * ELFHeader.sectionHeaderByteCount
    return (
      table.loadValidated(UInt32.self, at: at), table.loadValidated(UInt64.self, at: at + 16),
      table.loadValidated(UInt64.self, at: at + 24), table.loadValidated(UInt64.self, at: at + 32)
    )
  }

  /// The first section of a type.
  public func first(of type: ELFSectionType) -> ELFSection? {
    indices.first { self.type(of: $0) == type }.map { self[$0] }
  }

  /// Where the header of section `index` stands in the file.
  public func fileOffset(ofHeader index: Int) -> FileOffset {
    FileOffset(table.fileOffset.rawValue + UInt64(index * ELFHeader.sectionHeaderByteCount))
  }
}
