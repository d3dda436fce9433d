import Foundation
import GRDB

/// Drops the byte strings that nothing refers to any more. What had one of them as its dictionary is compressed anew.
struct PayloadSweep {
  private struct Kept {
    var id: Int64
    var dictionary: Int64?
    var depth: Int64
    var place: PackPlace?
  }

  let payloads: PayloadTable

  private var db: Database { payloads.db }

  /// - Returns: how many went.
  func execute() throws -> Int {
    let needed = try referred()
    let rows = try db.all("SELECT id, dictionary_id, depth, pack_id, pack_offset FROM payload ORDER BY id") { row in
      Kept(
        id: try row.integer(0), dictionary: try row.optionalInteger(1), depth: try row.integer(2),
        place: try PackPlace(row, from: 3))
    }
    let doomed = rows.filter { !needed.contains($0.id) }
    if doomed.isEmpty { return 0 }
    let kept = rows.filter { needed.contains($0.id) }
    try detach(kept, from: doomed)
    let packs = Set(doomed.compactMap(\.place?.pack)).sorted()
    for pack in packs { try packAnew(kept.filter { $0.place?.pack == pack }) }
    // Each row that goes is looked for in the columns that may refer to it.
    try db.execute(
      sql: """
        CREATE INDEX sweep_dictionary ON payload (dictionary_id);
        CREATE INDEX sweep_body ON placement (payload_id);
        CREATE INDEX sweep_lines ON placement (lines_id);
        CREATE INDEX sweep_pack ON payload (pack_id);
        """)
    for row in doomed.reversed() { try db.run("DELETE FROM payload WHERE id = ?", [row.id]) }
    for pack in packs { try db.run("DELETE FROM pack WHERE id = ?", [pack]) }
    try db.execute(
      sql: "DROP INDEX sweep_dictionary; DROP INDEX sweep_body; DROP INDEX sweep_lines; DROP INDEX sweep_pack")
    return doomed.count
  }

  /// Gives what stays of a pack one of its own, in which nothing else stands.
  private func packAnew(_ kept: [Kept]) throws {
    let contents = try kept.map { try payloads.load($0.id, depth: 0) }
    if contents.isEmpty { return }
    let pack = try PackTable(db: db).insert(contents.flatMap { $0 })
    var offset = 0
    for (row, bytes) in zip(kept, contents) {
      try db.run("UPDATE payload SET pack_id = ?, pack_offset = ? WHERE id = ?", [pack, offset, row.id])
      offset += bytes.count
    }
  }

  /// What updates, shortcuts and placements refer to.
  private func referred() throws -> Set<Int64> {
    var found: Set<Int64> = []
    for source in ["update_entry", "shortcut"] {
      let contents = try db.cursor("SELECT content, content_byte_count FROM \(source)")
      while let row = try contents.next() {
        var decoder = UpdateDecoder(try UpdateTable.content(row, 0, byteCount: 1)) { id, count throws(JournalError) in
          found.insert(id)
          return try payloads.load(id, byteCount: count)
        }
        _ = try decoder.content()
      }
    }
    for column in ["payload_id", "lines_id"] {
      found.formUnion(
        try db.all("SELECT DISTINCT \(column) FROM placement WHERE \(column) IS NOT NULL") { try $0.integer(0) })
    }
    return found
  }

  /// Gives what stays a dictionary that stays too: the next one that its own dictionary stood on, or none. A dictionary is older
  /// than what stands on it, so that each is read while all that it needs is still there.
  private func detach(_ kept: [Kept], from doomed: [Kept]) throws {
    let dictionaries = Dictionary(uniqueKeysWithValues: doomed.map { ($0.id, $0.dictionary) })
    var depths: [Int64: Int64] = [:]
    for row in kept {
      if let dictionary = row.dictionary, let next = dictionaries[dictionary] {
        var candidate = next
        while let id = candidate, let further = dictionaries[id] { candidate = further }
        depths[row.id] = try payloads.compressAnew(row.id, against: candidate.map { ($0, depths[$0] ?? 0) })
      } else {
        let depth = row.dictionary.map { (depths[$0] ?? 0) + 1 } ?? 0
        depths[row.id] = depth
        if depth != row.depth { try db.run("UPDATE payload SET depth = ? WHERE id = ?", [depth, row.id]) }
      }
    }
  }
}

extension PayloadTable {
  /// - Parameter dictionary: a payload, and how many others it stands on.
  /// - Returns: how many others it stands on itself.
  fileprivate func compressAnew(_ id: Int64, against dictionary: (id: Int64, depth: Int64)?) throws -> Int64 {
    let bytes = try load(id, depth: 0)
    var best: (block: [UInt8], depth: Int64, dictionary: Int64?) = (LZ4Block.compress(bytes) ?? bytes, 0, nil)
    if let dictionary, dictionary.depth < Self.maximumDepth,
      let block = LZ4Block.compress(bytes, dictionary: try load(dictionary.id, depth: 0)),
      block.count < best.block.count
    {
      best = (block, dictionary.depth + 1, dictionary.id)
    }
    try db.run(
      """
      UPDATE payload SET block = ?, depth = ?, dictionary_id = ?, base_address = NULL, base_byte_count = NULL WHERE id = ?
      """, [best.block, best.depth, best.dictionary, id])
    return best.depth
  }
}
