/// An update as one byte string that proves itself: whoever holds it can check it without a journal.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 8 | magic `HCSU\r\n\x1a\n` |
/// | 8 | 4 | version, 1, little-endian |
/// | 12 | 32 | the parent's digest |
/// | 44 | 32 | the update's digest |
/// | 76 | to the end | the content (`UpdateCoding`) |
///
/// The number is not in it, for that is a label within one journal.
public struct UpdateRecord: Hashable, Sendable {
  static let magic: [UInt8] = [0x48, 0x43, 0x53, 0x55, 0x0d, 0x0a, 0x1a, 0x0a]
  static let version: UInt64 = 1

  public let parent: Digest
  public let digest: Digest
  public let content: UpdateContent

  public init(parent: Digest, content: UpdateContent) throws(JournalError) {
    self.parent = parent
    self.content = content
    digest = try UpdateCoding.digest(of: content, parent: parent)
  }

  public init(_ update: Update) throws(JournalError) {
    try self.init(parent: update.parent, content: update.content)
    guard digest == update.digest else {
      throw JournalError(.digestMismatch, update: update.number, digest: update.digest)
    }
  }

  public func encoded() throws(JournalError) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(raw: Self.magic)
    writer.append(littleEndian: Self.version, byteCount: 4)
    writer.append(raw: parent.bytes)
    writer.append(raw: digest.bytes)
    writer.append(raw: try UpdateCoding.encode(content))
    return writer.bytes
  }

  /// Refuses whatever is not, byte for byte, what `encoded` wrote.
  public init(decoding bytes: [UInt8]) throws(JournalError) {
    var reader = ByteReader(bytes, refusingWith: .malformedUpdate)
    guard try reader.raw(Self.magic.count) == Self.magic else { throw reader.refusal("the magic is missing") }
    let version = try reader.littleEndian(byteCount: 4)
    guard version == Self.version else {
      throw JournalError(.unsupportedUpdate, detail: "record version \(version)")
    }
    parent = try reader.digest()
    digest = try reader.digest()
    let content = try reader.raw(reader.remainingCount)
    // The digest first: what it does not vouch for is not even looked at.
    guard UpdateDigest.digest(content, parent: parent) == digest else {
      throw JournalError(.digestMismatch, digest: digest)
    }
    self.content = try UpdateCoding.decode(content)
  }
}
