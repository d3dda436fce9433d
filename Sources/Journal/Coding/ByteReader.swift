import Addressing

/// The one bounds-checked reader of the journal's own encodings. Refuses what `ByteWriter` would not have written.
struct ByteReader {
  private let bytes: [UInt8]
  private(set) var position = 0
  /// What the bytes are, for the error.
  private let failure: JournalError.Code

  init(_ bytes: [UInt8], refusingWith failure: JournalError.Code) {
    self.bytes = bytes
    self.failure = failure
  }

  var remainingCount: Int { bytes.count - position }

  func refusal(_ detail: String) -> JournalError {
    JournalError(failure, offset: FileOffset(UInt64(position)), detail: detail)
  }

  func finish() throws(JournalError) {
    if remainingCount != 0 { throw refusal("\(remainingCount) bytes too many") }
  }

  mutating func byte() throws(JournalError) -> UInt8 {
    guard position < bytes.count else { throw refusal("the bytes end too early") }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func raw(_ count: Int) throws(JournalError) -> [UInt8] {
    guard count >= 0, count <= remainingCount else { throw refusal("the bytes end too early") }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  mutating func flag() throws(JournalError) -> Bool {
    switch try byte() {
    case 0: return false
    case 1: return true
    default: throw refusal("a flag is neither 0 nor 1")
    }
  }

  mutating func varint() throws(JournalError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<10 {
      let next = try byte()
      // The tenth byte holds bit 63 alone.
      if index == 9 && next > 1 { throw refusal("a number has more than 64 bits") }
      value |= UInt64(next & 0x7f) << UInt64(7 * index)
      if next < 0x80 {
        if next == 0 && index > 0 { throw refusal("a number has a longer form than needed") }
        return value
      }
    }
    throw refusal("a number has more than 64 bits")
  }

  mutating func varint32() throws(JournalError) -> UInt32 {
    guard let value = UInt32(exactly: try varint()) else { throw refusal("a number has more than 32 bits") }
    return value
  }

  /// The number of elements that follow, each at least one byte long: so a hostile count allocates nothing.
  mutating func count() throws(JournalError) -> Int {
    guard let value = Int(exactly: try varint()), value <= remainingCount else {
      throw refusal("a count goes beyond the end")
    }
    return value
  }

  mutating func signed() throws(JournalError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func address() throws(JournalError) -> VirtualAddress { VirtualAddress(try varint()) }

  mutating func range() throws(JournalError) -> AddressRange {
    let start = try address()
    guard let range = AddressRange(validating: start, byteCount: try varint()) else {
      throw refusal("a range leaves the address space")
    }
    return range
  }

  mutating func byteString() throws(JournalError) -> [UInt8] { try raw(try count()) }

  mutating func text() throws(JournalError) -> String {
    guard let text = String(validating: try byteString(), as: UTF8.self) else {
      throw refusal("a text is not UTF-8")
    }
    return text
  }

  mutating func optional<Value>(
    _ body: (inout ByteReader) throws(JournalError) -> Value
  ) throws(JournalError) -> Value? {
    try flag() ? try body(&self) : nil
  }

  mutating func optionalText() throws(JournalError) -> String? {
    try flag() ? try text() : nil
  }

  mutating func optionalAddress() throws(JournalError) -> VirtualAddress? {
    try flag() ? try address() : nil
  }

  mutating func kind<Kind: RawRepresentable<UInt8>>(_: Kind.Type) throws(JournalError) -> Kind {
    let raw = try byte()
    guard let kind = Kind(rawValue: raw) else { throw refusal("unknown \(Kind.self) \(raw)") }
    return kind
  }

  mutating func littleEndian(byteCount: Int) throws(JournalError) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<byteCount { value |= UInt64(try byte()) << UInt64(8 * index) }
    return value
  }
}
