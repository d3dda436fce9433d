import Addressing
import Foundation
import GRDB

extension JournalStore {
  /// The update of a number, decoded and compared with its digest; where it is pruned, the step that stands for it.
  func update(_ number: Int64, in db: Database) throws -> Update {
    // Asked each time: another process may prune what this one has decoded.
    let shortcuts = ShortcutTable(db: db, store: self)
    if let range = try shortcuts.range(pruning: number) {
      let end = range.to.rawValue
      // Steps have keys of their own.
      if let step = decodedUpdates[-end], try shortcuts.digest(of: range.from) == step.parent { return step }
      let step = try shortcuts.step(leadingTo: end)
      decodedUpdates.insert(step, for: -end)
      return step
    }
    if let update = decodedUpdates[number] { return update }
    let update = try UpdateTable.read(number, base: base, payloads: PayloadTable(db: db, store: self))
    decodedUpdates.insert(update, for: number)
    return update
  }
}

enum UpdateTable {
  static func read(_ number: Int64, base: BaseImage, payloads: PayloadTable) throws -> Update {
    let label = UpdateNumber(number)
    let found = try entry(number, base: base, in: payloads.db)
    do {
      let content = try decoded(found.content, payloads)
      guard try UpdateCoding.digest(of: content, parent: found.parent) == found.digest else {
        throw JournalError(.digestMismatch, digest: found.digest)
      }
      guard found.describes(content), content.operations.count == found.operationCount else {
        throw JournalError(.digestMismatch, digest: found.digest, detail: "its row differs from its content")
      }
      return Update(number: label, digest: found.digest, parent: found.parent, content: content)
    } catch var error as JournalError {
      error.update = label
      // Rows that contradict what was digested are damage, whatever the decoder calls it; a newer content is not.
      throw error
    }
  }

  /// What is kept of an update for good. The digest of the shortcut that covers it vouches for that of a pruned one.
  static func covered(_ number: Int64, isPruned: Bool, base: BaseImage, payloads: PayloadTable) throws
    -> Shortcut.Covered
  {
    if !isPruned {
      let update = try read(number, base: base, payloads: payloads)
      return Shortcut.Covered(
        digest: update.digest, operationCount: update.content.operations.count, skeleton: update.content.skeleton)
    }
    let found = try entry(number, base: base, in: payloads.db)
    let skeleton = try decoded(found.content, payloads)
    guard found.describes(skeleton), let count = Int(exactly: found.operationCount), skeleton == skeleton.skeleton
    else {
      throw JournalError(
        .digestMismatch, update: UpdateNumber(number), digest: found.digest, detail: "its row differs from its content")
    }
    return Shortcut.Covered(digest: found.digest, operationCount: count, skeleton: skeleton)
  }

  /// - Parameter stored: as the column `content` has it.
  static func decoded(_ stored: [UInt8], _ payloads: PayloadTable) throws -> UpdateContent {
    var decoder = UpdateDecoder(stored) { id, count throws(JournalError) in try payloads.load(id, byteCount: count) }
    return try decoder.content()
  }

  private static func entry(_ number: Int64, base: BaseImage, in db: Database) throws -> StoredUpdate {
    let found = try db.first(
      """
      SELECT entry.digest, entry.parent_number, parent.digest, entry.content, entry.time, entry.author, entry.message,
        entry.source_revision, entry.operation_count, entry.atom_count, entry.content_byte_count
      FROM update_entry AS entry LEFT JOIN update_entry AS parent ON parent.number = entry.parent_number
      WHERE entry.number = ?
      """, [number]
    ) { row in
      StoredUpdate(
        digest: try row.digest(0), parent: try row.integer(1) == 0 ? base.digest : try row.digest(2),
        content: try content(row, 3, byteCount: 10), time: try row.integer(4), author: try row.text(5),
        message: try row.text(6),
        sourceRevision: try row.optionalText(7), operationCount: try row.integer(8), atomCount: try row.integer(9))
    }
    guard let found else { throw JournalError(.unknownUpdate, update: UpdateNumber(number)) }
    return found
  }

  /// The columns `content` and `content_byte_count`.
  static func content(_ row: ResultRow, _ index: Int, byteCount: Int) throws -> [UInt8] {
    let block = try row.blob(index)
    guard let count = try row.optionalInteger(byteCount) else { return block }
    return try LZ4Block.decompress(block, byteCount: Int(clamping: count))
  }

  /// - Parameter encoded: its content.
  static func insert(
    _ update: Update, _ encoded: EncodedContent, parent: Int64, branch: Int64, payloads: PayloadTable,
    dictionaries: BodyDictionaries
  ) throws -> KeptPayloads {
    let content = update.content
    let stored = try stored(encoded, payloads, dictionaries)
    try payloads.db.run(
      "INSERT INTO update_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        update.number.rawValue, update.digest, parent, branch, content.time, content.author, content.message,
        content.sourceRevision, content.operations.count, content.atoms.count, stored.block, stored.byteCount,
      ])
    return stored.kept
  }

  /// As the columns `content` and `content_byte_count` have it, its longer byte strings kept as payloads.
  static func stored(
    _ content: EncodedContent, _ payloads: PayloadTable, _ dictionaries: BodyDictionaries
  ) throws -> (block: [UInt8], byteCount: Int?, kept: KeptPayloads) {
    var writer = PayloadWriter(payloads, dictionaries)
    let bytes = try content.stored { bytes, role throws(JournalError) in try writer.store(bytes, role: role) }
    try writer.finish()
    guard let block = LZ4Block.compress(bytes, effort: .high) else { return (bytes, nil, writer.kept) }
    return (block, bytes.count, writer.kept)
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

  /// Whether the columns beside the content say what it says, or the update that it is the skeleton of.
  func describes(_ content: UpdateContent) -> Bool {
    content.time == time && content.author == author && content.message == message
      && content.sourceRevision == sourceRevision && content.atoms.count == atomCount
  }
}
