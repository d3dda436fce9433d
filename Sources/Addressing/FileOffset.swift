/// A position in a file, in bytes from its start.
@frozen
public struct FileOffset: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

  /// The offset `byteCount` bytes further on, or nil on overflow.
  @inlinable
  public func advanced(by byteCount: UInt64) -> FileOffset? {
    let (sum, overflow) = rawValue.addingReportingOverflow(byteCount)
    return overflow ? nil : FileOffset(sum)
  }
}

extension FileOffset: CustomStringConvertible {
  public var description: String { "file offset 0x" + String(rawValue, radix: 16) }
}
