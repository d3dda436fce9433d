import Addressing
import Foundation
import GRDB

extension JournalStore {
  /// Compares everything the journal holds with what vouches for it: SQLite's structure, the base image with its
  /// digests, the chain of updates, every payload, and the derived tables with what the updates give.
  ///
  /// Findings are listed and not thrown; nothing is written.
  public func verify() throws(JournalError) -> JournalVerification {
    chunks.removeAll()
    decodedUpdates.removeAll()
    lineages.removeAll()
    return try read { db in
      var verifier = JournalVerifier(store: self, db: db)
      verifier.checkStorage()
      verifier.checkBase()
      verifier.checkPayloads()
      verifier.checkUpdates()
      verifier.checkShortcuts()
      verifier.checkStretches()
      verifier.checkSignatures()
      verifier.checkNotes()
      return verifier.result
    }
  }
}

struct JournalVerifier {
  typealias Subject = JournalVerification.Finding.Subject

  let store: JournalStore
  let db: Database
  private(set) var result = JournalVerification()

  init(store: JournalStore, db: Database) {
    self.store = store
    self.db = db
  }

  mutating func find(_ subject: Subject, update: Int64? = nil, _ detail: String) {
    result.findings.append(
      JournalVerification.Finding(subject: subject, update: update.map { UpdateNumber($0) }, detail: detail))
  }

  /// What cannot be read is a finding like any other: the checks after it go on.
  mutating func check(_ subject: Subject, update: Int64? = nil, _ body: (inout Self) throws -> Void) {
    do {
      try body(&self)
    } catch {
      find(subject, update: update, "\(error)")
    }
  }

  mutating func checkStorage() {
    check(.storage) { verifier in
      let lines = try verifier.db.all("PRAGMA integrity_check(20)") { try $0.text(0) }
      for line in lines where line != "ok" { verifier.find(.storage, line) }
    }
    check(.reference) { verifier in
      let missing = try verifier.db.all("PRAGMA foreign_key_check") { row in
        "\(try row.text(0)) refers to a row of \(try row.text(2)) that is not there"
      }
      for line in Set(missing).sorted() { verifier.find(.reference, line) }
    }
    check(.schema) { verifier in
      let fresh = try DerivedTables.rebuildDatabase()
      let expected = try fresh.unsafeRead { try Self.schema(of: $0) }
      let found = try Self.schema(of: verifier.db)
      for name in Set(expected.keys).union(found.keys).sorted() where expected[name] != found[name] {
        verifier.find(.schema, "\(name) is not as this schema has it")
      }
    }
  }

  private static func schema(of db: Database) throws -> [String: String] {
    // SQLite makes tables of its own for statistics; they are no part of the schema.
    let rows = try db.all("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'") {
      row in
      ("\(try row.text(0)) \(try row.text(1)) of \(try row.text(2))", try row.optionalText(3) ?? "")
    }
    return Dictionary(rows) { first, _ in first }
  }

  mutating func checkBase() {
    for table in BaseTables.provedTables.keys.sorted() {
      check(.base) { verifier in
        let recorded = try verifier.db.first("SELECT digest FROM base_proof WHERE name = ?", [table]) {
          try $0.digest(0)
        }
        if try BaseTables.proof(of: table, in: verifier.db) != recorded {
          verifier.find(.base, "\(table) is not what it was when the journal was made")
        }
      }
    }
    check(.base) { verifier in
      let image = try BaseTables.readImage(verifier.db)
      if image != verifier.store.base { verifier.find(.base, "the base image changed while the journal was open") }
      var offset: UInt64 = 0
      let store = verifier.store
      let db = verifier.db
      let digest = try Digest.sha256(pieces: { () throws -> [UInt8]? in
        let count = min(UInt64(BaseTables.chunkByteCount), image.preparedByteCount - offset)
        if count == 0 { return nil }
        defer { offset += count }
        return try store.baseFileBytes(at: FileOffset(offset), count: Int(count), in: db)
      })
      if digest != image.preparedDigest { verifier.find(.base, "the image's bytes are not what its digest says") }
    }
  }

