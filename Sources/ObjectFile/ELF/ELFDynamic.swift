public import Addressing

/// An entry of the dynamic section (gABI, Dynamic Section).
public struct ELFDynamicEntry: Hashable, Sendable {
  public let tag: ELFDynamicTag
  public let value: UInt64
  public let fileOffset: FileOffset

  /// The entry's value read as an address (`d_ptr`).
  public var address: VirtualAddress { VirtualAddress(value) }
}

/// `d_tag`.
public struct ELFDynamicTag: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let null = ELFDynamicTag(rawValue: 0)
  public static let needed = ELFDynamicTag(rawValue: 1)
  public static let pltRelocationByteCount = ELFDynamicTag(rawValue: 2)
  public static let pltGOT = ELFDynamicTag(rawValue: 3)
  public static let hash = ELFDynamicTag(rawValue: 4)
  public static let strings = ELFDynamicTag(rawValue: 5)
  public static let symbols = ELFDynamicTag(rawValue: 6)
  /// DT_RELA
  public static let relocationsWithAddends = ELFDynamicTag(rawValue: 7)
  /// DT_RELASZ
  public static let relocationsWithAddendsByteCount = ELFDynamicTag(rawValue: 8)
  /// DT_RELAENT
  public static let relocationsWithAddendsEntrySize = ELFDynamicTag(rawValue: 9)
  /// DT_STRSZ
  public static let stringsByteCount = ELFDynamicTag(rawValue: 10)
  /// DT_SYMENT
  public static let symbolEntrySize = ELFDynamicTag(rawValue: 11)
  public static let initFunction = ELFDynamicTag(rawValue: 12)
  public static let finiFunction = ELFDynamicTag(rawValue: 13)
  public static let soname = ELFDynamicTag(rawValue: 14)
  public static let rpath = ELFDynamicTag(rawValue: 15)
  /// DT_REL
  public static let relocations = ELFDynamicTag(rawValue: 17)
  /// DT_RELSZ
  public static let relocationsByteCount = ELFDynamicTag(rawValue: 18)
  /// DT_RELENT
  public static let relocationsEntrySize = ELFDynamicTag(rawValue: 19)
  /// DT_PLTREL
  public static let pltRelocationKind = ELFDynamicTag(rawValue: 20)
  public static let debug = ELFDynamicTag(rawValue: 21)
  public static let textRelocations = ELFDynamicTag(rawValue: 22)
  /// DT_JMPREL
  public static let pltRelocations = ELFDynamicTag(rawValue: 23)
  public static let bindNow = ELFDynamicTag(rawValue: 24)
  public static let runpath = ELFDynamicTag(rawValue: 29)
  public static let flags = ELFDynamicTag(rawValue: 30)
  /// DT_RELRSZ
  public static let relativeRelocationsByteCount = ELFDynamicTag(rawValue: 35)
  /// DT_RELR
  public static let relativeRelocations = ELFDynamicTag(rawValue: 36)
  /// DT_RELRENT
  public static let relativeRelocationsEntrySize = ELFDynamicTag(rawValue: 37)
  public static let gnuHash = ELFDynamicTag(rawValue: 0x6FFF_FEF5)
  /// DT_VERSYM
  public static let symbolVersions = ELFDynamicTag(rawValue: 0x6FFF_FFF0)
  /// DT_RELACOUNT
  public static let relativeCount = ELFDynamicTag(rawValue: 0x6FFF_FFF9)
  public static let flags1 = ELFDynamicTag(rawValue: 0x6FFF_FFFB)
  /// DT_VERDEF
  public static let versionDefinitions = ELFDynamicTag(rawValue: 0x6FFF_FFFC)
  /// DT_VERDEFNUM
  public static let versionDefinitionCount = ELFDynamicTag(rawValue: 0x6FFF_FFFD)
  /// DT_VERNEED
  public static let versionNeeds = ELFDynamicTag(rawValue: 0x6FFF_FFFE)
  /// DT_VERNEEDNUM
  public static let versionNeedCount = ELFDynamicTag(rawValue: 0x6FFF_FFFF)
}

/// The dynamic section: its entries up to the first DT_NULL, decoded at each access.
public struct ELFDynamic: RandomAccessCollection, Sendable {
  static let entryByteCount = 16

