import Addressing
import Journal

/// Symbols of Mach-O have no sizes: an atom reaches to the next one, in an image over what the linker left free between them
/// for alignment, in an object over what the compiler left.
struct DerivedSizes {
  let memory: PlacedMemory

  /// More than any alignment of data that compilers ask for.
  static let longestPadding: UInt64 = 256

  /// The atom with the size that the object's symbol has, where the rest of it is padding.
  func fitted(_ atom: KnownAtom, to symbol: PieceSymbol) throws(LinkError) -> KnownAtom {
    guard memory.hasDerivedSizes, atom.threadOffset == nil else { return atom }
    let body = atom.placement.body
    guard symbol.byteCount > 0, symbol.byteCount < body.byteCount,
      let rest = AddressRange(
        validating: body.start.displaced(by: Int64(clamping: symbol.byteCount)),
        byteCount: body.byteCount - symbol.byteCount),
      try canFollow(rest, atom)
    else { return atom }
    var fitted = atom
    fitted.placement.body = AddressRange(start: body.start, byteCount: symbol.byteCount)
    return fitted
  }

  /// Behind a constant of the base image stand others that have no name: of those any number may be taken for a part of it.
  private func canFollow(_ rest: AddressRange, _ atom: KnownAtom) throws(LinkError) -> Bool {
    if atom.kind == .constant, !atom.isPlacedByUpdate { return true }
    guard atom.kind == .function || rest.byteCount < Self.longestPadding else { return false }
    let bytes = try memory.bytes(from: rest.start, atMost: rest.byteCount)
    return atom.kind == .function ? memory.machine.padding(in: bytes) == bytes.count : bytes.allSatisfy { $0 == 0 }
  }
}
