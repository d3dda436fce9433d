extension UInt64 {
  /// Its 8 bytes, the lowest first.
  var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }

  /// The number whose lowest bytes come first. Bytes after the eighth do not count.
  init(littleEndianBytes bytes: some Collection<UInt8>) {
    self = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