  mutating func checkPayloads() {
    check(.payload) { verifier in
      let table = PayloadTable(db: verifier.db, store: verifier.store)
      var packs = PackCoverage(db: verifier.db)
      let rows = try verifier.db.cursor(
        "SELECT id, digest, byte_count, pack_id, pack_offset FROM payload ORDER BY id")
      while let row = try rows.next() {
        let (id, digest) = (try row.integer(0), try row.digest(1))
        verifier.result.payloadCount += 1
        if let place = try PackPlace(row, from: 3), try !packs.add(place, byteCount: try row.unsigned(2)) {
          verifier.find(.payload, "payload \(id) does not begin where the one before it in pack \(place.pack) ends")
        }
        verifier.check(.payload) { verifier in
          if Digest.sha256(of: try table.load(id, depth: 0)) != digest {
            verifier.find(.payload, "payload \(id) is not what its digest says")
          }
        }
      }
      for pack in try packs.unfilled() {
        verifier.find(.payload, "pack \(pack) holds bytes that belong to no payload")
      }
    }
  }

  /// One update at a time, and the derived tables beside them: what this takes does not grow with the history.
  mutating func checkUpdates() {
    check(.update) { verifier in
      let rebuilt = try DerivedTables.rebuildDatabase()
      // Without all updates the derived tables have nothing to be compared with.
      if try rebuilt.write({ try verifier.readUpdates(rebuilding: $0) }) { verifier.checkDerived(rebuilt) }
      let tags = try verifier.db.all("SELECT name, digest FROM tag") { (try $0.text(0), try $0.digest(1)) }
      for tag in tags where tag.1 != verifier.store.base.digest {
        if try !verifier.store.isKnown(tag.1, in: verifier.db) {
          verifier.find(.reference, "tag \(tag.0) names an update that is not there")
        }
      }
    }
  }

  /// - Returns: whether every update could be read and gave its derived rows.
  private mutating func readUpdates(rebuilding db: Database) throws -> Bool {
    let payloads = PayloadTable(db: self.db, store: store)
    let rebuild = try DerivedRebuild(store.base, in: db) { try payloads.id(of: $0) }
    var reader = EntryReader(store: store, db: self.db)
    var isWhole = true
    let numbers = try self.db.cursor("SELECT number FROM update_entry ORDER BY number")
    while let number = try numbers.next()?.integer(0) {
      result.updateCount += 1
      var entry: DerivedTables.Entry?
      check(.update, update: number) { _ in entry = try reader.entry(number) }
      guard isWhole, let entry else {
        isWhole = false
        continue
      }
      isWhole = false
      check(.derived) { _ in
        try rebuild.insert(entry)
        isWhole = true
      }
    }
    return isWhole
  }

  private mutating func checkDerived(_ rebuilt: DatabaseQueue) {
    check(.derived) { verifier in
      let db = verifier.db
      for (table, query) in DerivedTables.comparisons.sorted(by: { $0.key < $1.key }) {
        let isSame = try rebuilt.unsafeRead { try Self.hasSameRows(db, $0, query) }
        if !isSame { verifier.find(.derived, "\(table) is not what the updates give") }
      }
    }
  }

  private static func hasSameRows(_ one: Database, _ other: Database, _ query: String) throws -> Bool {
    let (rows, others) = (try one.cursor(query), try other.cursor(query))
    while true {
      let (row, other) = (try rows.next(), try others.next())
      guard let row, let other else { return row == nil && other == nil }
      var (writer, otherWriter) = (ByteWriter(), ByteWriter())
      try writer.append(row)
      try otherWriter.append(other)
      if writer.bytes != otherWriter.bytes { return false }
    }
  }
}
