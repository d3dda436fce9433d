import Addressing
import Journal

/// A relocation record of an object file, seen from the atom that it lies in.
struct AtomRelocation: Hashable, Sendable {
  /// In bytes from the atom's start.
  var offset: Int
  /// The number in the object file; see `Machine`.
  var type: UInt32
  /// Index into the object's symbol table.
  var symbol: Int
  var addend: Int64
}

/// What a relocation asks of whoever resolves its symbol.
enum FixupNeed: Hashable, Sendable {
  /// No value: a marker, or a part of a sequence whose first relocation has the value.
  case nothing
  /// The symbol's own address: that of a function is its canonical entry.
  case address
  /// Where a direct call or jump goes: the canonical entry, a body, or a call stub will do.
  case call
  /// A GOT cell that holds the symbol's address. Where `isRelaxable`, `.address` serves as well.
  case gotCell(isRelaxable: Bool)
  /// A page, for all of an atom the same.
  case cellPage
  /// How far behind that page a cell with the symbol's address stands, in bytes.
  case cellOffset
  /// The variable's offset from the thread pointer.
  case threadOffset
  /// The two-cell call of `__tls_get_addr` for one variable: `.threadOffset`, or `.cell` of the offset.
  case generalDynamic
  /// The same for the module's whole block: answered with any `.threadOffset` in an image whose thread-local block is
  /// at a fixed distance from the thread pointer.
  case localDynamic
  /// A cell that holds the offset from the thread pointer: `.threadOffset`, or `.cell`.
  case initialExec
  /// A thread-local descriptor: `.threadOffset`, or `.cell` of the offset. `_TLS_MODULE_BASE_` is at offset 0, for the
  /// offsets within the block that are added to it are written relative to the thread pointer.
  case threadDescriptor
  case size
  case refused(RelocationRefusal)
}

/// Why a relocation is not handled, whatever its symbol.
enum RelocationRefusal: Hashable, Sendable {
  case unknownType
  case narrowField
  case gotBase
  case loaderOnly
  case extendedPrefix
  case outsideAtom
  case unknownSequence
  case threadCall

  var isMalformed: Bool { self == .outsideAtom || self == .unknownSequence }

  /// A clause for `LinkError.detail`.
  var clause: String {
    switch self {
    case .unknownType: "the psABI known here has no such type"
    case .narrowField: "a field of 8 or 16 bits cannot hold an address"
    case .gotBase:
      "it is relative to the start of the GOT, or to itself (large or tiny code model); compile with -mcmodel=small, or -fPIC"
    case .loaderOnly: "only a dynamic loader may meet it, not a linker"
    case .extendedPrefix: "it marks an APX instruction; compile without -mapxf"
    case .threadCall: "it belongs to a call of __tls_get_addr; compile with -mtls-dialect=desc"
    case .outsideAtom: "its field does not lie within the atom"
    case .unknownSequence: "the bytes around it are none of the sequences that the psABI documents"
    }
  }
}

/// What a symbol resolves to for one relocation.
enum FixupValue: Hashable, Sendable {
  case address(VirtualAddress)
  /// The address of the cell.
  case cell(VirtualAddress)
  /// How far the cell stands behind the page that `.cellPage` is answered with, in bytes.
  case cellOffset(UInt64)
  /// Relative to the thread pointer: the symbol's offset less the aligned size of the thread-local segment.
  case threadOffset(Int64)
  case size(UInt64)
  /// A number that no slide is added to: an `SHN_ABS` symbol, or 0 for a weak symbol that nothing defines.
  case absolute(UInt64)
  /// The dynamic loader fills the 8-byte word from another image.
  case imported
}

/// An atom with its relocations done for one place.
struct RelocatedAtom: Hashable, Sendable {
  var bytes: [UInt8]
  /// Every field that follows from an address, ascending.
  var fixups: [Fixup]
  /// The 8-byte words that a loader slides; their bytes are 0.
  var pointers: [AtomPointer]
  /// The 8-byte words that the loader fills from another image; their bytes are 0.
  var imports: [AtomRelocation]
}

/// An absolute 8-byte pointer of an image that slides.
struct AtomPointer: Hashable, Sendable {
  /// In bytes from the atom's start.
  var offset: Int
  /// What the word points at: the symbol's address and the addend together.
  var target: VirtualAddress
  var relocation: AtomRelocation
}
