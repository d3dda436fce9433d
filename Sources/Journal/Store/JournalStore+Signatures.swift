import Foundation
import GRDB

extension JournalStore {
  /// Signs updates that are in the journal, each only after its bytes were found to be what its digest says, in one transaction.
  ///
  /// - Returns: those that this key had not signed before.
  public func sign(_ numbers: [UpdateNumber], with key: SigningKey) throws(JournalError) -> [UpdateNumber] {
    try write { db in
      try numbers.filter { number in
        let update = try update(number.rawValue, in: db)
        return try SignatureTable(db: db).insert(key.signature(of: update.digest), of: update.digest)
      }
    }
  }

  /// Who has signed an update, in the order of their keys. Signatures that do not hold are among them.
  public func signatures(of digest: Digest) throws(JournalError) -> [UpdateSignature] {
    try lookUp { try SignatureTable(db: $0).signatures(of: digest) }
  }

  /// Throws unless each update between the base image and the destination, and each that the steps take forward, bears a
  /// signature of one of the keys that holds.
  ///
  /// What is taken back needs none: its digest is what the target says of itself, and leaving an update that nobody has signed
  /// is what somebody who asks for signatures wants.
  public func requireSignatures(
    of keys: [PublicKey], for steps: [Step], to destination: Digest
  ) throws(JournalError) {
    let trusted = Set(keys)
    var digests: [Digest] = []
    for number in try numbers(after: base.digest, upTo: destination) { digests.append(try digest(of: number)) }
    let line = Set(digests)
    digests += steps.filter { $0.direction == .forward }.map(\.update.digest).filter { !line.contains($0) }
    for digest in digests { try requireSignature(of: trusted, for: digest) }
  }

  private func requireSignature(of trusted: Set<PublicKey>, for digest: Digest) throws(JournalError) {
    let signatures = try signatures(of: digest)
    let ofTrusted = signatures.filter { trusted.contains($0.key) }
    if ofTrusted.contains(where: { $0.isValid(for: digest) }) { return }
    let code: JournalError.Code
    let key: PublicKey?
    if let invalid = ofTrusted.first {
      (code, key) = (.invalidSignature, invalid.key)
    } else if let other = signatures.first {
      (code, key) = (.untrustedSignature, other.key)
    } else {
      (code, key) = (.unsignedUpdate, nil)
    }
    throw JournalError(
      code, journal: path, update: try number(of: digest), digest: digest, name: key?.fingerprint)
  }
}

struct SignatureTable {
  let db: Database

  /// Whether it had not been there.
  func insert(_ signature: UpdateSignature, of digest: Digest) throws -> Bool {
    let known = try db.first(
      "SELECT signature FROM signature WHERE digest = ? AND key = ?", [Data(digest), Data(signature.key.bytes)]
    ) { try $0.blob(0) }
    if known == signature.bytes { return false }
    // One that does not hold gives way; of two that hold, either will do.
    try db.run(
      "INSERT OR REPLACE INTO signature VALUES (?, ?, ?)",
      [Data(digest), Data(signature.key.bytes), Data(signature.bytes)])
    return true
  }

  func signatures(of digest: Digest) throws -> [UpdateSignature] {
    try db.all("SELECT key, signature FROM signature WHERE digest = ? ORDER BY key", [Data(digest)]) { row in
      try Self.decode(row, from: 0)
    }
  }

  /// The columns `key` and `signature`.
  static func decode(_ row: ResultRow, from index: Int) throws(JournalError) -> UpdateSignature {
    guard let key = PublicKey(bytes: try row.blob(index)),
      let signature = UpdateSignature(key: key, bytes: try row.blob(index + 1))
    else { throw JournalError(.damaged, detail: "a signature has not the length of one") }
    return signature
  }
}

extension JournalVerifier {
  mutating func checkSignatures() {
    check(.signature) { verifier in
      let rows = try verifier.db.cursor(
        """
        SELECT signature.key, signature.signature, signature.digest, update_entry.number FROM signature
          LEFT JOIN update_entry ON update_entry.digest = signature.digest
        ORDER BY update_entry.number, signature.key
        """)
      while let row = try rows.next() {
        let number = try row.optionalInteger(3)
        verifier.check(.signature, update: number) { verifier in
          let signature = try SignatureTable.decode(row, from: 0)
          if try !signature.isValid(for: row.digest(2)) {
            verifier.find(.signature, update: number, "a signature by \(signature.key.fingerprint) does not hold")
          }
        }
      }
    }
  }
}
