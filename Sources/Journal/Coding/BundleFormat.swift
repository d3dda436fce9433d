/// Updates as one portable file (docs/journal-format.md, "A bundle"): a head, items, and a digest over all of it.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 8 | magic `HCSB\r\n\x1a\n` |
/// | 8 | 4 | version, little-endian: 3 where there are shortcuts, else 2 where there are signatures, else 1 |
/// | 12 | 32 | the base image's digest |
/// | 44 | 8 | how many items follow, little-endian |
/// | 52 | | the items |
/// | at the end | 32 | SHA-256 of all bytes before it |
///
/// An item is its kind (one byte), its length (8 bytes, little-endian) and its bytes.
enum BundleFormat {
  static let magic: [UInt8] = [0x48, 0x43, 0x53, 0x42, 0x0d, 0x0a, 0x1a, 0x0a]
  static let version: UInt64 = 1
  static let signedVersion: UInt64 = 2
  static let shortcutVersion: UInt64 = 3
  static let headByteCount = 52
  static let itemHeadByteCount = 9

  enum ItemKind: UInt8 {
    /// An `UpdateRecord`. Its parent is the base image, stands before it, or is in the journal that takes it.
    case update = 1
    /// The digest of an update that stands before it, a public key, and its signature: 32, 32 and 64 bytes.
    case signature = 2
    /// What stands for pruned updates (`ShortcutCoding`). It leads from the base image, or from an update as a record's parent.
    case shortcut = 3
    /// As a signature, of a shortcut that stands before it.
    case shortcutSignature = 4
  }

  static func head(base: Digest, itemCount: UInt64, isSigned: Bool, hasShortcuts: Bool = false) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(raw: magic)
    writer.append(
      littleEndian: hasShortcuts ? shortcutVersion : isSigned ? signedVersion : version, byteCount: 4)
    writer.append(raw: base.bytes)
    writer.append(littleEndian: itemCount, byteCount: 8)
    return writer.bytes
  }

  static func item(_ kind: ItemKind, _ bytes: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(kind.rawValue)
    writer.append(littleEndian: UInt64(bytes.count), byteCount: 8)
    writer.append(raw: bytes)
    return writer.bytes
  }

  static func signature(
    _ signature: UpdateSignature, of digest: Digest, kind: ItemKind = .signature
  ) -> [UInt8] {
    item(kind, digest.bytes + signature.key.bytes + signature.bytes)
  }

  static func readSignature(_ bytes: [UInt8]) throws(JournalError) -> (digest: Digest, signature: UpdateSignature) {
    var reader = ByteReader(bytes, refusingWith: .malformedBundle)
    let digest = try reader.digest()
    guard let key = PublicKey(bytes: try reader.raw(PublicKey.byteCount)),
      let signature = UpdateSignature(key: key, bytes: try reader.raw(UpdateSignature.byteCount))
    else { throw reader.refusal("a signature has not the length of one") }
    try reader.finish()
    return (digest, signature)
  }

  static func readHead(_ bytes: [UInt8]) throws(JournalError) -> (base: Digest, itemCount: UInt64) {
    var reader = ByteReader(bytes, refusingWith: .malformedBundle)
    guard try reader.raw(magic.count) == magic else { throw reader.refusal("the magic is missing") }
    let version = try reader.littleEndian(byteCount: 4)
    guard (Self.version...shortcutVersion).contains(version) else {
      throw JournalError(.unsupportedUpdate, detail: "bundle version \(version)")
    }
    return (try reader.digest(), try reader.littleEndian(byteCount: 8))
  }

  static func readItemHead(_ bytes: [UInt8]) throws(JournalError) -> (kind: ItemKind, byteCount: UInt64) {
    var reader = ByteReader(bytes, refusingWith: .malformedBundle)
    return (try reader.kind(ItemKind.self), try reader.littleEndian(byteCount: 8))
  }
}
