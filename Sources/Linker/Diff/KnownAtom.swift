import Addressing
import Journal

/// An atom that the image has at the parent update: in the base image, or placed by an update since.
struct KnownAtom: Hashable {
  var identity: AtomIdentity
  var kind: AtomKind
  var placement: Placement
  var typeDigest: String?
  /// For a thread-local variable: its offset from the thread pointer, in bytes (psABI, variant II: negative).
  var threadOffset: Int64?
  /// Placed by an update; false where the base image's own bytes are meant.
  var isPlacedByUpdate: Bool
  /// An update removed it: it is where it was last, and comes back there.
  var isRemoved = false

  /// What a reference to the atom's name means: the canonical entry of a function, the place of data.
  var referenceAddress: VirtualAddress { placement.entry ?? placement.body.start }

  /// Where the journal has it before a change; nil for one that comes back.
  var former: Placement? { isRemoved ? nil : placement }

  /// What a change of it is to be called.
  func change(_ kind: AtomChange.Kind) -> AtomChange.Kind { isRemoved ? .added : kind }
}

extension KnownAtom {
  init(_ atom: PlacedAtom) {
    self.init(
      identity: atom.identity, kind: atom.kind, placement: atom.placement, typeDigest: atom.typeDigest,
      threadOffset: nil, isPlacedByUpdate: true, isRemoved: !atom.isCurrent)
  }

  /// - Parameter isReadOnly: whether the symbol stands where the program never writes.
  init?(_ symbol: BaseSymbol, isReadOnly: Bool) {
    let isFunction = symbol.kind == .function || symbol.kind == .indirectFunction || symbol.kind == .label
    let isLocal = symbol.binding == .local
    let start = symbol.kind == .threadLocal ? VirtualAddress(0) : symbol.address
    guard let body = AddressRange(validating: start, byteCount: symbol.byteCount) else { return nil }
    self.init(
      identity: isLocal
        ? AtomIdentity(name: symbol.name, unit: symbol.unit, unitOrdinal: symbol.unitOrdinal)
        : AtomIdentity(name: symbol.name),
      kind: isFunction ? .function : isReadOnly ? .constant : .variable,
      placement: Placement(body: body, capacity: symbol.byteCount, entry: isFunction ? symbol.address : nil),
      typeDigest: symbol.typeDigest,
      threadOffset: symbol.kind == .threadLocal ? Int64(bitPattern: symbol.address.rawValue) : nil,
      isPlacedByUpdate: false)
  }
}
