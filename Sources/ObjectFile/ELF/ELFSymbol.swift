/// A symbol (gABI, Symbol Table).
public struct ELFSymbol: Hashable, Sendable {
  /// In its table.
  public let index: Int
  public let nameOffset: UInt32
  /// In an image the virtual address, in a relocatable object the offset in the section; for a common symbol its
  /// alignment, for a thread-local one of an image the offset in the TLS segment.
  public let value: UInt64
  public let byteCount: UInt64
  public let binding: ELFSymbolBinding
  public let kind: ELFSymbolKind
  public let visibility: ELFSymbolVisibility
  /// `st_other` without the visibility: bits of the machine's psABI.
  public let machineBits: UInt8
  public let place: ELFSymbolPlace

  public var isDefined: Bool { place != .undefined }
}

/// `ELF64_ST_BIND`.
public enum ELFSymbolBinding: Hashable, Sendable {
  /// STB_LOCAL
  case local
  /// STB_GLOBAL
  case global
  /// STB_WEAK
  case weak
  /// STB_GNU_UNIQUE
  case unique
  case other(UInt8)

  init(rawValue: UInt8) {
    switch rawValue {
    case 0: self = .local
    case 1: self = .global
    case 2: self = .weak
    case 10: self = .unique
    default: self = .other(rawValue)
    }
  }
}

/// `ELF64_ST_TYPE`.
public enum ELFSymbolKind: Hashable, Sendable {
  /// STT_NOTYPE
  case none
  /// STT_OBJECT
  case object
  /// STT_FUNC
  case function
  /// STT_SECTION
  case section
  /// STT_FILE
  case file
  /// STT_COMMON
  case common
  /// STT_TLS
  case threadLocal
  /// STT_GNU_IFUNC
  case indirectFunction
  case other(UInt8)

  init(rawValue: UInt8) {
    switch rawValue {
    case 0: self = .none
    case 1: self = .object
    case 2: self = .function
    case 3: self = .section
    case 4: self = .file
    case 5: self = .common
    case 6: self = .threadLocal
    case 10: self = .indirectFunction
    default: self = .other(rawValue)
    }
  }
}

/// `ELF64_ST_VISIBILITY`.
public enum ELFSymbolVisibility: UInt8, Hashable, Sendable {
  case `default`, `internal`, hidden, protected

  init(other: UInt8) {
    switch other & 3 {
    case 1: self = .internal
    case 2: self = .hidden
    case 3: self = .protected
    default: self = .default
    }
  }
}

/// `st_shndx`, with the escape for large section indexes (SHN_XINDEX) resolved.
public enum ELFSymbolPlace: Hashable, Sendable {
  /// SHN_UNDEF
  case undefined
  /// SHN_ABS
  case absolute
  /// SHN_COMMON
  case common
  /// A section that exists in the file.
  case section(Int)
  /// An index reserved for a processor or system; in a file without section headers, any other index.
  case reserved(UInt16)
}
