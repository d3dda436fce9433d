/// An update's content in its canonical form, with what it takes to make the stored form of it: encoding costs more than hashing.
struct EncodedContent {
  /// A byte string that may be kept elsewhere.
  struct ByteString {
    /// Where its length stands.
    var start: Int
    var content: Range<Int>
    var role: PayloadRole
  }

  /// How a byte string stands in the stored form.
  enum Form: UInt64 {
    case inline = 0
    case reference = 1
    case zeroes = 2
  }

  var bytes: [UInt8]
  /// In their order.
  var byteStrings: [ByteString]

  func digest(parent: Digest) -> Digest { UpdateDigest.digest(bytes, parent: parent) }

  /// As the journal's rows hold it, with the byte strings that `store` takes replaced by its references.
  ///
  /// - Parameter store: gives the reference under which the bytes are kept, or nil to have them in line.
  func stored(
    _ store: (_ bytes: [UInt8], _ role: PayloadRole) throws(JournalError) -> Int64?
  ) throws(JournalError) -> [UInt8] {
    var writer = ByteWriter()
    var end = 0
    for byteString in byteStrings {
      writer.append(raw: bytes[end..<byteString.start])
      let content = bytes[byteString.content]
      let count = UInt64(content.count) << 2
      if content.count > 8 && content.allSatisfy({ $0 == 0 }) {
        writer.append(varint: count | Form.zeroes.rawValue)
      } else if let reference = try store(Array(content), byteString.role) {
        writer.append(varint: count | Form.reference.rawValue)
        writer.append(signed: reference)
      } else {
        writer.append(varint: count | Form.inline.rawValue)
        writer.append(raw: content)
      }
      end = byteString.content.upperBound
    }
    writer.append(raw: bytes[end...])
    return writer.bytes
  }
}
