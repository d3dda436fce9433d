import Crypto

/// A private Ed25519 key (RFC 8032), which signs updates.
public struct SigningKey: Sendable {
  /// Before the digest, so that no signature made for another purpose is one of an update.
  static let domain = Array("hcs-journal signature 1\n".utf8)

  private let key: Curve25519.Signing.PrivateKey
  public let publicKey: PublicKey

  /// A new one, from the system's random numbers.
  public init() { self.init(Curve25519.Signing.PrivateKey()) }

  /// Nil unless there are exactly 32 bytes.
  init?(seed: [UInt8]) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
    self.init(key)
  }

  private init(_ key: Curve25519.Signing.PrivateKey) {
    self.key = key
    // An Ed25519 public key has 32 bytes, always: the zeroes are never taken.
    publicKey = PublicKey(bytes: Array(key.publicKey.rawRepresentation)) ?? .none
  }

  /// The 32 bytes that the key is made from: the secret itself.
  var seed: [UInt8] { Array(key.rawRepresentation) }

  /// - Parameter update: the digest of an update whose bytes are known to be what it says.
  func signature(of update: Digest) throws(JournalError) -> UpdateSignature {
    do {
      let bytes = try key.signature(for: Self.domain + update.bytes)
      guard let signature = UpdateSignature(key: publicKey, bytes: Array(bytes)) else {
        throw JournalError(.malformedKey, detail: "it makes a signature of \(bytes.count) bytes")
      }
      return signature
    } catch {
      throw (error as? JournalError) ?? JournalError(.malformedKey, cause: error)
    }
  }
}

extension UpdateSignature {
  /// Whether the holder of the key has signed the update of this digest.
  public func isValid(for update: Digest) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key.bytes) else { return false }
    return key.isValidSignature(bytes, for: SigningKey.domain + update.bytes)
  }
}

extension PublicKey {
  fileprivate static let none = PublicKey(zeroes: ())

  private init(zeroes: Void) { bytes = [UInt8](repeating: 0, count: Self.byteCount) }

  /// As `ssh-keygen -l` prints it: SHA-256 over the key as OpenSSH writes it, in base 64 without padding.
  public var fingerprint: String {
    var text = Digest.sha256(of: KeyCoding.wire(self)).bytes.base64
    while text.hasSuffix("=") { text.removeLast() }
    return "SHA256:" + text
  }
}
