import Addressing

/// Appends the primitive encodings of docs/journal-format.md to a byte array. Each value has one encoding.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func append(raw: some Sequence<UInt8>) { bytes.append(contentsOf: raw) }

  mutating func append(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  /// Seven bits a byte, the low ones first, the top bit set in all but the last (LEB128).
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func append(count: Int) { append(varint: UInt64(count)) }

  /// Zigzag: 0, −1, 1, −2 … become 0, 1, 2, 3 ….
  mutating func append(signed value: Int64) {
    append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  mutating func append(_ address: VirtualAddress) { append(varint: address.rawValue) }

  mutating func append(_ range: AddressRange) {
    append(range.start)
    append(varint: range.byteCount)
  }

  mutating func append(byteString: some Collection<UInt8>) {
    append(count: byteString.count)
    append(raw: byteString)
  }

  mutating func append(_ text: String) { append(byteString: Array(text.utf8)) }

  /// A presence byte, 0 or 1, then the value.
  mutating func append<Value>(optional value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
    append(value != nil)
    if let value { body(&self, value) }
  }

  mutating func append(optional text: String?) { append(optional: text) { $0.append($1) } }

  mutating func append(optional address: VirtualAddress?) { append(optional: address) { $0.append($1) } }

  mutating func append(littleEndian value: UInt64, byteCount: Int) {
    for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
  }
}
