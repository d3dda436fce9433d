import Addressing
import Foundation
import GRDB

/// What updates of one branch come to, kept for long ways: of each 64 numbers (level 1), and of 64 times as many for each further level.
///
/// Fresh bytes are kept once, with level 1; of higher levels only what is not in a block is put together anew.
struct StretchTable {
  /// How many stretches of a level, or updates, one of the next level is made of at most.
  static let width: Int64 = 64
  static let maximumLevel: Int64 = 3
  /// More bytes of one stretch are not worth keeping twice: few updates have brought them.
  static let maximumFreshByteCount = 1 << 26

  let db: Database
  let store: JournalStore
  /// What a level is wide; tests make it narrow.
  var width = Self.width

  private var shortcuts: ShortcutTable { ShortcutTable(db: db, store: store) }

  struct Row {
    var range: ShortcutRange
    var level: Int64
    var branch: Int64
    var digest: Digest
    /// As stored.
    var content: [UInt8]
    var byteCount: Int?
  }

  struct BlockRow {
    var number: Int64
    var areas: [UInt8]
    var digest: Digest
    var content: [UInt8]
    var byteCount: Int?
  }

  /// As much as a row of each table says.
  struct Made {
    var level: Int64
    var range: ShortcutRange
    var content: UpdateContent
    /// Level 1 alone.
    var fresh: [FreshWrite]?
    var areas: [AddressRange] = []
  }

  // MARK: Making

  /// To be called when an update has come to have this number.
  func extend(upTo number: Int64) throws {
    guard store.base.isPrepared else { return }
    var count = width
    for level in 1...Self.maximumLevel {
      guard number % count == 0 else { return }
      let branches = try db.all(
        "SELECT DISTINCT branch_id FROM update_entry WHERE number > ? AND number <= ? ORDER BY branch_id",
        [number - count, number]
      ) { try $0.integer(0) }
      for branch in branches {
        if let made = try make(level, after: number - count, upTo: number, of: branch) {
          try insert(made, of: branch)
        }
      }
      count *= width
    }
  }

  /// What there is to be kept of the updates of a branch in an interval of numbers; nil where they cannot be one step, or need not.
  func make(_ level: Int64, after start: Int64, upTo end: Int64, of branch: Int64) throws -> Made? {
    let rows = try db.all(
      "SELECT number, parent_number, digest FROM update_entry WHERE branch_id = ? AND number > ? AND number <= ? ORDER BY number",
      [branch, start, end]
    ) { row in (number: try row.integer(0), parent: try row.integer(1), digest: try row.digest(2)) }
    guard let first = rows.first, let last = rows.last,
      zip(rows, rows.dropFirst()).allSatisfy({ $0.number == $1.parent })
    else { return nil }
    let range = ShortcutRange(from: UpdateNumber(first.parent), to: UpdateNumber(last.number))
    if level > 1 { return try join(range, level, after: start, of: branch) }
    guard try rows.allSatisfy({ try shortcuts.range(pruning: $0.number) == nil }) else { return nil }
    let updates = try rows.map { row in
      if let known = store.recentlyAppended[row.number], known.digest == row.digest { return known }
      return try store.update(row.number, in: db)
    }
    guard let content = StretchContent(of: updates, base: store.base),
      content.fresh.reduce(0, { $0 + $1.after.count }) <= Self.maximumFreshByteCount
    else { return nil }
    return Made(
      level: level, range: range, content: content.content, fresh: content.fresh,
      areas: content.areas(in: store.base))
  }

  /// Of stretches of the level below, which must be there for all of the range.
  private func join(_ range: ShortcutRange, _ level: Int64, after start: Int64, of branch: Int64) throws -> Made? {
    let parts = try db.all(
      """
      \(Self.columns) WHERE branch_id = ? AND level = ? AND to_number > ? AND to_number <= ? ORDER BY to_number
      """, [branch, level - 1, start, range.to.rawValue], Self.decode)
    guard parts.count > 1, parts.first?.range.from == range.from, parts.last?.range.to == range.to,
      zip(parts, parts.dropFirst()).allSatisfy({ $0.range.to == $1.range.from })
    else { return nil }
    var contents: [UpdateContent] = []
    var order = FreshOrder(base: store.base)
    for part in parts {
      let content = try content(of: part)
      order.add(content.operations, areas: try areas(in: part.range, of: branch).areas)
      contents.append(content)
    }
    guard order.isKept else { return nil }
    return StretchContent.content(joining: contents, base: store.base).map {
      Made(level: level, range: range, content: $0, fresh: nil)
    }
  }

  private func insert(_ made: Made, of branch: Int64) throws {
    let (from, to) = (try shortcuts.digest(of: made.range.from), try shortcuts.digest(of: made.range.to))
    let (content, byteCount) = Self.stored(try UpdateCoding.encode(made.content))
    let digest = StretchCoding.digest(from: from, to: to, level: made.level, stored: content)
    try db.run(
      "INSERT OR REPLACE INTO stretch VALUES (?, ?, ?, ?, ?, ?, ?)",
      [
        made.range.to.rawValue, made.level, made.range.from.rawValue, branch, digest, byteCount, content,
      ])
    guard let fresh = made.fresh else { return }
    let areas = FreshBlockCoding.encode(areas: made.areas)
    let block = Self.stored(FreshBlockCoding.encode(fresh))
    try db.run(
      "INSERT OR REPLACE INTO fresh_block VALUES (?, ?, ?, ?, ?, ?)",
      [
        made.range.to.rawValue, branch, areas,
        StretchCoding.blockDigest(to: to, areas: areas, stored: block.content), block.byteCount,
        block.content,
      ])
  }

