import Foundation

/// Ed25519 keys as OpenSSL and OpenSSH write them, so that users need no key of a kind of our own.
///
/// Private: PKCS #8 in PEM (RFC 5958, RFC 8410) and OpenSSH's own form without a passphrase (OpenSSH, PROTOCOL.key). Public: lines
/// `ssh-ed25519 BASE64 COMMENT` (RFC 4253 section 6.6, RFC 8709) and SubjectPublicKeyInfo in PEM (RFC 8410), any number of both.
enum KeyCoding {
  static let type = "ssh-ed25519"
  private static let privateLabel = "PRIVATE KEY"
  private static let publicLabel = "PUBLIC KEY"
  private static let opensshLabel = "OPENSSH PRIVATE KEY"

  // The one encoding in DER that there is of each, up to the key (RFC 8410 sections 4 and 7).
  private static let privatePrefix: [UInt8] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]
  /// With the public key behind it (RFC 8410 section 10.3, without attributes).
  private static let pairPrefix: [UInt8] = [
    0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]
  private static let pairInfix: [UInt8] = [0x81, 0x21, 0x00]
  private static let publicPrefix: [UInt8] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  // MARK: Writing

  static func text(of key: SigningKey) -> String {
    "-----BEGIN \(privateLabel)-----\n\((privatePrefix + key.seed).base64)\n-----END \(privateLabel)-----\n"
  }

  /// One line, without its end.
  static func line(of key: PublicKey, comment: String) -> String {
    let end = comment.split(whereSeparator: \.isNewline).joined(separator: " ")
    return "\(type) \(wire(key).base64)" + (end.isEmpty ? "" : " " + end)
  }

  /// A public key as OpenSSH sends and hashes it: two strings, each after its length.
  static func wire(_ key: PublicKey) -> [UInt8] {
    func string(_ bytes: [UInt8]) -> [UInt8] { [0, 0, 0, UInt8(bytes.count)] + bytes }
    return string(Array(type.utf8)) + string(key.bytes)
  }

  // MARK: Reading

  static func signingKey(_ text: String) throws(JournalError) -> SigningKey {
    let blocks = try pemBlocks(text).blocks
    guard let block = blocks.first, blocks.count == 1 else {
      throw JournalError(.malformedKey, detail: "it holds \(blocks.count) keys in PEM, and one is wanted")
    }
    var reader = ByteReader(block.bytes, refusingWith: .malformedKey)
    switch block.label {
    case privateLabel: return try plain(&reader)
    case opensshLabel: return try openssh(&reader)
    case "ENCRYPTED PRIVATE KEY": throw JournalError(.encryptedKey)
    case let label: throw JournalError(.malformedKey, detail: "it holds a \(label.lowercased())")
    }
  }

  static func publicKeys(_ text: String) throws(JournalError) -> [PublicKey] {
    let (blocks, rest) = try pemBlocks(text)
    var keys: [PublicKey] = []
    for block in blocks {
      guard block.label == publicLabel else {
        throw JournalError(.malformedKey, detail: "it holds a \(block.label.lowercased())")
      }
      var reader = ByteReader(block.bytes, refusingWith: .malformedKey)
      try expect(publicPrefix, &reader)
      keys.append(try lastKey(&reader))
    }
    for line in rest where !line.text.isEmpty && !line.text.hasPrefix("#") {
      let words = line.text.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == type, let bytes = Data(base64Encoded: String(words[1])) else {
        throw JournalError(.malformedKey, detail: "line \(line.number) is no public key of type \(type)")
      }
      var reader = ByteReader([UInt8](bytes), refusingWith: .malformedKey)
      guard try reader.sshString() == Array(type.utf8) else { throw reader.refusal("not of type \(type)") }
      guard try reader.bigEndian32() == UInt32(PublicKey.byteCount) else { throw reader.refusal("not 32 bytes") }
      keys.append(try lastKey(&reader))
    }
    if keys.isEmpty { throw JournalError(.malformedKey, detail: "it holds no public key") }
    return keys
  }

  private static func plain(_ reader: inout ByteReader) throws(JournalError) -> SigningKey {
    let prefix = try reader.raw(privatePrefix.count)
    guard prefix == privatePrefix || prefix == pairPrefix else { throw reader.refusal("it is no Ed25519 key") }
    let key = try signingKey(seed: reader.raw(32), reader)
    if prefix == pairPrefix {
      try expect(pairInfix, &reader)
      guard try reader.raw(PublicKey.byteCount) == key.publicKey.bytes else {
        throw reader.refusal("its two halves do not belong together")
      }
    }
    try reader.finish()
    return key
  }

  private static func openssh(_ reader: inout ByteReader) throws(JournalError) -> SigningKey {
    try expect(Array("openssh-key-v1\0".utf8), &reader)
    let cipher = try reader.sshString()
    _ = try reader.sshString()
    _ = try reader.sshString()
    if cipher != Array("none".utf8) { throw JournalError(.encryptedKey) }
    guard try reader.bigEndian32() == 1 else { throw reader.refusal("it holds several keys") }
    _ = try reader.sshString()
    var inner = ByteReader(try reader.sshString(), refusingWith: .malformedKey)
    try reader.finish()
    guard try inner.bigEndian32() == inner.bigEndian32() else { throw inner.refusal("its check bytes differ") }
    guard try inner.sshString() == Array(type.utf8) else { throw inner.refusal("it is no Ed25519 key") }
    let publicHalf = try inner.sshString()
    let secret = try inner.sshString()
    let key = try signingKey(seed: Array(secret.prefix(32)), inner)
    guard secret == Array(secret.prefix(32)) + publicHalf, publicHalf == key.publicKey.bytes else {
      throw inner.refusal("its two halves do not belong together")
    }
    return key
  }

  private static func signingKey(seed: [UInt8], _ reader: ByteReader) throws(JournalError) -> SigningKey {
    guard let key = SigningKey(seed: seed) else { throw reader.refusal("a private key has 32 bytes") }
    return key
  }

  private static func lastKey(_ reader: inout ByteReader) throws(JournalError) -> PublicKey {
    let bytes = try reader.raw(PublicKey.byteCount)
    try reader.finish()
    guard let key = PublicKey(bytes: bytes) else { throw reader.refusal("a public key has 32 bytes") }
    return key
  }

  private static func expect(_ bytes: [UInt8], _ reader: inout ByteReader) throws(JournalError) {
    guard try reader.raw(bytes.count) == bytes else { throw reader.refusal("it is no Ed25519 key") }
  }

  // MARK: PEM (RFC 7468)

  private struct Block {
    var label: String
    var bytes: [UInt8]
  }

  private struct Line {
    var number: Int
    var text: String
  }

  /// The blocks, and the lines outside of them.
  private static func pemBlocks(_ text: String) throws(JournalError) -> (blocks: [Block], rest: [Line]) {
    var blocks: [Block] = []
    var rest: [Line] = []
    var open: (label: String, base64: String)?
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      let refusal = JournalError(.malformedKey, detail: "line \(index + 1)")
      if let label = label(of: line, "BEGIN") {
        if open != nil { throw refusal }
        open = (label, "")
      } else if let end = label(of: line, "END") {
        guard let block = open, block.label == end, let bytes = Data(base64Encoded: block.base64) else { throw refusal }
        blocks.append(Block(label: end, bytes: [UInt8](bytes)))
        open = nil
      } else if open != nil {
        open?.base64 += line
      } else {
        rest.append(Line(number: index + 1, text: line))
      }
    }
    if open != nil { throw JournalError(.malformedKey, detail: "it ends in the middle of a key") }
    return (blocks, rest)
  }

  private static func label(of line: String, _ edge: String) -> String? {
    let (start, end) = ("-----\(edge) ", "-----")
    guard line.hasPrefix(start), line.hasSuffix(end), line.count > start.count + end.count else { return nil }
    return String(line.dropFirst(start.count).dropLast(end.count))
  }
}

extension ByteReader {
  fileprivate mutating func bigEndian32() throws(JournalError) -> UInt32 {
    try raw(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// A string of the SSH protocol: its length in four bytes, then its bytes (RFC 4251 section 5).
  fileprivate mutating func sshString() throws(JournalError) -> [UInt8] { try raw(Int(try bigEndian32())) }
}

extension [UInt8] {
  var base64: String { Data(self).base64EncodedString() }
}
