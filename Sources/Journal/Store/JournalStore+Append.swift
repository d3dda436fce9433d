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
    let digest = try UpdateCoding.digest(of: content, parent: parent)
    let signature = try key?.signature(of: digest)
    return try write { db in
      let update = try append(content, digest: digest, parent: parent, in: db).update
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
        for content in chain {
          let parent = last?.digest ?? parent
          let digest = try UpdateCoding.digest(of: content, parent: parent)
          last = try append(content, digest: digest, parent: parent, in: db).update
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
    _ content: UpdateContent, digest: Digest, parent: Digest, in db: Database
  ) throws -> (update: Update, isNew: Bool) {
    let lineage = try lineage(of: parent, in: db)
    if let known = try known(digest, in: db) { return (known, false) }
    let used = try cursors(in: db)
    guard content.cursors.isAtLeast(used) else { throw JournalError(.cursorWentBack) }
    let last = try db.first("SELECT ifnull(max(number), 0) FROM update_entry") { try $0.integer(0) } ?? 0
    let update = Update(number: UpdateNumber(last + 1), digest: digest, parent: parent, content: content)
    try insert(update, after: lineage, in: db)
    return (update, true)
  }

  func isKnown(_ digest: Digest, in db: Database) throws -> Bool {
    try db.first("SELECT 1 FROM update_entry WHERE digest = ?", [Data(digest)]) { try $0.integer(0) } != nil
  }

  /// How far the arena is used, over all branches; the base's own cursors before the first update.
  public func cursors() throws(JournalError) -> ArenaCursors {
    try lookUp { try cursors(in: $0) }
  }

  private func known(_ digest: Digest, in db: Database) throws -> Update? {
    try db.first("SELECT number FROM update_entry WHERE digest = ?", [Data(digest)]) { try $0.integer(0) }
      .map { try update($0, in: db) }
  }

  private func insert(_ update: Update, after parent: Lineage, in db: Database) throws {
    let payloads = PayloadTable(db: db, store: self)
    let derived = DerivedTables(db: db)
    let dictionaries = try derived.dictionaries(for: update.content, at: parent)
    let branch = try derived.branch(after: parent)
    try UpdateTable.insert(
      update, parent: parent.number, branch: branch, payloads: payloads, dictionaries: dictionaries)
    try derived.insert(update, branch: branch, after: parent) { try payloads.id(of: $0) }
  }

  func cursors(in db: Database) throws -> ArenaCursors {
    let cursors = try db.first("SELECT cursors FROM arena_cursor") { try CursorCoding.decode(try $0.blob(0)) }
    guard let cursors else { throw JournalError(.damaged, detail: "the arena's cursors are missing") }
    return cursors
  }
}
