/// Reads the opcode streams and tries of `__LINKEDIT` one field after another.
struct MachOStreamCursor: Sendable {
  let stream: ByteView
  private(set) var offset: Int

  init(_ stream: ByteView, at offset: Int = 0) {
    self.stream = stream
    self.offset = offset
  }

  var isAtEnd: Bool { offset >= stream.count }

  mutating func byte() throws(ObjectFileError) -> UInt8 {
    let byte = try stream.load(UInt8.self, at: offset)
    offset += 1
    return byte
  }

  mutating func uleb() throws(ObjectFileError) -> UInt64 { try leb { $0.uleb() } }

  mutating func sleb() throws(ObjectFileError) -> Int64 { try leb { $0.sleb() } }

  private mutating func leb<Value>(_ read: (inout DWARFCursor) -> Value) throws(ObjectFileError) -> Value {
    let (value, end) = stream.withUnsafeBytes { bytes in
      var cursor = DWARFCursor(bytes, at: offset)
      let value = read(&cursor)
      return (value, cursor.failed ? nil : Optional(cursor.offset))
    }
    guard let end else { throw failure(.truncated, "a LEB128 that does not end, or leaves 64 bits") }
    offset = end
    return value
  }

  /// The name up to the next NUL, which is passed over.
  mutating func name() throws(ObjectFileError) -> String {
    let bytes = try stream.cStringBytes(at: offset)
    // A name that were read as other bytes than it has would be written back as another name.
    guard let name = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw failure(.badString, "a symbol's name is no UTF-8")
    }
    offset += bytes.count + 1
    return name
  }

  func failure(_ code: ObjectFileError.Code, _ detail: String, symbol: String? = nil) -> ObjectFileError {
    ObjectFileError(
      code, file: stream.fileName, offset: stream.fileOffset.advanced(by: UInt64(offset)), symbol: symbol,
      detail: detail, format: .machO)
  }
}
