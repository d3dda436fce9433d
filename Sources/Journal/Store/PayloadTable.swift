import Addressing
import Foundation
import GRDB

/// The byte strings of updates, each kept once, compressed with what it is likely to resemble as dictionary.
struct PayloadTable {
  /// Shorter ones stand in the update itself, unless they are an atom's body.
  static let inlineByteCount = 48
  /// Reading a payload reads at most this many others first; the next one after that stands by itself (a keyframe).
  static let maximumDepth: Int64 = 8

  let db: Database
  let store: JournalStore

  /// - Returns: the payload's id, or nil where the bytes are better kept in line.
  func store(
    _ bytes: [UInt8], role: PayloadRole, dictionaries: BodyDictionaries
  ) throws(JournalError) -> Int64? {
    let isBody = dictionaries.isBody(role)
    if bytes.isEmpty || (bytes.count < Self.inlineByteCount && !isBody) { return nil }
    do {
      let digest = Digest.sha256(of: bytes)
      if let id = try id(of: digest) { return id }
      return try insert(bytes, digest: digest, dictionaries: try candidates(role, bytes.count, dictionaries))
    } catch {
      throw JournalError(wrapping: error, journal: store.path)
    }
  }

  func id(of digest: Digest) throws -> Int64? {
    try db.first("SELECT id FROM payload WHERE digest = ?", [Data(digest)]) { try $0.integer(0) }
  }

  func load(_ id: Int64, byteCount: Int) throws(JournalError) -> [UInt8] {
    do {
      let bytes = try load(id, depth: 0)
      guard bytes.count == byteCount else {
        throw JournalError(.malformedPayload, detail: "payload \(id) has \(bytes.count) bytes, not \(byteCount)")
      }
      return bytes
    } catch {
      throw JournalError(wrapping: error, journal: store.path)
    }
  }

  func load(_ id: Int64, depth: Int64) throws -> [UInt8] {
    guard depth <= Self.maximumDepth else {
      throw JournalError(.malformedPayload, detail: "payload \(id) stands on too many others")
    }
    let row = try db.first(
      "SELECT byte_count, dictionary_id, base_address, base_byte_count, block FROM payload WHERE id = ?", [id]
    ) { row in
      (
        count: try row.unsigned(0), payload: try row.optionalInteger(1),
        range: try row.optionalInteger(2) == nil ? nil : try row.range(2), block: try row.blob(4)
      )
    }
    guard let row else { throw JournalError(.malformedPayload, detail: "payload \(id) is missing") }
    guard row.count <= UInt64(UpdateCoding.maximumByteStringCount) else {
      throw JournalError(.malformedPayload, detail: "payload \(id) is too long")
    }
    let count = Int(row.count)
    if row.block.count == count { return row.block }
    if let payload = row.payload {
      let dictionary = try load(payload, depth: depth + 1)
      return try LZ4Block.decompress(row.block, byteCount: count, dictionary: dictionary)
    }
    let dictionary = try row.range.map { try store.baseBytes($0, in: db) } ?? []
    return try LZ4Block.decompress(row.block, byteCount: count, dictionary: dictionary)
  }

  private func candidates(
    _ role: PayloadRole, _ count: Int, _ dictionaries: BodyDictionaries
  ) throws -> [PayloadDictionary] {
    guard case .content(let operation, let place, let isAfter) = role else {
      guard case .lines(let body) = role, let lines = dictionaries.lines[body] else { return [] }
      return [.payload(lines)]
    }
    if isAfter, let dictionary = dictionaries.previous[operation] { return [dictionary] }
    // What an update finds in the base image is mostly what the base image has.
    guard case .virtual(let address) = place,
      let range = AddressRange(validating: address, byteCount: UInt64(count)),
      let segment = store.base.segments.first(where: { $0.range.contains(range) }), !segment.isPartOfArena,
      count <= LZ4Block.maximumDictionaryByteCount
    else { return [] }
    return [.base(range)]
  }

  private func insert(_ bytes: [UInt8], digest: Digest, dictionaries: [PayloadDictionary]) throws -> Int64 {
    var best: (block: [UInt8], depth: Int64, dictionary: PayloadDictionary?) =
      (LZ4Block.compress(bytes) ?? bytes, 0, nil)
    for dictionary in dictionaries {
      guard let (content, depth) = try self.content(of: dictionary), depth <= Self.maximumDepth,
        let block = LZ4Block.compress(bytes, dictionary: content), block.count < best.block.count
      else { continue }
      best = (block, depth, dictionary)
    }
    try db.run(
      """
      INSERT INTO payload (digest, byte_count, depth, dictionary_id, base_address, base_byte_count, block)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      [
        Data(digest), bytes.count, best.depth, best.dictionary?.payload,
        try best.dictionary?.range.map { try stored($0.start) },
        best.dictionary?.range.map { Int64($0.byteCount) }, Data(best.block),
      ])
    return db.lastInsertedRowID
  }

  private func content(of dictionary: PayloadDictionary) throws -> (bytes: [UInt8], depth: Int64)? {
    switch dictionary {
    case .base(let range): return (try store.baseBytes(range, in: db), 0)
    case .payload(let id):
      let depth = try db.first("SELECT depth FROM payload WHERE id = ?", [id]) { try $0.integer(0) } ?? 0
      return depth < Self.maximumDepth ? (try load(id, depth: 0), depth + 1) : nil
    }
  }
}

/// What a payload may be compressed against.
enum PayloadDictionary {
  case payload(Int64)
  case base(AddressRange)

  var payload: Int64? { if case .payload(let id) = self { id } else { nil } }
  var range: AddressRange? { if case .base(let range) = self { range } else { nil } }
}

/// The operations of an update that write an atom's body, and for each the body that the atom had before.
struct BodyDictionaries {
  var bodies: Set<Int> = []
  var previous: [Int: PayloadDictionary] = [:]
  /// The payload of the lines of the body before, by where the new body starts.
  var lines: [VirtualAddress: Int64] = [:]

  func isBody(_ role: PayloadRole) -> Bool {
    guard case .content(let operation, _, true) = role else { return false }
    return bodies.contains(operation)
  }
}
