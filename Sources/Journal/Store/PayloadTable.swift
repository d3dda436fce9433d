import Addressing
import Foundation
import GRDB

/// The byte strings of updates, each kept once (`PayloadWriter`).
struct PayloadTable {
  /// Reading a payload reads at most this many others first; the next one after that stands by itself (a keyframe).
  static let maximumDepth: Int64 = 8

  let db: Database
  let store: JournalStore
  let memory: RecordingMemory
  private let packs: PackTable

  /// - Parameter memory: of the transaction that records updates.
  init(db: Database, store: JournalStore, memory: RecordingMemory = RecordingMemory()) {
    self.db = db
    self.store = store
    self.memory = memory
    packs = PackTable(db: db)
  }

  func id(of digest: Digest) throws -> Int64? {
    if let id = memory.payloadID(of: digest) { return id }
    return try db.first("SELECT id FROM payload WHERE digest = ?", [digest]) { try $0.integer(0) }
  }

  /// How many others are read before it.
  func depth(of id: Int64) throws -> Int64 {
    try db.first("SELECT depth FROM payload WHERE id = ?", [id]) { try $0.integer(0) } ?? 0
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
      """
      SELECT byte_count, dictionary_id, base_address, base_byte_count, block, pack_id, pack_offset FROM payload WHERE id = ?
      """, [id]
    ) { row in
      (
        count: try row.unsigned(0), payload: try row.optionalInteger(1),
        range: try row.optionalInteger(2) == nil ? nil : try row.range(2), block: try row.blob(4),
        place: try PackPlace(row, from: 5)
      )
    }
    guard let row else { throw JournalError(.malformedPayload, detail: "payload \(id) is missing") }
    guard row.count <= UInt64(UpdateCoding.maximumByteStringCount) else {
      throw JournalError(.malformedPayload, detail: "payload \(id) is too long")
    }
    let count = Int(row.count)
    if let place = row.place {
      guard row.block.isEmpty, row.payload == nil, row.range == nil else {
        throw JournalError(.malformedPayload, detail: "payload \(id) is in a pack and beside it")
      }
      return try packs.bytes(place, byteCount: count)
    }
    if row.block.count == count { return row.block }
    if let payload = row.payload {
      let dictionary = try load(payload, depth: depth + 1)
      return try LZ4Block.decompress(row.block, byteCount: count, dictionary: dictionary)
    }
    let dictionary = try row.range.map { try store.baseBytes($0, in: db) } ?? []
    return try LZ4Block.decompress(row.block, byteCount: count, dictionary: dictionary)
  }
}

/// Where an update's bodies and their lines are kept.
struct KeptPayloads {
  /// Of what an operation leaves, by operation.
  var bodies: [Int: Int64] = [:]
  /// By where the body starts.
  var lines: [VirtualAddress: Int64] = [:]

  mutating func note(_ id: Int64, _ role: PayloadRole) {
    switch role {
    case .content(let operation, .virtual, isAfter: true): bodies[operation] = id
    case .content: break
    case .lines(let body): lines[body] = id
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
