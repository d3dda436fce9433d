import Foundation
import GRDB

extension JournalStore {
  /// Signs updates that are in the journal, each only after its bytes were found to be what its digest says, in one transaction.
  ///
  /// Of a number whose update is pruned, the shortcut that leads to it is signed.
  ///
  /// - Returns: those that this key had not signed before.
  public func sign(_ numbers: [UpdateNumber], with key: SigningKey) throws(JournalError) -> [UpdateNumber] {
    try write { db in
      try numbers.filter { number in
        let signed = try signed(update(number.rawValue, in: db), in: db)
        return try SignatureTable(db: db, kind: signed.kind).insert(key.signature(of: signed.digest), of: signed.digest)
      }
    }
  }

  /// What is signed of a step: the update, or the shortcut that stands for it.
  private func signed(_ update: Update, in db: Database) throws -> (digest: Digest, kind: SignatureTable.Kind) {
    let table = ShortcutTable(db: db, store: self)
    guard let range = try table.range(pruning: update.number.rawValue), let row = try table.row(over: range) else {
      return (update.digest, .update)
    }
    return (row.digest, .shortcut)
  }

  /// As `signatures(of:)`, of a shortcut.
  public func signatures(ofShortcut digest: Digest) throws(JournalError) -> [UpdateSignature] {
    try lookUp { try SignatureTable(db: $0, kind: .shortcut).signatures(of: digest) }
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
    var numbers = try numbers(after: base.digest, upTo: destination)
    let line = Set(numbers)
    numbers += steps.filter { $0.direction == .forward }.map(\.update.number).filter { !line.contains($0) }
    for number in numbers { try requireSignature(of: trusted, for: number) }
  }

  private func requireSignature(of trusted: Set<PublicKey>, for number: UpdateNumber) throws(JournalError) {
    let (digest, signatures) = try lookUp { db in
      let table = ShortcutTable(db: db, store: self)
      // Those of the updates that it stands for say nothing of what is applied in their place.
      if let row = try table.range(pruning: number.rawValue).flatMap({ try table.row(over: $0) }) {
        return (row.digest, try SignatureTable(db: db, kind: .shortcut).signatures(of: row.digest))
      }
      let digest = try table.digest(of: number)
      return (digest, try SignatureTable(db: db).signatures(of: digest))
    }
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
      code, journal: path, update: number, digest: digest, name: key?.fingerprint)
  }
}

struct SignatureTable {
  /// Whose digest was signed.
  enum Kind: String {
    case update = "signature"
    case shortcut = "shortcut_signature"
  }

  let db: Database
  var kind = Kind.update

  /// Whether it had not been there.
  func insert(_ signature: UpdateSignature, of digest: Digest) throws -> Bool {
    let known = try db.first(
      "SELECT signature FROM \(kind.rawValue) WHERE digest = ? AND key = ?", [digest, signature.key.bytes]
    ) { try $0.blob(0) }
    if known == signature.bytes { return false }
    // One that does not hold gives way; of two that hold, either will do.
    try db.run(
      "INSERT OR REPLACE INTO \(kind.rawValue) VALUES (?, ?, ?)",
      [digest, signature.key.bytes, signature.bytes])
    return true
  }

  func signatures(of digest: Digest) throws -> [UpdateSignature] {
    try db.all("SELECT key, signature FROM \(kind.rawValue) WHERE digest = ? ORDER BY key", [digest]) { row in
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
        UNION ALL
        SELECT shortcut_signature.key, shortcut_signature.signature, shortcut_signature.digest, shortcut.to_number
        FROM shortcut_signature LEFT JOIN shortcut ON shortcut.digest = shortcut_signature.digest
        ORDER BY 4, 1
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
