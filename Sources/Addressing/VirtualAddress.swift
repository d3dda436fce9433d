/// A virtual address of an image as linked: unslid, in bytes.
@frozen
public struct VirtualAddress: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  /// The address `byteCount` bytes further on, or nil where it would leave the address space.
  @inlinable
  public func advanced(by byteCount: UInt64) -> VirtualAddress? {
    let (sum, overflow) = rawValue.addingReportingOverflow(byteCount)
    return overflow ? nil : VirtualAddress(sum)
  }

  /// The address displaced by a signed number of bytes, modulo 2^64 as the psABI computes relocations.
  @inlinable
  public func displaced(by bytes: Int64) -> VirtualAddress {
    VirtualAddress(rawValue &+ UInt64(bitPattern: bytes))
  }

  /// The smallest multiple of `alignment` (a power of two) not below this address, or nil on overflow.
  @inlinable
  public func alignedUp(to alignment: UInt64) -> VirtualAddress? {
    advanced(by: alignment - 1).map { VirtualAddress($0.rawValue & ~(alignment - 1)) }
  }

  @inlinable
  public func alignedDown(to alignment: UInt64) -> VirtualAddress {
    VirtualAddress(rawValue & ~(alignment - 1))
  }
}

extension VirtualAddress: CustomStringConvertible {
  public var description: String { "0x" + String(rawValue, radix: 16) }
}
