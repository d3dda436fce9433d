import Addressing
import Foundation
import GRDB

extension JournalStore {
  /// The update of a number, decoded and compared with its digest.
  func update(_ number: Int64, in db: Database) throws -> Update {
    if let update = decodedUpdates[number] { return update }
    let update = try UpdateTable.read(number, base: base, payloads: PayloadTable(db: db, store: self))
    decodedUpdates.insert(update, for: number)
    return update
  }
}

enum UpdateTable {
  static func read(_ number: Int64, base: BaseImage, payloads: PayloadTable) throws -> Update {
    let label = UpdateNumber(number)
    let found = try payloads.db.first(
      """
      SELECT entry.digest, entry.parent_number, parent.digest, entry.content, entry.time, entry.author, entry.message,
        entry.source_revision, entry.operation_count, entry.atom_count
      FROM update_entry AS entry LEFT JOIN update_entry AS parent ON parent.number = entry.parent_number
      WHERE entry.number = ?
      """, [number]
    ) { row in
      StoredUpdate(
        digest: try row.digest(0), parent: try row.integer(1) == 0 ? base.digest : try row.digest(2),
        content: try row.blob(3), time: try row.integer(4), author: try row.text(5), message: try row.text(6),
        sourceRevision: try row.optionalText(7), operationCount: try row.integer(8), atomCount: try row.integer(9))
    }
    guard let found else { throw JournalError(.unknownUpdate, update: label) }
    do {
      var decoder = UpdateDecoder(found.content) { id, count throws(JournalError) in
        try payloads.load(id, byteCount: count)
      }
      let content = try decoder.content()
      guard try UpdateCoding.digest(of: content, parent: found.parent) == found.digest else {
        throw JournalError(.digestMismatch, digest: found.digest)
      }
      guard found.describes(content) else {
        throw JournalError(.digestMismatch, digest: found.digest, detail: "its row differs from its content")
      }
      return Update(number: label, digest: found.digest, parent: found.parent, content: content)
    } catch var error as JournalError {
      error.update = label
      // Rows that contradict what was digested are damage, whatever the decoder calls it; a newer content is not.
      throw error
    }
  }

  static func insert(
    _ update: Update, parent: Int64, branch: Int64, payloads: PayloadTable, dictionaries: BodyDictionaries
  ) throws {
    let content = update.content
    var encoder = UpdateEncoder { bytes, role throws(JournalError) in
      try payloads.store(bytes, role: role, dictionaries: dictionaries)
    }
    try encoder.append(content)
    try payloads.db.run(
      "INSERT INTO update_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        update.number.rawValue, Data(update.digest), parent, branch, content.time, content.author, content.message,
        content.sourceRevision, content.operations.count, content.atoms.count, Data(encoder.writer.bytes),
      ])
  }
}

/// A row of `update_entry`, with its parent's digest.
private struct StoredUpdate {
  var digest: Digest
  var parent: Digest
  var content: [UInt8]
  var time: Int64
  var author: String
  var message: String
  var sourceRevision: String?
  var operationCount: Int64
  var atomCount: Int64

  /// Whether the columns beside the content say what it says.
  func describes(_ content: UpdateContent) -> Bool {
    content.time == time && content.author == author && content.message == message
      && content.sourceRevision == sourceRevision && content.operations.count == operationCount
      && content.atoms.count == atomCount
  }
}
