/// Which image a symbol is looked up in: the number of a dylib's load command from 1 on, or one of the special values
/// (`<mach-o/loader.h>`, BIND_SPECIAL_DYLIB_*).
public struct MachOBindLibrary: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  public init(_ rawValue: Int) { self.rawValue = rawValue }

  /// BIND_SPECIAL_DYLIB_SELF
  public static let thisImage = MachOBindLibrary(0)
  /// BIND_SPECIAL_DYLIB_MAIN_EXECUTABLE
  public static let mainExecutable = MachOBindLibrary(-1)
  /// BIND_SPECIAL_DYLIB_FLAT_LOOKUP
  public static let flatLookup = MachOBindLibrary(-2)
  /// BIND_SPECIAL_DYLIB_WEAK_LOOKUP
  public static let weakLookup = MachOBindLibrary(-3)

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  /// Whether it is one of those that dyld knows, in an image that loads `libraryCount` dylibs.
  func isKnown(libraryCount: Int) -> Bool { rawValue >= Self.weakLookup.rawValue && rawValue <= libraryCount }
}

/// The symbol that a word is bound to.
public struct MachOBindTarget: Hashable, Sendable {
  /// Where it is looked up. In the weak stream, which names no library, `weakLookup`.
  public var library: MachOBindLibrary
  public var symbol: String
  /// Added to the symbol's address.
  public var addend: Int64
  /// BIND_SYMBOL_FLAGS_WEAK_IMPORT: zero where it is not found.
  public var isWeakImport: Bool

  public init(library: MachOBindLibrary, symbol: String, addend: Int64 = 0, isWeakImport: Bool = false) {
    self.library = library
    self.symbol = symbol
    self.addend = addend
    self.isWeakImport = isWeakImport
  }

  // Names are compared by their bytes, as dyld does it; `String` would take two spellings of an accent for one.
  public static func == (lhs: Self, rhs: Self) -> Bool {
    lhs.library == rhs.library && lhs.addend == rhs.addend && lhs.isWeakImport == rhs.isWeakImport
      && lhs.symbol.utf8.elementsEqual(rhs.symbol.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(library)
    hasher.combine(addend)
    hasher.combine(isWeakImport)
    for byte in symbol.utf8 { hasher.combine(byte) }
  }
}

/// A word that dyld fills with a symbol's address.
public struct MachOBind: Hashable, Sendable {
  public var place: MachOFixupPlace
  public var target: MachOBindTarget
  /// In the lazy stream, where the opcodes of this word begin: the stub helper hands this to dyld. Nil elsewhere.
  public var streamOffset: UInt32?

  public init(place: MachOFixupPlace, target: MachOBindTarget, streamOffset: UInt32? = nil) {
    self.place = place
    self.target = target
    self.streamOffset = streamOffset
  }
}

/// The three streams of bind opcodes in LC_DYLD_INFO_ONLY.
public enum MachOBindStream: Hashable, Sendable, CaseIterable {
  /// `bind_off`: bound when the image is loaded.
  case regular
  /// `weak_bind_off`: bound to the first definition of a name in any image.
  case weak
  /// `lazy_bind_off`: bound at the first call.
  case lazy
}

/// The upper half of a byte of the stream; the lower half is its immediate (`<mach-o/loader.h>`, BIND_OPCODE_*).
enum MachOBindOpcode: UInt8 {
  case done = 0x00
  case setLibrary = 0x10
  case setLibraryULEB = 0x20
  case setSpecialLibrary = 0x30
  case setSymbol = 0x40
  case setType = 0x50
  case setAddend = 0x60
  case setSegmentAndOffset = 0x70
  case addAddress = 0x80
  case bind = 0x90
  case bindAddAddress = 0xA0
  case bindAddAddressScaled = 0xB0
  case bindTimesSkipping = 0xC0
  /// BIND_OPCODE_THREADED, of arm64e images before chained fixups.
  case threaded = 0xD0

  /// BIND_TYPE_POINTER
  static let pointerType: UInt8 = 1
  /// BIND_SYMBOL_FLAGS_WEAK_IMPORT
  static let weakImport: UInt8 = 1
  /// BIND_SYMBOL_FLAGS_NON_WEAK_DEFINITION
  static let strongDefinition: UInt8 = 8
}
