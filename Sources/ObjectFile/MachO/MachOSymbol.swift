/// A symbol (`struct nlist_64`, mach-o/nlist.h and stab.h).
public struct MachOSymbol: Hashable, Sendable {
  /// In its table.
  public let index: Int
  public let nameOffset: UInt32
  /// `n_value`: the virtual address (of an object: in its own layout); for a common symbol its size, for an alias
  /// (`indirect`) the offset of the other name.
  public let value: UInt64
  public let place: MachOSymbolPlace
  /// `n_type` of an entry of the debug map (N_SO, N_OSO, N_FUN …); nil for a real symbol.
  public let debugType: UInt8?
  /// N_EXT: other files see it.
  public let isExternal: Bool
  /// N_PEXT: other objects see it, other images do not.
  public let isPrivateExternal: Bool
  /// `n_desc`
  public let description: UInt16

  public var isDebugging: Bool { debugType != nil }
  /// Whether the file itself has what it names. Common symbols get their storage from the linker.
  public var isDefined: Bool {
    switch place {
    case .absolute, .section: !isDebugging
    case .undefined, .common, .indirect, .none: false
    }
  }

  // Bits of `n_desc`: the same bit says something else of an undefined symbol (its library) and of a common one (its
  // alignment).

  /// N_NO_DEAD_STRIP of a definition in an object.
  public var isNeverStripped: Bool { isDefined && description & 0x20 != 0 }
  /// N_WEAK_REF: may stay undefined.
  public var isWeakReference: Bool { place == .undefined && description & 0x40 != 0 }
  /// N_WEAK_DEF: of several definitions one is kept.
  public var isWeakDefinition: Bool { isDefined && description & 0x80 != 0 }
  /// N_WEAK_REF of a weak definition (`.weak_def_can_be_hidden`): nothing compares its address, so that the linker need
  /// not export it.
  public var isAutomaticallyHidden: Bool { isWeakDefinition && description & 0x40 != 0 }
  /// N_SYMBOL_RESOLVER: the address is that of a function that returns the address.
  public var isResolver: Bool { isDefined && description & 0x100 != 0 }
  /// N_ALT_ENTRY: a name inside the atom before it, which begins none.
  public var isAlternateEntry: Bool { isDefined && description & 0x200 != 0 }
  /// N_COLD_FUNC
  public var isCold: Bool { isDefined && description & 0x400 != 0 }
  /// REFERENCED_DYNAMICALLY: never to be stripped, such as `__mh_execute_header`.
  public var isReferencedDynamically: Bool { isDefined && description & 0x10 != 0 }

  public var isCommon: Bool {
    if case .common = place { true } else { false }
  }

  /// The section it is defined in, counted from 1.
  public var sectionOrdinal: Int? {
    if case .section(let ordinal) = place { ordinal } else { nil }
  }

  /// GET_LIBRARY_ORDINAL: where an undefined symbol of an image with two-level names is expected.
  public var library: MachOLibraryOrdinal { MachOLibraryOrdinal(rawValue: UInt8(description >> 8)) }
}

/// `n_type & N_TYPE`, with `n_sect`.
public enum MachOSymbolPlace: Hashable, Sendable {
  /// N_UNDF, or N_PBUD of prebound images
  case undefined
  /// N_UNDF of an external symbol with a value: storage that the linker makes. GET_COMM_ALIGN as a number of bytes; 1
  /// where none is given, and the linker chooses by the size.
  case common(alignment: UInt64)
  /// N_ABS
  case absolute
  /// N_SECT: a section that exists in the file, counted from 1.
  case section(Int)
  /// N_INDR: another name for the symbol that `value` names.
  case indirect
  /// Not a place: an entry of the debug map that names no section.
  case none
}

/// The library that an undefined symbol is taken from.
public enum MachOLibraryOrdinal: Hashable, Sendable {
  /// SELF_LIBRARY_ORDINAL
  case thisImage
  /// The library of that number among those loaded, from 1.
  case library(Int)
  /// DYNAMIC_LOOKUP_ORDINAL: looked for in all images
  case anyImage
  /// EXECUTABLE_ORDINAL
  case mainExecutable

  init(rawValue: UInt8) {
    switch rawValue {
    case 0: self = .thisImage
    case 0xFE: self = .anyImage
    case 0xFF: self = .mainExecutable
    default: self = .library(Int(rawValue))
    }
  }
}
