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
    let row = try payloads.db.first(
      """
      SELECT entry.digest, entry.parent_number, parent.digest, entry.content, entry.time, entry.author, entry.message,
        entry.source_revision, entry.operation_count, entry.atom_count
      FROM update_entry AS entry LEFT JOIN update_entry AS parent ON parent.number = entry.parent_number
      WHERE entry.number = ?
      """, [number]
    ) { $0.copy() }
    guard let row else { throw JournalError(.unknownUpdate, update: label) }
    let digest = try row.digest(0)
    let parent = try row.integer(1) == 0 ? base.digest : try row.digest(2)
    do {
      var decoder = UpdateDecoder(try row.blob(3)) { id, count throws(JournalError) in
        try payloads.load(id, byteCount: count)
      }
      let content = try decoder.content()
      guard try UpdateCoding.digest(of: content, parent: parent) == digest else {
        throw JournalError(.digestMismatch, digest: digest)
      }
      guard try content.time == row.integer(4), try content.author == row.text(5),
        try content.message == row.text(6), try content.sourceRevision == row.optionalText(7),
        try content.operations.count == row.integer(8), try content.atoms.count == row.integer(9)
      else { throw JournalError(.digestMismatch, digest: digest, detail: "its row differs from its content") }
      return Update(number: label, digest: digest, parent: parent, content: content)
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