  /// How many entries fit, the closing DT_NULL and any spare ones after it included.
  public let capacity: Int
  public let strings: StringTable
  private let table: ByteView
  private let used: Int

  init(_ table: ByteView, in file: ELFFile) throws(ObjectFileError) {
    self.table = table
    capacity = table.count / Self.entryByteCount
    used = (0..<capacity).first { table.loadValidated(UInt64.self, at: $0 * Self.entryByteCount) == 0 } ?? capacity
    strings = try Self.strings(table, used, file)
  }

  private static func strings(
    _ table: ByteView, _ used: Int, _ file: ELFFile
  ) throws(ObjectFileError) -> StringTable {
    func value(_ tag: ELFDynamicTag) -> UInt64? {
      (0..<used).first { table.loadValidated(UInt64.self, at: $0 * entryByteCount) == tag.rawValue }
        .map { table.loadValidated(UInt64.self, at: $0 * entryByteCount + 8) }
    }
    guard let address = value(.strings), let byteCount = value(.stringsByteCount), byteCount > 0 else {
      return try StringTable(file.view.slice(0, 0))
    }
    return try StringTable(file.bytes(at: VirtualAddress(address), count: byteCount))
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { used }

  /// - Precondition: `index` is less than `capacity`.
  public subscript(index: Int) -> ELFDynamicEntry {
    let at = index * Self.entryByteCount
    return ELFDynamicEntry(
      tag: ELFDynamicTag(rawValue: table.loadValidated(UInt64.self, at: at)),
      value: table.loadValidated(UInt64.self, at: at + 8),
      fileOffset: FileOffset(table.fileOffset.rawValue + UInt64(at)))
  }

  public func first(_ tag: ELFDynamicTag) -> ELFDynamicEntry? { first { $0.tag == tag } }

  public func value(_ tag: ELFDynamicTag) -> UInt64? { first(tag)?.value }

  /// The libraries the image was linked against, in the loader's order.
  public func needed() throws(ObjectFileError) -> [String] {
    var result: [String] = []
    for entry in self where entry.tag == .needed { result.append(try string(entry)) }
    return result
  }

  public func soname() throws(ObjectFileError) -> String? { try string(.soname) }
  public func runpath() throws(ObjectFileError) -> String? { try string(.runpath) }
  public func rpath() throws(ObjectFileError) -> String? { try string(.rpath) }

  /// DT_FLAGS: DF_ORIGIN 1, DF_SYMBOLIC 2, DF_TEXTREL 4, DF_BIND_NOW 8, DF_STATIC_TLS 16.
  public var flags: UInt64 { value(.flags) ?? 0 }

  /// DT_FLAGS_1: DF_1_NOW 1, DF_1_PIE 0x08000000.
  public var flags1: UInt64 { value(.flags1) ?? 0 }

  private func string(_ tag: ELFDynamicTag) throws(ObjectFileError) -> String? {
    guard let entry = first(tag) else { return nil }
    return try string(entry)
  }

  private func string(_ entry: ELFDynamicEntry) throws(ObjectFileError) -> String {
    guard let offset = UInt32(exactly: entry.value) else {
      throw ObjectFileError(
        .badString, file: table.fileName, offset: entry.fileOffset, section: ".dynamic",
        detail: "0x\(String(entry.value, radix: 16)) is no offset of a string")
    }
    return try strings.string(at: offset)
  }
}

extension ELFFile {
  /// The dynamic section: of the PT_DYNAMIC segment, as the loader finds it, or of the section.
  public func dynamic() throws(ObjectFileError) -> ELFDynamic? {
    if let segment = segments.first(of: .dynamic) {
      // The section of a file with debug information only has no bytes, whatever its segment says.
      if let section = section(named: ".dynamic"), section.type == .noBits { return nil }
      return try ELFDynamic(view.slice(segment.fileOffset.rawValue, segment.fileByteCount), in: self)
    }
    guard let section = sections.first(of: .dynamic) else { return nil }
    return try ELFDynamic(contents(of: section), in: self)
  }

  /// The path of the dynamic loader; nil for a library or a static executable.
  public var interpreter: String? {
    guard let segment = segments.first(of: .interpreter) else { return nil }
    return try? view.slice(segment.fileOffset.rawValue, segment.fileByteCount).cString(at: 0)
  }
}
