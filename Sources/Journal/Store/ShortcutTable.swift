import Foundation
import GRDB

/// Steps from one update to a later one, and which updates they stand for alone.
struct ShortcutTable {
  let db: Database
  let store: JournalStore

  private var payloads: PayloadTable { PayloadTable(db: db, store: store) }

  /// The shortcut that stands for an update since it was pruned; nil while the update is there.
  func range(pruning number: Int64) throws -> ShortcutRange? {
    try db.first(
      "SELECT from_number, to_number FROM pruned JOIN shortcut ON shortcut.id = shortcut_id WHERE number = ?", [number]
    ) { try ShortcutRange($0, from: 0) }?.flatMap { $0 }
  }

  /// The number of the position that a step to this one comes from: the parent's, or that which the shortcut leads from.
  func position(before number: Int64) throws -> Int64? {
    try db.first(
      """
      SELECT ifnull(shortcut.from_number, entry.parent_number) FROM update_entry AS entry
        LEFT JOIN pruned ON pruned.number = entry.number LEFT JOIN shortcut ON shortcut.id = pruned.shortcut_id
      WHERE entry.number = ?
      """, [number]
    ) { try $0.integer(0) }
  }

  func covered(_ number: Int64) throws -> Shortcut.Covered {
    try UpdateTable.covered(
      number, isPruned: try range(pruning: number) != nil, base: store.base, payloads: payloads)
  }

  /// What is taken in place of the pruned updates up to this one.
  func step(leadingTo number: Int64) throws -> Update {
    let row = try row("JOIN pruned ON pruned.shortcut_id = shortcut.id WHERE pruned.number = ?", [number])
    guard let row else { throw JournalError(.damaged, update: UpdateNumber(number), detail: "its shortcut is missing") }
    return try step(row)
  }

  /// What a shortcut does, once its bytes are known to be what its digest says.
  func step(_ row: Row) throws -> Update {
    let label = row.range.to
    do {
      let from = try digest(of: row.range.from)
      let to = try digest(of: row.range.to)
      let content = try UpdateTable.decoded(row.content, payloads)
      let found = try ShortcutCoding.digest(from: from, to: to, covered: row.covered, content: content)
      guard found == row.digest else { throw JournalError(.digestMismatch, digest: row.digest) }
      return Update(number: label, digest: to, parent: from, content: content)
    } catch var error as JournalError {
      error.update = error.update ?? label
      throw error
    }
  }

  /// The numbers of the updates that a shortcut covers, oldest first; those that are pruned are among them.
  func numbers(in range: ShortcutRange) throws -> [Int64] {
    var numbers: [Int64] = []
    var current = range.to.rawValue
    while current > range.from.rawValue {
      numbers.append(current)
      let parent = try db.first("SELECT parent_number FROM update_entry WHERE number = ?", [current]) {
        try $0.integer(0)
      }
      guard let parent, parent < current else { throw JournalError(.damaged, update: UpdateNumber(current)) }
      current = parent
    }
    guard current == range.from.rawValue else {
      throw JournalError(.notOnTheWay, update: range.from, detail: "update \(range.to) does not follow it")
    }
    return numbers.reversed()
  }

  func insert(_ shortcut: Shortcut, over range: ShortcutRange) throws -> Digest {
    let covered = try ShortcutCoding.coveredDigest(shortcut.covered)
    let digest = try ShortcutCoding.digest(
      from: shortcut.from, to: shortcut.to, covered: covered, content: shortcut.content)
    // Every body is kept as a payload, as those of the updates are: it is found by what it holds.
    var dictionaries = BodyDictionaries()
    for change in shortcut.content.atoms {
      if let index = change.bodyWrite(in: shortcut.content)?.index { dictionaries.bodies.insert(index) }
    }
    let content = try UpdateTable.stored(UpdateCoding.encoded(shortcut.content), payloads, dictionaries)
    try db.run(
      """
      INSERT INTO shortcut (digest, from_number, to_number, covered, content, content_byte_count)
      VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        digest, range.from.rawValue, range.to.rawValue, covered, content.block, content.byteCount,
      ])
    return digest
  }

  // MARK: Rows

  struct Row {
    var id: Int64
    var digest: Digest
    var range: ShortcutRange
    var covered: Digest
    var content: [UInt8]
  }

  func row(_ condition: String, _ values: [(any StatementValue)?]) throws -> Row? {
    try db.first(
      """
      SELECT shortcut.id, shortcut.digest, shortcut.from_number, shortcut.to_number, shortcut.covered, shortcut.content,
        shortcut.content_byte_count
      FROM shortcut \(condition)
      """, values, Self.decode)
  }

  func row(over range: ShortcutRange) throws -> Row? {
    try row("WHERE from_number = ? AND to_number = ?", [range.from.rawValue, range.to.rawValue])
  }

  func rows() throws -> [Row] {
    try db.all(
      "SELECT id, digest, from_number, to_number, covered, content, content_byte_count FROM shortcut ORDER BY id", [],
      Self.decode)
  }

  private static func decode(_ row: ResultRow) throws -> Row {
    guard let range = try ShortcutRange(row, from: 2) else {
      throw JournalError(.damaged, detail: "a shortcut without ends")
    }
    return Row(
      id: try row.integer(0), digest: try row.digest(1), range: range, covered: try row.digest(4),
      content: try UpdateTable.content(row, 5, byteCount: 6))
  }

  /// Whether or not it is pruned.
  func digest(of number: UpdateNumber) throws -> Digest {
    if number == .base { return store.base.digest }
    let digest = try db.first("SELECT digest FROM update_entry WHERE number = ?", [number.rawValue]) {
      try $0.digest(0)
    }
    guard let digest else { throw JournalError(.unknownUpdate, update: number) }
    return digest
  }
}

extension ShortcutRange {
  /// Two columns; nil where they are.
  init?(_ row: ResultRow, from index: Int) throws(JournalError) {
    guard let from = try row.optionalInteger(index), let to = try row.optionalInteger(index + 1) else { return nil }
    self.init(from: UpdateNumber(from), to: UpdateNumber(to))
  }
}
