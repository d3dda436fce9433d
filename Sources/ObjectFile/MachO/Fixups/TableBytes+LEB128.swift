extension TableBytes {
  /// Unsigned LEB128 (DWARF 5, 7.6), in as few bytes as there can be.
  mutating func append(uleb value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Signed LEB128, in as few bytes as there can be.
  mutating func append(sleb value: Int64) {
    var rest = value
    // The last byte's bit 6 is the sign of all that is left out.
    while rest < -0x40 || rest > 0x3F {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest) & 0x7F)
  }

  /// A name and the NUL that ends it.
  mutating func append(name: String) {
    append(Array(name.utf8))
    append(UInt8(0))
  }
}
