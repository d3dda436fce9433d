extension UInt64 {
  /// Its 8 bytes, the lowest first.
  var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}

extension [UInt8] {
  /// Whether a field of `count` bytes at `offset` lies within the bytes; false for every hostile combination.
  func holdsField(at offset: Int, count fieldCount: Int) -> Bool {
    offset >= 0 && fieldCount >= 0 && fieldCount <= count && offset <= count - fieldCount
  }

  /// The byte at `offset`, or nil outside.
  func byte(at offset: Int) -> UInt8? { indices.contains(offset) ? self[offset] : nil }

  /// A little-endian field, or nil where it does not lie within the bytes.
  func littleEndian32(at offset: Int) -> UInt32? {
    guard holdsField(at: offset, count: 4) else { return nil }
    return (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << (8 * UInt32($1)) }
  }

  func littleEndian64(at offset: Int) -> UInt64? {
    guard holdsField(at: offset, count: 8) else { return nil }
    return (0..<8).reduce(0) { $0 | UInt64(self[offset + $1]) << (8 * UInt64($1)) }
  }

  /// The sign-extended little-endian field of 4 bytes.
  func signed32(at offset: Int) -> Int64? { littleEndian32(at: offset).map { Int64(Int32(bitPattern: $0)) } }

  /// Whether `pattern` stands at `offset`; false where it would reach outside.
  func stands(_ pattern: [UInt8], at offset: Int) -> Bool {
    guard holdsField(at: offset, count: pattern.count) else { return false }
    return pattern.indices.allSatisfy { self[offset + $0] == pattern[$0] }
  }

  /// - Precondition: the field lies within the bytes.
  mutating func put(_ bytes: [UInt8], at offset: Int) {
    precondition(holdsField(at: offset, count: bytes.count), "a field is checked before it is written")
    for index in bytes.indices { self[offset + index] = bytes[index] }
  }

  mutating func put32(_ value: UInt32, at offset: Int) {
    put((0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }, at: offset)
  }

  mutating func put64(_ value: UInt64, at offset: Int) {
    put(value.littleEndianBytes, at: offset)
  }
}
