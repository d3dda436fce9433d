/// An update's label within one journal, from 1; 0 is the base image. Its key everywhere else is its digest.
@frozen
public struct UpdateNumber: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }

  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  /// The base image.
  public static let base = UpdateNumber(0)

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension UpdateNumber: CustomStringConvertible {
  public var description: String { rawValue == 0 ? "base" : String(rawValue) }
}
