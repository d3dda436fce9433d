/// Runtime address minus virtual address, modulo 2^64. Zero for an image that is not position independent.
@frozen
public struct Slide: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let zero = Slide(rawValue: 0)

  /// The slide of an image of which `address` is found at `runtime`.
  @inlinable
  public init(of address: VirtualAddress, at runtime: RuntimeAddress) {
    rawValue = runtime.rawValue &- address.rawValue
  }
}

/// An address in a live task: a virtual address plus the task's slide. Never mixed with an unslid one.
@frozen
public struct RuntimeAddress: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public init(_ address: VirtualAddress, slide: Slide) {
    rawValue = address.rawValue &+ slide.rawValue
  }

  @inlinable
  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  @inlinable
  public func virtualAddress(slide: Slide) -> VirtualAddress {
    VirtualAddress(rawValue &- slide.rawValue)
  }
}

extension RuntimeAddress: CustomStringConvertible {
  public var description: String { "runtime address 0x" + String(rawValue, radix: 16) }
}
