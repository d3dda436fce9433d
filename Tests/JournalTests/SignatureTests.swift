import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

@Suite struct SignatureTests {
  /// RFC 8032, section 7.1, test 1.
  static let key: SigningKey = {
    let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    guard let key = SigningKey(seed: seed) else { preconditionFailure("32 bytes are a key") }
    return key
  }()
  static let publicKey = bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

  static func bytes(_ text: String) -> [UInt8] {
    let digits = text.compactMap { UInt8(String($0), radix: 16) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  let folder: TemporaryFolder
  let store: JournalStore
  let root = SmallImage.base.digest

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private func content(_ message: String) -> UpdateContent {
    var content = UpdateCodingTests.plain
    content.message = message
    return content
  }

  /// A line of updates, the given of them signed.
  private func line(_ count: Int, signed: Set<Int>) throws -> [Update] {
    var updates: [Update] = []
    for number in 1...count {
      let parent = updates.last?.digest ?? root
      updates.append(
        try store.append(content("\(number)"), parent: parent, signedBy: signed.contains(number) ? Self.key : nil))
    }
    return updates
  }

  private func refusal(_ updates: [Update], to: Int, of keys: [SigningKey] = [key]) throws -> JournalError? {
    let destination = updates[to - 1].digest
    let steps = try store.steps(from: root, to: destination)
    do {
      try store.requireSignatures(of: keys.map(\.publicKey), for: steps, to: destination)
      return nil
    } catch {
      return error
    }
  }

  @Test func `the public half is the one that the standard has`() {
    #expect(Self.key.publicKey.bytes == Self.publicKey)
  }

  @Test func `a signature holds for its update and key alone, and no byte of it can differ`() throws {
    let digest = try store.append(content("a"), parent: root, signedBy: Self.key).digest
    let signature = try #require(try store.signatures(of: digest).first)
    #expect(signature.key == Self.key.publicKey)
    #expect(signature.isValid(for: digest))
    #expect(!signature.isValid(for: root))
    for index in 0..<UpdateSignature.byteCount * 8 {
      var changed = signature.bytes
      changed[index / 8] ^= 1 << UInt8(index % 8)
      #expect(UpdateSignature(key: signature.key, bytes: changed)?.isValid(for: digest) == false)
    }
    for index in 0..<PublicKey.byteCount * 8 {
      var changed = signature.key.bytes
      changed[index / 8] ^= 1 << UInt8(index % 8)
      let key = try #require(PublicKey(bytes: changed))
      #expect(UpdateSignature(key: key, bytes: signature.bytes)?.isValid(for: digest) == false)
    }
  }

  @Test func `each update from the base image on must be signed, and by a key that is named`() throws {
    let updates = try line(4, signed: [1, 2, 4])
    #expect(try refusal(updates, to: 2) == nil)
    #expect(try refusal(updates, to: 4)?.code == .unsignedUpdate)
    #expect(try refusal(updates, to: 4)?.update == UpdateNumber(3))
    let other = SigningKey()
    #expect(try store.sign([UpdateNumber(3)], with: other) == [UpdateNumber(3)])
    #expect(try refusal(updates, to: 4)?.code == .untrustedSignature)
    #expect(try refusal(updates, to: 4)?.name == other.publicKey.fingerprint)
    #expect(try refusal(updates, to: 4, of: [Self.key, other]) == nil)
    #expect(try store.sign(store.allNumbers(), with: Self.key) == [UpdateNumber(3)])
    #expect(try refusal(updates, to: 4) == nil)
    #expect(try store.verify().findings.isEmpty)
  }

  @Test func `what is taken back needs no signature, where it leads to does`() throws {
    let updates = try line(3, signed: [1])
    let (last, middle, first) = (updates[2].digest, updates[1].digest, updates[0].digest)
    let keys = [Self.key.publicKey]
    try store.requireSignatures(of: keys, for: store.steps(from: last, to: first), to: first)
    try store.requireSignatures(of: keys, for: store.steps(from: last, to: root), to: root)
    let found = code { try store.requireSignatures(of: keys, for: store.steps(from: last, to: middle), to: middle) }
    #expect(found == .unsignedUpdate)
  }

  @Test func `an update that is not what was signed is neither signed nor taken`() throws {
    let updates = try line(2, signed: [1])
    let queue = try DatabaseQueue(path: store.path)
    try queue.write { try $0.execute(sql: "UPDATE update_entry SET message = 'else' WHERE number = 2") }
    let other = try JournalStore.open(at: store.path, mode: .write)
    #expect(code { try other.sign([UpdateNumber(2)], with: Self.key) } == .digestMismatch)
    #expect(try other.signatures(of: updates[1].digest).isEmpty)
  }

  static let tampering = [
    // Another update's, and that of another image.
    "UPDATE signature SET signature = (SELECT signature FROM signature AS s WHERE s.digest <> signature.digest)",
    "UPDATE signature SET signature = CAST(x'00' || substr(signature, 2) AS BLOB)",
    "UPDATE signature SET signature = CAST(signature || x'00' AS BLOB)",
    "UPDATE signature SET key = zeroblob(32)",
    "UPDATE signature SET key = x'01'",
    "UPDATE signature SET signature = zeroblob(64)",
  ]

  @Test(arguments: tampering)
  func `a signature that was tampered with is found, and nothing is taken for it`(sql: String) throws {
    let updates = try line(2, signed: [1, 2])
    #expect(try refusal(updates, to: 2) == nil)
    let queue = try DatabaseQueue(path: store.path)
    try queue.write { try $0.execute(sql: sql) }
    #expect(try refusal(updates, to: 2) != nil)
    #expect(try store.verify().findings.contains { $0.subject == .signature })
  }

  @Test func `updates in another order have no digest that was signed`() throws {
    let updates = try line(3, signed: [1, 2, 3])
    let queue = try DatabaseQueue(path: store.path)
    // Update 3 is said to follow update 1.
    try queue.write { try $0.execute(sql: "UPDATE update_entry SET parent_number = 1 WHERE number = 3") }
    let other = try JournalStore.open(at: store.path, mode: .read)
    #expect(code { try other.steps(from: updates[1].digest, to: updates[2].digest) } == .digestMismatch)
  }

  @Test func `a bundle brings its signatures, also those of updates that are known`() throws {
    let updates = try line(3, signed: [1])
    #expect(try store.export(store.allNumbers(), to: folder.file("a")).signatureCount == 1)
    #expect(try store.sign(store.allNumbers(), with: SigningKey()).count == 3)
    #expect(try store.export(store.allNumbers(), to: folder.file("b")).signatureCount == 4)
    let taker = try JournalStore.create(
      at: folder.file("t.hcsj"), base: SmallImage.base, content: SmallImage.content)
    #expect(try taker.importBundle(at: folder.file("a")).signatureCount == 1)
    let imported = try taker.importBundle(at: folder.file("b"))
    #expect((imported.added.count, imported.knownCount, imported.signatureCount) == (0, 3, 3))
    for update in updates {
      #expect(try taker.signatures(of: update.digest) == store.signatures(of: update.digest))
    }
    #expect(try taker.verify().findings.isEmpty)
  }

  @Test func `a bundle whose signature does not hold is not taken, though its own digest is right`() throws {
    _ = try line(1, signed: [1])
    _ = try store.export(store.allNumbers(), to: folder.file("a"))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("a")))).dropLast(32)
    bytes[bytes.count - 1] ^= 1
    try Data(bytes + Digest.sha256(of: Array(bytes)).bytes).write(to: URL(fileURLWithPath: folder.file("b")))
    let taker = try JournalStore.create(
      at: folder.file("t.hcsj"), base: SmallImage.base, content: SmallImage.content)
    #expect(code { try taker.importBundle(at: folder.file("b")) } == .invalidSignature)
    #expect(try taker.head() == nil)
  }
}
