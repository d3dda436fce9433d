public import Addressing

/// Where an atom stands while a placement is valid.
public struct Placement: Hashable, Sendable {
  /// The bytes that are the atom's own: virtual address and size.
  public var body: AddressRange
  /// The room it may fill without moving, in bytes from `body.start`; at least `body.byteCount`.
  public var capacity: UInt64
  /// The canonical entry of a function: its address for ever. Nil for data.
  public var entry: VirtualAddress?
  /// The GOT cell through which the entry stub jumps; nil while there is no stub.
  public var cell: VirtualAddress?

  public init(body: AddressRange, capacity: UInt64, entry: VirtualAddress? = nil, cell: VirtualAddress? = nil) {
    self.body = body
    self.capacity = capacity
    self.entry = entry
    self.cell = cell
  }
}

/// One row of the atoms' history: what an update did to one atom.
public struct AtomChange: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    case added = 1
    case moved = 2
    /// Same place, other bytes.
    case rewritten = 3
    case removed = 4
  }

  public var atom: AtomIdentity
  public var atomKind: AtomKind
  public var change: Kind
  public var before: Placement?
  public var after: Placement?
  /// Indexes into the update's operations: those which realise this change.
  public var operations: [Int]
  /// A digest of the function's type or the variable's layout as DWARF tells it; nil without DWARF.
  public var typeDigest: String?
  /// The unit whose object defined a symbol that other files see, where the update was made from it; nil for symbols of
  /// one unit alone, for weak ones, and where it is not known.
  public var definer: CompilationUnit?

  public init(
    atom: AtomIdentity, atomKind: AtomKind, change: Kind, before: Placement?, after: Placement?, operations: [Int],
    typeDigest: String? = nil, definer: CompilationUnit? = nil
  ) {
    self.atom = atom
    self.atomKind = atomKind
    self.change = change
    self.before = before
    self.after = after
    self.operations = operations
    self.typeDigest = typeDigest
    self.definer = definer
  }
}
