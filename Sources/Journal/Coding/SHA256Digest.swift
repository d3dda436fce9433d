import Crypto

extension Digest {
  /// SHA-256 over the parts, one after the other.
  static func sha256(_ parts: [UInt8]...) -> Digest {
    var hash = SHA256()
    for part in parts { hash.update(data: part) }
    // A SHA-256 digest has 32 bytes, always: `zero` is never taken.
    return Digest(bytes: Array(hash.finalize())) ?? .zero
  }

  /// SHA-256 of bytes that come in pieces; nil ends them.
  public static func sha256<Failure: Error>(pieces next: () throws(Failure) -> [UInt8]?) throws(Failure) -> Digest {
    var hash = SHA256()
    while let piece = try next() { hash.update(data: piece) }
    return Digest(bytes: Array(hash.finalize())) ?? .zero
  }

  public static func sha256(of bytes: [UInt8]) -> Digest { sha256(bytes) }
}

/// The digest that names an update: over its content and its parent's digest, so that it stands for the whole history
/// before it.
public enum UpdateDigest {
  static let domain = Array("hcs-journal update 1\n".utf8)

  /// - Parameter content: the canonical encoding (`UpdateCoding.encode`).
  public static func digest(_ content: [UInt8], parent: Digest) -> Digest {
    .sha256(domain, parent.bytes, content)
  }
}

/// The root of the chain.
public enum BaseDigest {
  static let domain = Array("hcs-journal base 1\n".utf8)

  /// - Parameter original: SHA-256 of the original file.
  public static func digest(original: Digest, arena: Arena) -> Digest {
    .sha256(domain, original.bytes, BaseCoding.encode(arena))
  }
}
