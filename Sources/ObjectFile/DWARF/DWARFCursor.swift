/// Reads fields of a debug section one after another, each checked against the end.
///
/// A read past the end returns zero and sets `failed`, which never goes back: a loop looks at it once a turn instead of
/// catching an error for each of the millions of fields of an image's debug information.
struct DWARFCursor {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int
  let end: Int
  private(set) var failed: Bool

  /// A cursor over `bytes[offset..<end]`; failed from the start where that is not a range of `bytes`.
  init(_ bytes: UnsafeRawBufferPointer, at offset: Int, end: Int? = nil) {
    let end = end ?? bytes.count
    self.bytes = bytes
    self.offset = offset
    self.end = end
    failed = offset < 0 || offset > end || end > bytes.count
  }

  var isAtEnd: Bool { failed || offset >= end }

  /// Whether `count` more bytes are there; fails the cursor where they are not.
  private mutating func has(_ count: Int) -> Bool {
    if !failed && count >= 0 && count <= end - offset { return true }
    failed = true
    return false
  }

  private mutating func load<T: FixedWidthInteger>(_: T.Type) -> T {
    guard has(MemoryLayout<T>.size) else { return 0 }
    defer { offset += MemoryLayout<T>.size }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  mutating func u8() -> UInt8 {
    guard has(1) else { return 0 }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func u16() -> UInt16 { load(UInt16.self) }
  mutating func u32() -> UInt32 { load(UInt32.self) }
  mutating func u64() -> UInt64 { load(UInt64.self) }

  mutating func u24() -> UInt32 {
    let low = u16()
    return UInt32(low) | UInt32(u8()) << 16
  }

  /// An unsigned LEB128 (DWARF 5, 7.6). One that does not fit 64 bits fails the cursor.
  mutating func uleb() -> UInt64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = u8()
      if failed { return 0 }
      let bits = UInt64(byte & 0x7f)
      if shift >= 64 || (shift == 63 && bits > 1) {
        // Padding with zero bits is allowed, however long.
        if bits != 0 { failed = true }
      } else {
        result |= bits << shift
      }
      if byte & 0x80 == 0 { return failed ? 0 : result }
      shift += 7
    }
  }

  /// A signed LEB128; bits beyond 64 are dropped.
  mutating func sleb() -> Int64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = u8()
      if failed { return 0 }
      if shift < 64 { result |= UInt64(byte & 0x7f) << shift }
      shift += 7
      if byte & 0x80 == 0 {
        if byte & 0x40 != 0 && shift < 64 { result |= ~0 << shift }
        return Int64(bitPattern: result)
      }
    }
  }

  mutating func skip(_ count: Int) {
    if has(count) { offset += count }
  }

  mutating func skip(_ count: UInt64) {
    skip(Int(clamping: count))
  }

  mutating func skipLEB() {
    while !failed && u8() & 0x80 != 0 {}
  }

  mutating func move(to newOffset: Int) {
    if newOffset >= 0 && newOffset <= end { offset = newOffset } else { failed = true }
  }

  /// Passes over a string and its terminator, and returns where it stands, without the terminator.
  mutating func string() -> Range<Int> {
    let start = offset
    while !failed && u8() != 0 {}
    return failed ? start..<start : start..<(offset - 1)
  }
}
