import Foundation
import Testing

@testable import Journal

@Suite struct KeyFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` (3.0.19).
  static let openssl = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIITQXerBwOmFDaeFf+V6wpNwI2kegH5cu64k+WtEPT/y
    -----END PRIVATE KEY-----
    """
  static let opensslPublic = """
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAHXjK1rQaSdgJA7YVmcnioxPQpiZnjdnfOnnLlumpUyY=
    -----END PUBLIC KEY-----
    """
  /// Made by `ssh-keygen -t ed25519 -N "" -C ana@x` (9.2).
  static let openssh = """
    -----BEGIN OPENSSH PRIVATE KEY-----
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
    QyNTUxOQAAACAkkxrWLJ8KwIuha5rQJE6pwJFwaSy1PBv6U16fLrQcVQAAAIjn0S9K59Ev
    SgAAAAtzc2gtZWQyNTUxOQAAACAkkxrWLJ8KwIuha5rQJE6pwJFwaSy1PBv6U16fLrQcVQ
    AAAEBY+iCFDfJaDtfyZ5w5UuoOkSFLAlPG9940G7N+Kp15WySTGtYsnwrAi6FrmtAkTqnA
    kXBpLLU8G/pTXp8utBxVAAAABWFuYUB4
    -----END OPENSSH PRIVATE KEY-----
    """
  static let opensshPublic =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICSTGtYsnwrAi6FrmtAkTqnAkXBpLLU8G/pTXp8utBxV ana@x"

  private func file(_ text: String, mode: Int = 0o600, _ name: String = "key") throws -> String {
    try? FileManager.default.removeItem(atPath: folder.file(name))
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.file(name))
    return folder.file(name)
  }

  private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test(arguments: [(openssl, opensslPublic), (openssh, opensshPublic)])
  func `a key that another program made has the public half that this program says`(
    private text: String, public publicText: String
  ) throws {
    let key = try KeyFile.signingKey(at: file(text))
    #expect(try KeyFile.publicKeys(at: file(publicText, mode: 0o644)) == [key.publicKey])
    #expect(try KeyCoding.signingKey(KeyCoding.text(of: key)).publicKey == key.publicKey)
  }

  @Test func `a key with its public half in it is read, and refused where they do not belong together`() throws {
    // RFC 8410, section 10.3, without the attributes.
    let seed = SignatureTests.key.seed
    let head: [UInt8] = [0x30, 0x51, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]
    func text(_ half: [UInt8]) -> String {
      "-----BEGIN PRIVATE KEY-----\n\((head + seed + [0x81, 0x21, 0] + half).base64)\n-----END PRIVATE KEY-----\n"
    }
    #expect(
      try KeyFile.signingKey(at: file(text(SignatureTests.publicKey))).publicKey.bytes == SignatureTests.publicKey)
    #expect(code { try KeyFile.signingKey(at: file(text(seed))) } == .malformedKey)
  }

  @Test func `the fingerprint is the one that ssh-keygen prints`() throws {
    let keys = try KeyFile.publicKeys(at: file(Self.opensshPublic))
    #expect(keys.map(\.fingerprint) == ["SHA256:2pmWJHA3ckr8WGURFBCeyZk717AV73TpKuMYtbFeQDA"])
    #expect(KeyFile.line(of: keys[0], comment: "ana@x") == Self.opensshPublic)
  }

  @Test func `a file of several public keys has comments, empty lines and both forms`() throws {
    let text = "# who may sign\n\n\(Self.opensshPublic)\n\(Self.opensslPublic)\n  \(Self.opensshPublic)  \n"
    let keys = try KeyFile.publicKeys(at: file(text))
    #expect(keys.count == 3)
    #expect(keys[0] != keys[1])
    #expect(Set(keys).count == 2)
  }

  @Test func `a new key is its owner's alone, can be read again, and takes no other file's place`() throws {
    let path = folder.file("new")
    let key = try KeyFile.make(at: path, comment: "ana\nb")
    #expect(try mode(path) == 0o600)
    #expect(try KeyFile.signingKey(at: path).publicKey == key)
    #expect(try KeyFile.publicKeys(at: path + ".pub") == [key])
    #expect(code { try KeyFile.make(at: path, comment: "") } == .keyExists)
    try FileManager.default.removeItem(atPath: path)
    #expect(code { try KeyFile.make(at: path, comment: "") } == .keyExists)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try KeyFile.publicKeys(at: path + ".pub") == [key])
  }

  @Test func `a private key that others can read is refused`() throws {
    for mode in [0o640, 0o604, 0o644, 0o620, 0o777] {
      #expect(code { try KeyFile.signingKey(at: file(Self.openssh, mode: mode)) } == .exposedKey)
    }
    #expect(try KeyFile.signingKey(at: file(Self.openssh, mode: 0o400)).seed.count == 32)
  }

  @Test func `what is no key is refused by name`() throws {
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"
    #expect(code { try KeyFile.signingKey(at: file(encrypted)) } == .encryptedKey)
    #expect(code { try KeyFile.signingKey(at: folder.file("absent")) } == .noSuchKey)
    #expect(code { try KeyFile.publicKeys(at: folder.file("absent")) } == .noSuchKey)
    #expect(code { try KeyFile.publicKeys(at: "/dev/zero") } == .malformedKey)
    for text in [
      "", "hello", Self.opensslPublic, Self.openssh + "\n" + Self.openssl, String(Self.openssl.dropLast(30)),
      "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
    ] {
      #expect(code { try KeyFile.signingKey(at: file(text)) } == .malformedKey, "\(text)")
    }
    for text in [
      "", "# nobody", "ssh-rsa AAAA", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !", Self.openssh,
      Self.opensshPublic + "\nx",
    ] {
      #expect(code { try KeyFile.publicKeys(at: file(text)) } == .malformedKey, "\(text)")
    }
  }

  @Test(arguments: [openssl, openssh])
  func `every truncation and every change of a byte of a private key gives that key or a refusal`(text: String) throws {
    let key = try KeyCoding.signingKey(text).publicKey
    let bytes = Array(text.utf8)
    for index in bytes.indices {
      let cut = String(decoding: bytes.prefix(index), as: UTF8.self)
      #expect(code { try KeyCoding.signingKey(cut) } != nil)
      var changed = bytes
      changed[index] ^= 1
      let found = try? KeyCoding.signingKey(String(decoding: changed, as: UTF8.self)).publicKey
      // The form of OpenSSL has nothing that its seed could be compared with: what is changed there is another key.
      if text == Self.openssh { #expect(found == nil || found == key, "byte \(index)") }
    }
  }
}
