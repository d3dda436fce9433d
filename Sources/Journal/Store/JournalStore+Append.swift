import Foundation
import GRDB

extension JournalStore {
  /// Records an update as the child of `parent` (an update's digest, or the base image's), in one transaction.
  ///
  /// The same update recorded twice is there once. Throws `cursorWentBack` when it takes room of the arena that any
  /// update of any branch has taken.
  @discardableResult
  public func append(_ content: UpdateContent, parent: Digest) throws(JournalError) -> Update {
    try append(content, parent: parent, signedBy: nil)
  }

  /// - Parameter key: whose signature the update gets, in the same transaction.
  @discardableResult
  public func append(
    _ content: UpdateContent, parent: Digest, signedBy key: SigningKey?
  ) throws(JournalError) -> Update {
    let encoded = try UpdateCoding.encoded(content)
    let digest = encoded.digest(parent: parent)
    let signature = try key?.signature(of: digest)
    return try write { db in
      let update = try append(content, encoded, digest: digest, parent: parent, in: db).update
      if let signature { _ = try SignatureTable(db: db).insert(signature, of: digest) }
      return update
    }
  }

  /// Records a chain of updates, each the child of the one before, in one transaction: all of them or none, and one wait for
  /// the disk. Otherwise as `append`.
  ///
  /// - Returns: the last of them; nil where there are none.
  @discardableResult
  public func append(
    contentsOf chain: some Sequence<UpdateContent>, parent: Digest
  ) throws(JournalError) -> Update? {
    do {
      return try write { db in
        var last: Update?
        let memory = RecordingMemory()
        for content in chain {
          let parent = last?.digest ?? parent
          let encoded = try UpdateCoding.encoded(content)
          let digest = encoded.digest(parent: parent)
          last = try append(content, encoded, digest: digest, parent: parent, in: db, memory).update
        }
        return last
      }
    } catch {
      forgetWhatWasTakenBack()
      throw error
    }
  }

  /// Caches may name updates of a transaction that was taken back.
  func forgetWhatWasTakenBack() {
    lineages.removeAll()
    decodedUpdates.removeAll()
  }

  /// - Parameter digest: the update's, known to be that of the content and the parent.
  func append(
    _ content: UpdateContent, _ encoded: EncodedContent, digest: Digest, parent: Digest, in db: Database,
    _ memory: RecordingMemory = RecordingMemory()
  ) throws -> (update: Update, isNew: Bool) {
    let tail = memory.tail.flatMap { $0.digest == parent ? $0 : nil }
    memory.tail = nil
    let lineage = try tail?.lineage ?? lineage(of: parent, in: db)
    // The children of an update that has just come are not there.
    if tail == nil, let known = try known(digest, in: db) { return (known, false) }
    let used = try tail?.cursors ?? cursors(in: db)
    guard content.cursors.isAtLeast(used) else { throw JournalError(.cursorWentBack) }
    let last =
      try tail?.lineage.number
      ?? db.first("SELECT ifnull(max(number), 0) FROM update_entry") { try $0.integer(0) } ?? 0
    let update = Update(number: UpdateNumber(last + 1), digest: digest, parent: parent, content: content)
    let derived = DerivedTables(db: db, memory: memory)
    let branch = tail == nil ? try derived.branch(after: lineage) : lineage.branch
    try insert(update, encoded, branch: branch, after: lineage, derived)
    memory.tail = RecordingMemory.Tail(
      digest: digest, lineage: lineage.extended(to: update.number.rawValue, on: branch), cursors: content.cursors)
    return (update, true)
  }

  func isKnown(_ digest: Digest, in db: Database) throws -> Bool {
    try db.first("SELECT 1 FROM update_entry WHERE digest = ?", [digest]) { try $0.integer(0) } != nil
  }

  /// How far the arena is used, over all branches; the base's own cursors before the first update.
  public func cursors() throws(JournalError) -> ArenaCursors {
    try lookUp { try cursors(in: $0) }
  }

  private func known(_ digest: Digest, in db: Database) throws -> Update? {
    try db.first("SELECT number FROM update_entry WHERE digest = ?", [digest]) { try $0.integer(0) }
      .map { try update($0, in: db) }
  }

  private func insert(
    _ update: Update, _ encoded: EncodedContent, branch: Int64, after parent: Lineage, _ derived: DerivedTables
  ) throws {
    let payloads = PayloadTable(db: derived.db, store: self, memory: derived.memory)
    let dictionaries = try derived.dictionaries(for: update.content, at: parent)
    let kept = try UpdateTable.insert(
      update, encoded, parent: parent.number, branch: branch, payloads: payloads, dictionaries: dictionaries)
    try derived.insert(update, branch: branch, after: parent, kept) { try payloads.id(of: $0) }
    recentlyAppended.insert(update, for: update.number.rawValue)
    try StretchTable(db: derived.db, store: self).extend(upTo: update.number.rawValue)
  }

  func cursors(in db: Database) throws -> ArenaCursors {
    let cursors = try db.first("SELECT cursors FROM arena_cursor") { try CursorCoding.decode(try $0.blob(0)) }
    guard let cursors else { throw JournalError(.damaged, detail: "the arena's cursors are missing") }
    return cursors
  }
}
