import Foundation
import GRDB

/// What updates that follow one another come to, as one step; nobody has proved it yet (`ShortcutProof` of the Applier does).
public struct ShortcutDraft: Sendable {
  public let range: ShortcutRange
  /// The one step, with the number and the digest of the update that it leads to.
  public let step: Update
  /// The updates on the way, oldest first; in place of pruned ones the step that stands for them.
  public let updates: [Update]
}

extension JournalStore {
  /// Throws `notOnTheWay` where the one end does not follow the other, `shortcutTooShort` for less than two updates,
  /// `observedShortcut` for a journal of an observed image.
  public func shortcutDraft(_ range: ShortcutRange) throws(JournalError) -> ShortcutDraft {
    try lookUp { try shortcutDraft(range, in: $0) }
  }

  /// Keeps a shortcut beside the updates that it stands for. It is taken in their place once they are pruned.
  ///
  /// - Parameter key: whose signature it gets.
  /// - Returns: the shortcut, and whether it is new: the same one made twice is there once.
  public func squash(
    _ draft: ShortcutDraft, signedBy key: SigningKey? = nil
  ) throws(JournalError) -> (shortcut: ShortcutSummary, isNew: Bool) {
    try write { db in
      let table = ShortcutTable(db: db, store: self)
      let known = try table.row(over: draft.range)
      // Somebody may have pruned meanwhile what the draft was made of.
      guard try known != nil || shortcutDraft(draft.range, in: db).step == draft.step else {
        throw JournalError(.busy, detail: "\(draft.range) has changed meanwhile")
      }
      let digest =
        try known?.digest
        ?? table.insert(
          Shortcut(
            from: draft.step.parent, covered: table.numbers(in: draft.range).map { try table.covered($0) },
            content: draft.step.content), over: draft.range)
      if let signature = try key?.signature(of: digest) {
        _ = try SignatureTable(db: db, kind: .shortcut).insert(signature, of: digest)
      }
      return (try summary(ofShortcut: digest, in: db), known == nil)
    }
  }

  /// The step of a shortcut that is kept, given out only when its bytes are what its digest says.
  public func shortcutStep(_ range: ShortcutRange) throws(JournalError) -> Update {
    try lookUp { db in
      let table = ShortcutTable(db: db, store: self)
      guard let row = try table.row(over: range) else { throw JournalError(.unknownShortcut, name: "\(range)") }
      return try table.step(row)
    }
  }

  /// All shortcuts, in the order in which they were made.
  public func shortcuts() throws(JournalError) -> [ShortcutSummary] {
    try lookUp { db in
      try ShortcutTable(db: db, store: self).rows().map { try summary(ofShortcut: $0.digest, in: db) }
    }
  }

  /// Nil where there is none from the one update to the other.
  public func shortcut(_ range: ShortcutRange) throws(JournalError) -> ShortcutSummary? {
    try lookUp { db in
      try ShortcutTable(db: db, store: self).row(over: range).map { try summary(ofShortcut: $0.digest, in: db) }
    }
  }

  func summary(ofShortcut digest: Digest, in db: Database) throws -> ShortcutSummary {
    let table = ShortcutTable(db: db, store: self)
    guard let row = try table.row("WHERE digest = ?", [digest]) else {
      throw JournalError(.unknownDigest, digest: digest)
    }
    return ShortcutSummary(
      digest: digest, range: row.range, coveredCount: try table.numbers(in: row.range).count,
      isPruned: try table.range(pruning: row.range.to.rawValue) == row.range)
  }

  func shortcutDraft(_ range: ShortcutRange, in db: Database) throws -> ShortcutDraft {
    guard base.isPrepared else { throw JournalError(.observedShortcut) }
    let updates = try updates(in: range, db)
    if updates.count > 1, let last = updates.last, let first = updates.first,
      let content = UpdateContent.net(of: updates.map(\.content), base: base)
    {
      let step = Update(number: last.number, digest: last.digest, parent: first.parent, content: content)
      return ShortcutDraft(range: range, step: step, updates: updates)
    }
    // What is pruned already is one step.
    if let only = updates.first, try ShortcutTable(db: db, store: self).row(over: range) != nil {
      return ShortcutDraft(range: range, step: only, updates: updates)
    }
    throw JournalError(.shortcutTooShort, detail: "\(range) has \(updates.isEmpty ? "none" : "one")")
  }

  private func updates(in range: ShortcutRange, _ db: Database) throws -> [Update] {
    let table = ShortcutTable(db: db, store: self)
    // An end within what is pruned is nowhere that a target can be.
    for number in [range.from, range.to] { _ = try lineage(of: table.digest(of: number), in: db) }
    var updates: [Update] = []
    var current = range.to.rawValue
    while current > range.from.rawValue {
      let update = try update(current, in: db)
      updates.append(update)
      current = try lineage(of: update.parent, in: db).number
    }
    guard current == range.from.rawValue else {
      throw JournalError(.notOnTheWay, update: range.from, detail: "update \(range.to) does not follow it")
    }
    return updates.reversed()
  }
}
