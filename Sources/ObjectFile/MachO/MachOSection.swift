public import Addressing

/// A section header (`struct section_64`).
public struct MachOSection: Hashable, Sendable {
  /// In `MachOFile.sections`, from 0.
  public let index: Int
  public let segmentIndex: Int
  public let name: String
  /// The segment it belongs to in the image: in an object that is not the name of the segment that holds it.
  public let segmentName: String
  public let address: VirtualAddress
  /// In memory; in the file too, unless the type is one of zeros.
  public let byteCount: UInt64
  public let fileOffset: FileOffset
  /// A power of two, in bytes.
  public let alignment: UInt64
  public let relocationOffset: FileOffset
  public let relocationCount: Int
  public let type: MachOSectionType
  public let attributes: MachOSectionAttributes
  /// `reserved1`: for pointers to symbols and stubs, the first entry in the table of indirect symbols.
  public let indirectSymbolIndex: UInt32
  /// `reserved2`: for stubs, the size of one.
  public let stubByteCount: UInt32

  /// The number that symbols and relocations name it by, from 1.
  public var ordinal: Int { index + 1 }

  /// The addresses it takes up. Every section of a `MachOFile` was checked not to wrap around.
  public var range: AddressRange { AddressRange(start: address, byteCount: byteCount) }

  /// `__TEXT,__text`, as tools print it.
  public var fullName: String { "\(segmentName),\(name)" }

  /// Whether no program writes it, as compilers name their sections. The segment may let it: Zig's linker has no
  /// `__DATA_CONST`, and leaves `__DATA,__const` among the variables.
  public var holdsConstants: Bool { segmentName == "__TEXT" || name == "__const" || name == "__cfstring" }

  static let byteCount = 80
}

/// The low byte of a section's `flags`.
public struct MachOSectionType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// S_REGULAR
  public static let regular = MachOSectionType(rawValue: 0x0)
  /// S_ZEROFILL
  public static let zeroFill = MachOSectionType(rawValue: 0x1)
  /// S_CSTRING_LITERALS
  public static let cStrings = MachOSectionType(rawValue: 0x2)
  /// S_4BYTE_LITERALS
  public static let literals4 = MachOSectionType(rawValue: 0x3)
  /// S_8BYTE_LITERALS
  public static let literals8 = MachOSectionType(rawValue: 0x4)
  /// S_LITERAL_POINTERS
  public static let literalPointers = MachOSectionType(rawValue: 0x5)
  /// S_NON_LAZY_SYMBOL_POINTERS: the GOT
  public static let nonLazyPointers = MachOSectionType(rawValue: 0x6)
  /// S_LAZY_SYMBOL_POINTERS
  public static let lazyPointers = MachOSectionType(rawValue: 0x7)
  /// S_SYMBOL_STUBS
  public static let stubs = MachOSectionType(rawValue: 0x8)
  /// S_MOD_INIT_FUNC_POINTERS
  public static let initializers = MachOSectionType(rawValue: 0x9)
  /// S_MOD_TERM_FUNC_POINTERS
  public static let terminators = MachOSectionType(rawValue: 0xA)
  /// S_COALESCED
  public static let coalesced = MachOSectionType(rawValue: 0xB)
  /// S_GB_ZEROFILL
  public static let largeZeroFill = MachOSectionType(rawValue: 0xC)
  /// S_INTERPOSING
  public static let interposing = MachOSectionType(rawValue: 0xD)
  /// S_16BYTE_LITERALS
  public static let literals16 = MachOSectionType(rawValue: 0xE)
  /// S_LAZY_DYLIB_SYMBOL_POINTERS
  public static let lazyLibraryPointers = MachOSectionType(rawValue: 0x10)
  /// S_THREAD_LOCAL_REGULAR: first values of thread-local variables
  public static let threadLocalRegular = MachOSectionType(rawValue: 0x11)
  /// S_THREAD_LOCAL_ZEROFILL
  public static let threadLocalZeroFill = MachOSectionType(rawValue: 0x12)
  /// S_THREAD_LOCAL_VARIABLES: descriptors of thread-local variables
  public static let threadLocalDescriptors = MachOSectionType(rawValue: 0x13)
  /// S_THREAD_LOCAL_VARIABLE_POINTERS
  public static let threadLocalPointers = MachOSectionType(rawValue: 0x14)
  /// S_THREAD_LOCAL_INIT_FUNCTION_POINTERS
  public static let threadLocalInitializers = MachOSectionType(rawValue: 0x15)
  /// S_INIT_FUNC_OFFSETS
  public static let initializerOffsets = MachOSectionType(rawValue: 0x16)

  /// Whether it has no bytes in the file.
  public var isZeroFill: Bool { self == .zeroFill || self == .largeZeroFill || self == .threadLocalZeroFill }

  /// The size of one of the equal pieces it is made of, where the type says so.
  public var literalByteCount: UInt64? {
    switch self {
    case .literals4: 4
    case .literals8: 8
    case .literals16: 16
    default: nil
    }
  }
}