  private static func stored(_ bytes: [UInt8]) -> (content: [UInt8], byteCount: Int?) {
    guard let block = LZ4Block.compress(bytes) else { return (bytes, nil) }
    return (block, bytes.count)
  }

  /// Drops what was made of these updates, or of others together with them.
  func drop(touching range: ShortcutRange) throws {
    let ends = [range.from.rawValue, range.to.rawValue]
    try db.run(
      """
      DELETE FROM fresh_block WHERE to_number IN (
        SELECT to_number FROM stretch WHERE level = 1 AND to_number > ? AND from_number < ?)
      """, ends)
    try db.run("DELETE FROM stretch WHERE to_number > ? AND from_number < ?", ends)
  }

  // MARK: Reading

  private static let columns =
    "SELECT from_number, to_number, level, branch_id, digest, content, content_byte_count FROM stretch"

  private static func decode(_ row: ResultRow) throws -> Row {
    guard let range = try ShortcutRange(row, from: 0) else {
      throw JournalError(.damaged, detail: "a stretch without ends")
    }
    return Row(
      range: range, level: try row.integer(2), branch: try row.integer(3), digest: try row.digest(4),
      content: try row.blob(5), byteCount: try row.optionalInteger(6).map { Int(clamping: $0) })
  }

  /// The one that leads furthest back from an update, and not beyond another; nil where there is none.
  func longest(leadingTo number: Int64, notBefore first: Int64) throws -> Row? {
    try db.first(
      "\(Self.columns) WHERE to_number = ? AND from_number >= ? ORDER BY level DESC LIMIT 1", [number, first],
      Self.decode)
  }

  func rows(_ body: (Row) throws -> Void) throws {
    let cursor = try db.cursor("\(Self.columns) ORDER BY to_number, level")
    while let row = try cursor.next() { try body(try Self.decode(row)) }
  }

  /// Given out only when its bytes are what its digest says.
  func content(of row: Row) throws -> UpdateContent {
    let (from, to) = (try shortcuts.digest(of: row.range.from), try shortcuts.digest(of: row.range.to))
    guard StretchCoding.digest(from: from, to: to, level: row.level, stored: row.content) == row.digest else {
      throw JournalError(.malformedStretch, update: row.range.to, digest: row.digest)
    }
    return try UpdateCoding.decode(try Self.decompressed(row.content, row.byteCount))
  }

  private static func decompressed(_ stored: [UInt8], _ byteCount: Int?) throws -> [UInt8] {
    try byteCount.map { try LZ4Block.decompress(stored, byteCount: $0) } ?? stored
  }

  /// Where the bytes of a stretch's blocks are, and how many blocks there are.
  func areas(in range: ShortcutRange, of branch: Int64) throws -> (areas: [AddressRange], blockCount: Int) {
    var areas = StretchAreas(base: store.base)
    var count = 0
    let rows = try db.cursor(
      "SELECT areas FROM fresh_block WHERE branch_id = ? AND to_number > ? AND to_number <= ? ORDER BY to_number",
      [branch, range.from.rawValue, range.to.rawValue])
    while let row = try rows.next() {
      areas.add(try FreshBlockCoding.decodeAreas(try row.blob(0)))
      count += 1
    }
    return (areas.ascending, count)
  }

  /// The updates of a stretch, ascending.
  func runs(in range: ShortcutRange, of branch: Int64) throws -> [UpdateRun] {
    let arguments: [(any StatementValue)?] = [branch, range.from.rawValue, range.to.rawValue]
    let condition = "FROM update_entry WHERE branch_id = ? AND number > ? AND number <= ?"
    let ends = try db.first("SELECT min(number), count(*) \(condition)", arguments) {
      (first: try $0.integer(0), count: try $0.integer(1))
    }
    // Without branches there is one, and SQLite counts faster than it can be asked for each.
    if let ends, ends.first + ends.count - 1 == range.to.rawValue {
      return [UpdateRun(UpdateNumber(ends.first), range.to)]
    }
    var runs: [UpdateRun] = []
    let rows = try db.cursor("SELECT number \(condition) ORDER BY number", arguments)
    while let row = try rows.next() {
      let number = UpdateNumber(try row.integer(0))
      runs.append(joining: UpdateRun(number, number))
    }
    return runs
  }

  /// - Parameter body: whether to go on.
  func blocks(in range: ShortcutRange, of branch: Int64, _ body: (BlockRow) throws -> Bool) throws {
    let cursor = try db.cursor(
      """
      SELECT to_number, areas, digest, content, content_byte_count FROM fresh_block
      WHERE branch_id = ? AND to_number > ? AND to_number <= ? ORDER BY to_number
      """, [branch, range.from.rawValue, range.to.rawValue])
    try withExtendedLifetime(cursor) {
      while let row = try cursor.next() {
        let block = BlockRow(
          number: try row.integer(0), areas: try row.blob(1), digest: try row.digest(2), content: try row.blob(3),
          byteCount: try row.optionalInteger(4).map { Int(clamping: $0) })
        if try !body(block) { return }
      }
    }
  }

  /// Given out only when its bytes are what its digest says, and lie where its row says.
  func block(of row: BlockRow) throws -> FreshBlock {
    let to = try shortcuts.digest(of: UpdateNumber(row.number))
    guard StretchCoding.blockDigest(to: to, areas: row.areas, stored: row.content) == row.digest else {
      throw JournalError(.malformedStretch, update: UpdateNumber(row.number), digest: row.digest)
    }
    return try FreshBlockCoding.decode(try Self.decompressed(row.content, row.byteCount))
  }
}
