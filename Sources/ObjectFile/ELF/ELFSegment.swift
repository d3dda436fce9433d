public import Addressing

/// A program header (gABI, Program Header).
public struct ELFSegment: FileSegment, Hashable, Sendable {
  public let index: Int
  public let type: ELFSegmentType
  public let protection: PageProtection
  public let fileOffset: FileOffset
  public let address: VirtualAddress
  public let fileByteCount: UInt64
  public let memoryByteCount: UInt64
  /// 0 and 1 both mean: none.
  public let alignment: UInt64

  /// The addresses it takes up. Every segment of an `ELFFile` was checked not to wrap around.
  public var range: AddressRange { AddressRange(start: address, byteCount: memoryByteCount) }
}

/// `p_type`.
public struct ELFSegmentType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// PT_NULL
  public static let null = ELFSegmentType(rawValue: 0)
  /// PT_LOAD
  public static let load = ELFSegmentType(rawValue: 1)
  /// PT_DYNAMIC
  public static let dynamic = ELFSegmentType(rawValue: 2)
  /// PT_INTERP
  public static let interpreter = ELFSegmentType(rawValue: 3)
  /// PT_NOTE
  public static let note = ELFSegmentType(rawValue: 4)
  /// PT_PHDR
  public static let programHeaders = ELFSegmentType(rawValue: 6)
  /// PT_TLS
  public static let threadLocal = ELFSegmentType(rawValue: 7)
  /// PT_GNU_EH_FRAME
  public static let unwindTable = ELFSegmentType(rawValue: 0x6474_E550)
  /// PT_GNU_STACK
  public static let stack = ELFSegmentType(rawValue: 0x6474_E551)
  /// PT_GNU_RELRO
  public static let readOnlyAfterRelocation = ELFSegmentType(rawValue: 0x6474_E552)
  /// PT_GNU_PROPERTY
  public static let property = ELFSegmentType(rawValue: 0x6474_E553)
}

/// The program headers of a file, decoded where they stand at each access.
public struct ELFSegments: RandomAccessCollection, Sendable {
  private let table: ByteView

  /// - Precondition: `table` holds a whole number of program headers.
  init(table: ByteView) { self.table = table }

  public var startIndex: Int { 0 }
  public var endIndex: Int { table.count / ELFHeader.programHeaderByteCount }

  /// - Precondition: `index` is within the table.
  public subscript(index: Int) -> ELFSegment {
    precondition(index >= 0 && index < endIndex, "there is no segment \(index)")
    let at = index * ELFHeader.programHeaderByteCount
    return ELFSegment(
      index: index,
      type: ELFSegmentType(rawValue: table.loadValidated(UInt32.self, at: at)),
      protection: PageProtection(segmentFlags: table.loadValidated(UInt32.self, at: at + 4)),
      fileOffset: FileOffset(table.loadValidated(UInt64.self, at: at + 8)),
      address: VirtualAddress(table.loadValidated(UInt64.self, at: at + 16)),
      fileByteCount: table.loadValidated(UInt64.self, at: at + 32),
      memoryByteCount: table.loadValidated(UInt64.self, at: at + 40),
      alignment: table.loadValidated(UInt64.self, at: at + 48))
  }

  /// The first segment of a type.
  public func first(of type: ELFSegmentType) -> ELFSegment? { first { $0.type == type } }

  /// Where the program header of segment `index` stands in the file.
  public func fileOffset(ofHeader index: Int) -> FileOffset {
    FileOffset(table.fileOffset.rawValue + UInt64(index * ELFHeader.programHeaderByteCount))
  }
}

extension PageProtection {
  /// `p_flags` has the bits in the opposite order of mmap(2): PF_X 1, PF_W 2, PF_R 4.
  init(segmentFlags flags: UInt32) {
    self = []
    if flags & 4 != 0 { insert(.read) }
    if flags & 2 != 0 { insert(.write) }
    if flags & 1 != 0 { insert(.execute) }
  }
}
