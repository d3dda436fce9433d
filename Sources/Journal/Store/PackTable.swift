import Foundation
import GRDB

/// Byte strings of one update that are compressed as one block, for they are like each other and like nothing older.
///
/// Whoever reads one of them decompresses all of its pack, which is why packs are bounded.
struct PackTable {
  /// No pack is longer.
  static let maximumByteCount = 1 << 18
  /// Longer ones are no worse off by themselves.
  static let maximumMemberByteCount = 1 << 16

  /// What the bytes of an update are read from, mostly.
  private final class Latest {
    var pack: (id: Int64, bytes: [UInt8])?
  }

  let db: Database
  private let latest = Latest()

  init(db: Database) { self.db = db }

  /// - Returns: the pack's id.
  func insert(_ bytes: [UInt8]) throws -> Int64 {
    let block = LZ4Block.compress(bytes, effort: .high) ?? bytes
    try db.run("INSERT INTO pack (byte_count, block) VALUES (?, ?)", [bytes.count, block])
    return db.lastInsertedRowID
  }

  func bytes(_ place: PackPlace, byteCount: Int) throws -> [UInt8] {
    let bytes = try bytes(of: place.pack)
    guard let start = Int(exactly: place.offset), byteCount <= bytes.count, start <= bytes.count - byteCount else {
      throw JournalError(.malformedPayload, detail: "a payload goes beyond the end of pack \(place.pack)")
    }
    return Array(bytes[start..<start + byteCount])
  }

  private func bytes(of id: Int64) throws -> [UInt8] {
    if let pack = latest.pack, pack.id == id { return pack.bytes }
    let found = try db.first("SELECT byte_count, block FROM pack WHERE id = ?", [id]) { row in
      (count: try row.unsigned(0), block: try row.blob(1))
    }
    guard let found else { throw JournalError(.malformedPayload, detail: "pack \(id) is missing") }
    guard found.count <= UInt64(Self.maximumByteCount) else {
      throw JournalError(.malformedPayload, detail: "pack \(id) is too long")
    }
    let count = Int(found.count)
    let bytes = found.block.count == count ? found.block : try LZ4Block.decompress(found.block, byteCount: count)
    latest.pack = (id, bytes)
    return bytes
  }
}

/// Where a payload stands in a pack.
struct PackPlace: Hashable {
  var pack: Int64
  /// In bytes from the pack's start.
  var offset: UInt64

  init(pack: Int64, offset: UInt64) {
    self.pack = pack
    self.offset = offset
  }

  /// The columns `pack_id` and `pack_offset`; nil where they are.
  init?(_ row: ResultRow, from index: Int) throws(JournalError) {
    guard let pack = try row.optionalInteger(index) else { return nil }
    self.init(pack: pack, offset: try row.unsigned(index + 1))
  }
}