/// The high three bytes of a section's `flags`.
public struct MachOSectionAttributes: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// S_ATTR_PURE_INSTRUCTIONS
  public static let pureInstructions = MachOSectionAttributes(rawValue: 0x8000_0000)
  /// S_ATTR_STRIP_STATIC_SYMS
  public static let stripStaticSymbols = MachOSectionAttributes(rawValue: 0x2000_0000)
  /// S_ATTR_NO_DEAD_STRIP
  public static let noDeadStrip = MachOSectionAttributes(rawValue: 0x1000_0000)
  /// S_ATTR_LIVE_SUPPORT
  public static let liveSupport = MachOSectionAttributes(rawValue: 0x0800_0000)
  /// S_ATTR_SELF_MODIFYING_CODE
  public static let selfModifyingCode = MachOSectionAttributes(rawValue: 0x0400_0000)
  /// S_ATTR_DEBUG
  public static let debug = MachOSectionAttributes(rawValue: 0x0200_0000)
  /// S_ATTR_SOME_INSTRUCTIONS
  public static let someInstructions = MachOSectionAttributes(rawValue: 0x400)

  public var hasInstructions: Bool { !isDisjoint(with: [.pureInstructions, .someInstructions]) }
}

extension MachOSection {
  /// - Precondition: `header` holds the whole record.
  init(_ header: ByteView, index: Int, segmentIndex: Int) throws(ObjectFileError) {
    let exponent = try header.load(UInt32.self, at: 52)
    // MAXSECTALIGN of Apple's tools is 15; more than a page helps nobody.
    guard exponent <= 15 else {
      throw ObjectFileError(
        .malformedTable, file: header.fileName, offset: header.fileOffset,
        detail: "the alignment of section \(index + 1) is 2 to the \(exponent)", format: .machO)
    }
    let flags = try header.load(UInt32.self, at: 64)
    self.index = index
    self.segmentIndex = segmentIndex
    name = try header.slice(0, 16).paddedText
    segmentName = try header.slice(16, 16).paddedText
    address = VirtualAddress(try header.load(UInt64.self, at: 32))
    byteCount = try header.load(UInt64.self, at: 40)
    fileOffset = FileOffset(UInt64(try header.load(UInt32.self, at: 48)))
    alignment = 1 << UInt64(exponent)
    relocationOffset = FileOffset(UInt64(try header.load(UInt32.self, at: 56)))
    relocationCount = Int(try header.load(UInt32.self, at: 60))
    type = MachOSectionType(rawValue: UInt8(truncatingIfNeeded: flags))
    attributes = MachOSectionAttributes(rawValue: flags & 0xFFFF_FF00)
    indirectSymbolIndex = try header.load(UInt32.self, at: 68)
    stubByteCount = try header.load(UInt32.self, at: 72)
  }
}
