/// A range of virtual addresses that does not wrap around: `start ..< start + byteCount`.
@frozen
public struct AddressRange: Hashable, Sendable {
  public let start: VirtualAddress
  public let byteCount: UInt64

  /// - Precondition: the range ends within the address space. Ranges read from a file go through
  ///   `init(validating:byteCount:)`.
  @inlinable
  public init(start: VirtualAddress, byteCount: UInt64) {
    precondition(start.advanced(by: byteCount) != nil, "an address range must not wrap around")
    self.start = start
    self.byteCount = byteCount
  }

  @inlinable
  public init?(validating start: VirtualAddress, byteCount: UInt64) {
    guard start.advanced(by: byteCount) != nil else { return nil }
    self.start = start
    self.byteCount = byteCount
  }

  @inlinable
  public var end: VirtualAddress { VirtualAddress(start.rawValue &+ byteCount) }

  @inlinable
  public var isEmpty: Bool { byteCount == 0 }

  @inlinable
  public func contains(_ address: VirtualAddress) -> Bool { start <= address && address < end }

  @inlinable
  public func contains(_ other: AddressRange) -> Bool { start <= other.start && other.end <= end }

  @inlinable
  public func overlaps(_ other: AddressRange) -> Bool { start < other.end && other.start < end }

  public func intersection(_ other: AddressRange) -> AddressRange? {
    guard overlaps(other), !isEmpty, !other.isEmpty else { return nil }
    let first = max(start, other.start)
    return AddressRange(start: first, byteCount: min(end, other.end).rawValue - first.rawValue)
  }

  /// What of this range is not in the other.
  public func subtracting(_ other: AddressRange) -> [AddressRange] {
    guard overlaps(other) else { return isEmpty ? [] : [self] }
    var rest: [AddressRange] = []
    if start < other.start { rest.append(AddressRange(start: start, byteCount: other.start.rawValue - start.rawValue)) }
    if other.end < end { rest.append(AddressRange(start: other.end, byteCount: end.rawValue - other.end.rawValue)) }
    return rest
  }
}

extension AddressRange: CustomStringConvertible {
  public var description: String { "\(start)..<\(end)" }
}
