import Foundation
import GRDB

extension JournalStore {
  /// Takes a shortcut and the skeletons of what it stands for, as a journal has them that pruned those updates.
  ///
  /// That the updates had these digests nobody can prove any more: the shortcut's digest vouches for them, and whoever signed it.
  /// - Returns: the numbers that the updates got; none where the journal has them all.
  func take(_ shortcut: Shortcut, digest: Digest, into db: Database) throws -> [UpdateNumber] {
    let known = try shortcut.covered.filter { try isKnown($0.digest, in: db) }
    if known.count == shortcut.covered.count { return [] }
    if let first = known.first { throw JournalError(.bundleOverlaps, digest: first.digest) }
    let parent = try lineage(of: shortcut.from, in: db)
    let used = try cursors(in: db)
    guard shortcut.covered.allSatisfy({ $0.skeleton.cursors.isAtLeast(used) }) else {
      throw JournalError(.cursorWentBack)
    }
    let numbers = try insertSkeletons(shortcut, after: parent, in: db)
    guard let last = numbers.last else { return [] }
    let table = ShortcutTable(db: db, store: self)
    let range = ShortcutRange(from: UpdateNumber(parent.number), to: last)
    guard try table.insert(shortcut, over: range) == digest else { throw JournalError(.digestMismatch, digest: digest) }
    for number in numbers {
      try db.run(
        "INSERT INTO pruned SELECT ?, id FROM shortcut WHERE digest = ?", [number.rawValue, digest])
    }
    try derive(numbers, after: parent, in: db)
    return numbers
  }

  func isKnownShortcut(_ digest: Digest, in db: Database) throws -> Bool {
    try db.first("SELECT 1 FROM shortcut WHERE digest = ?", [digest]) { try $0.integer(0) } != nil
  }

  private func insertSkeletons(
    _ shortcut: Shortcut, after parent: Lineage, in db: Database
  ) throws -> [UpdateNumber] {
    let payloads = PayloadTable(db: db, store: self)
    let branch = try DerivedTables(db: db).branch(after: parent)
    var numbers: [UpdateNumber] = []
    var number = try db.first("SELECT ifnull(max(number), 0) FROM update_entry") { try $0.integer(0) } ?? 0
    for covered in shortcut.covered {
      number += 1
      let skeleton = covered.skeleton
      let content = try UpdateTable.stored(UpdateCoding.encoded(skeleton), payloads, BodyDictionaries())
      try db.run(
        "INSERT INTO update_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          number, covered.digest, numbers.last?.rawValue ?? parent.number, branch, skeleton.time, skeleton.author,
          skeleton.message, skeleton.sourceRevision, covered.operationCount, skeleton.atoms.count, content.block,
          content.byteCount,
        ])
      numbers.append(UpdateNumber(number))
    }
    return numbers
  }

  private func derive(_ numbers: [UpdateNumber], after parent: Lineage, in db: Database) throws {
    let derived = DerivedTables(db: db)
    let payloads = PayloadTable(db: db, store: self)
    var reader = EntryReader(store: self, db: db)
    var parent = parent
    for number in numbers {
      let branch = try db.first("SELECT branch_id FROM update_entry WHERE number = ?", [number.rawValue]) {
        try $0.integer(0)
      }
      guard let branch else { throw JournalError(.damaged, update: number) }
      try derived.insert(try reader.entry(number.rawValue), branch: branch, after: parent) { try payloads.id(of: $0) }
      parent = try Lineage(number: number.rawValue, branch: branch, in: db)
    }
  }
}
