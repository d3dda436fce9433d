/// A shortcut as one byte string (docs/journal-format.md, "Shortcuts"), and the digests that vouch for it.
@_spi(Fuzzing) public enum ShortcutCoding {
  static let domain = Array("hcs-journal shortcut 1\n".utf8)
  static let coveredDomain = Array("hcs-journal covered 1\n".utf8)

  /// Over what is covered: each update's digest, its operation count and the canonical encoding of its skeleton.
  static func coveredDigest(_ covered: [Shortcut.Covered]) throws(JournalError) -> Digest {
    var pieces: [[UInt8]] = []
    for update in covered { pieces.append(try encode(update)) }
    return coveredDigest(pieces)
  }

  private static func coveredDigest(_ pieces: [[UInt8]]) -> Digest {
    var rest = ([coveredDomain] + pieces)[...]
    return Digest.sha256(pieces: { rest.popFirst() })
  }

  /// - Parameter covered: `coveredDigest`.
  static func digest(
    from: Digest, to: Digest, covered: Digest, content: UpdateContent
  ) throws(JournalError) -> Digest {
    .sha256(domain, from.bytes, to.bytes, covered.bytes, try UpdateCoding.encode(content))
  }

  static func digest(of shortcut: Shortcut) throws(JournalError) -> Digest {
    try digest(
      from: shortcut.from, to: shortcut.to, covered: coveredDigest(shortcut.covered), content: shortcut.content)
  }

  public static func encode(_ shortcut: Shortcut) throws(JournalError) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(raw: shortcut.from.bytes)
    writer.append(raw: try digest(of: shortcut).bytes)
    writer.append(count: shortcut.covered.count)
    for update in shortcut.covered { writer.append(raw: try encode(update)) }
    writer.append(byteString: try UpdateCoding.encode(shortcut.content))
    return writer.bytes
  }

  /// Refuses whatever is not, byte for byte, what `encode` wrote. The digest first: what it does not vouch for is not looked at.
  public static func decode(_ bytes: [UInt8]) throws(JournalError) -> (shortcut: Shortcut, digest: Digest) {
    var reader = ByteReader(bytes, refusingWith: .malformedUpdate)
    let from = try reader.digest()
    let digest = try reader.digest()
    var frames: [Frame] = []
    for _ in 0..<(try reader.count()) {
      frames.append(Frame(digest: try reader.digest(), count: try reader.varint(), skeleton: try reader.byteString()))
    }
    let content = try reader.byteString()
    try reader.finish()
    guard frames.count > 1, let to = frames.last?.digest else {
      throw reader.refusal("a shortcut covers two updates at least")
    }
    let covered = coveredDigest(frames.map(\.bytes))
    guard Digest.sha256(domain, from.bytes, to.bytes, covered.bytes, content) == digest else {
      throw JournalError(.digestMismatch, digest: digest)
    }
    var updates: [Shortcut.Covered] = []
    for frame in frames { updates.append(try frame.decoded(reader)) }
    return (Shortcut(from: from, covered: updates, content: try UpdateCoding.decode(content)), digest)
  }

  /// A covered update as it stands in the bytes.
  private struct Frame {
    var digest: Digest
    var count: UInt64
    var skeleton: [UInt8]

    var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.append(raw: digest.bytes)
      writer.append(varint: count)
      writer.append(byteString: skeleton)
      return writer.bytes
    }

    func decoded(_ reader: ByteReader) throws(JournalError) -> Shortcut.Covered {
      let content = try UpdateCoding.decode(skeleton)
      guard let count = Int(exactly: count), content == content.skeleton else {
        throw reader.refusal("a covered update has more than its skeleton")
      }
      return Shortcut.Covered(digest: digest, operationCount: count, skeleton: content)
    }
  }

  private static func encode(_ update: Shortcut.Covered) throws(JournalError) -> [UInt8] {
    let count = UInt64(clamping: update.operationCount)
    return Frame(digest: update.digest, count: count, skeleton: try UpdateCoding.encode(update.skeleton)).bytes
  }
}
