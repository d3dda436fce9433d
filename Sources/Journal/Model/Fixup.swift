public import Addressing

/// A field of code or data whose bytes follow from an address: the edge from one atom to another, once placed.
///
/// The field's value is redundant with `target`, `addend` and the place, so that the coding may mask it: what only
/// moved then stays equal, and code compresses 2.7 times better.
public struct Fixup: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    /// 4 bytes: target + addend − place (psABI: S + A − P).
    case relative32 = 1
    /// 8 bytes: target + addend − place.
    case relative64 = 2
    /// 4 bytes: target + addend, truncated; only in images that do not slide.
    case absolute32 = 3
    /// 8 bytes: target + addend, in images that do not slide.
    case absolute64 = 4
  }

  /// In bytes from the start of the written range.
  public var offset: UInt32
  public var kind: Kind
  public var target: VirtualAddress
  public var addend: Int64

  public init(offset: UInt32, kind: Kind, target: VirtualAddress, addend: Int64) {
    self.offset = offset
    self.kind = kind
    self.target = target
    self.addend = addend
  }

  public var byteCount: Int {
    switch kind {
    case .relative32, .absolute32: 4
    case .relative64, .absolute64: 8
    }
  }

  /// The little-endian bytes of the field when the range starts at `start`.
  public func fieldBytes(in start: VirtualAddress) -> [UInt8] {
    let place = start.rawValue &+ UInt64(offset)
    let absolute = target.rawValue &+ UInt64(bitPattern: addend)
    let value: UInt64 =
      switch kind {
      case .relative32, .relative64: absolute &- place
      case .absolute32, .absolute64: absolute
      }
    return (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
}
