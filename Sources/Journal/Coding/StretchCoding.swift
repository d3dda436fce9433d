/// Digests of what is kept of a stretch: over its ends and what is stored, so that a row that was changed or changed places is found.
enum StretchCoding {
  static let domain = Array("hcs-journal stretch 1\n".utf8)
  static let blockDomain = Array("hcs-journal fresh bytes 1\n".utf8)

  /// - Parameter stored: the column `content`.
  static func digest(from: Digest, to: Digest, level: Int64, stored: [UInt8]) -> Digest {
    var writer = ByteWriter()
    writer.append(signed: level)
    return .sha256(domain, from.bytes, to.bytes, writer.bytes, stored)
  }

  static func blockDigest(to: Digest, areas: [UInt8], stored: [UInt8]) -> Digest {
    .sha256(blockDomain, to.bytes, areas, stored)
  }
}
