/// The public half of an Ed25519 key (RFC 8032): 32 bytes.
public struct PublicKey: Hashable, Sendable {
  public static let byteCount = 32

  public let bytes: [UInt8]

  /// Nil unless there are exactly 32 bytes. Whether they are a point of the curve is asked when a signature is checked.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }
}

/// Somebody's word for an update, and through its digest for the whole history before it and the image it is of.
public struct UpdateSignature: Hashable, Sendable {
  public static let byteCount = 64

  public let key: PublicKey
  /// R and S as RFC 8032 has them.
  public let bytes: [UInt8]

  /// Nil unless there are exactly 64 bytes.
  public init?(key: PublicKey, bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.key = key
    self.bytes = bytes
  }
}
