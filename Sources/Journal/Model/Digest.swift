/// A SHA-256 digest: 32 bytes.
public struct Digest: Hashable, Sendable {
  public static let byteCount = 32

  public let bytes: [UInt8]

  /// Nil unless there are exactly 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// The digest that stands for "no update": 32 zero bytes, as in a target's header that was never written.
  public static let zero = Digest(zeroes: ())

  /// All at once: byte by byte it costs ten times as much.
  public func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }

  private init(zeroes: Void) { bytes = [UInt8](repeating: 0, count: Self.byteCount) }
}

extension Digest: CustomStringConvertible {
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The first 12 hexadecimal digits, as listings show it.
  public var abbreviated: String { String(description.prefix(12)) }
}
