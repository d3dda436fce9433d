public import Addressing

/// A symbol of the base image as the linker looks it up by name or by address.
public struct BaseSymbol: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    case function = 1
    case data = 2
    case threadLocal = 3
    /// STT_NOTYPE: a label of hand-written assembly.
    case label = 4
    case indirectFunction = 5
  }

  public enum Binding: UInt8, Hashable, Sendable, CaseIterable {
    case local = 0
    case global = 1
    case weak = 2
  }

  public var name: String
  /// For `.threadLocal` no address but the offset from the thread pointer, in bytes, two's complement.
  public var address: VirtualAddress
  public var byteCount: UInt64
  public var kind: Kind
  public var binding: Binding
  /// The `STT_FILE` symbol that a local symbol follows; for a global one the same name of the unit that defines it,
  /// where that is known.
  public var unit: String?
  public var unitOrdinal: UInt32
  /// See `AtomChange.typeDigest`.
  public var typeDigest: String?

  public init(
    name: String, address: VirtualAddress, byteCount: UInt64, kind: Kind, binding: Binding, unit: String? = nil,
    unitOrdinal: UInt32 = 0, typeDigest: String? = nil
  ) {
    self.name = name
    self.address = address
    self.byteCount = byteCount
    self.kind = kind
    self.binding = binding
    self.unit = unit
    self.unitOrdinal = unitOrdinal
    self.typeDigest = typeDigest
  }
}

/// A slot of the base image that the dynamic loader fills from another image.
public struct BaseImport: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// `.got.plt`, possibly bound lazily: good for calls, not for the address.
    case jumpSlot = 1
    case globalData = 2
    /// The image holds its own copy of the library's variable at `slot` (R_X86_64_COPY).
    case copy = 3
    /// A pointer in the program's data: it tells what the word means, and serves no other reference.
    case word = 4
    /// The call stub whose address stands for a library's function in every image: the main program is fixed and takes
    /// the function's address (psABI, "Function Addresses").
    case canonicalStub = 5
  }

  public var symbol: ImportedSymbol
  public var slot: VirtualAddress
  public var kind: Kind

  public init(symbol: ImportedSymbol, slot: VirtualAddress, kind: Kind) {
    self.symbol = symbol
    self.slot = slot
    self.kind = kind
  }
}

/// The layout of a named type as DWARF tells it, for the comparison that refuses a change under a running program.
public struct TypeLayout: Hashable, Sendable {
  /// With its tag: `struct conn`, `union value`, `enum state`.
  public var name: String
  public var byteCount: UInt64
  /// Members with offset and type, complete enough that equal texts mean equal layouts.
  public var layout: String

  public init(name: String, byteCount: UInt64, layout: String) {
    self.name = name
    self.byteCount = byteCount
    self.layout = layout
  }
}
