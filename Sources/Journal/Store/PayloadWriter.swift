import Addressing
import Foundation
import GRDB

/// Keeps the byte strings of one update, each that is new once: with what it is likely to resemble as dictionary where that halves it,
/// and together with the other new ones where it does not (`PackTable`).
///
/// Nothing is written before `finish`.
struct PayloadWriter {
  /// Shorter ones stand in the update itself, unless they are an atom's body.
  static let inlineByteCount = 48

  private struct Draft {
    var id: Int64
    var digest: Digest
    var bytes: [UInt8]
    /// Nil where it goes with others.
    var block: [UInt8]?
    var depth: Int64 = 0
    var dictionary: PayloadDictionary?
    var place: PackPlace?

    mutating func standAlone() { block = LZ4Block.compress(bytes, effort: .high) ?? bytes }
  }

  private let table: PayloadTable
  private let dictionaries: BodyDictionaries
  /// Their ids ascend by one.
  private var drafts: [Draft] = []
  private var ids: [Digest: Int64] = [:]
  /// The payload of what an operation has found: what it leaves is mostly like that, and comes just after.
  private var found: Int64?
  private(set) var kept = KeptPayloads()

  private var db: Database { table.db }

  init(_ table: PayloadTable, _ dictionaries: BodyDictionaries) {
    self.table = table
    self.dictionaries = dictionaries
  }

  /// - Returns: the payload's id, or nil where the bytes are better kept in line.
  mutating func store(_ bytes: [UInt8], role: PayloadRole) throws(JournalError) -> Int64? {
    let former = found
    found = nil
    if bytes.isEmpty || (bytes.count < Self.inlineByteCount && !dictionaries.isBody(role)) { return nil }
    do {
      let id = try id(of: bytes, role, found: former)
      if role.isBefore { found = id }
      kept.note(id, role)
      return id
    } catch {
      throw JournalError(wrapping: error, journal: table.store.path)
    }
  }

  private mutating func id(of bytes: [UInt8], _ role: PayloadRole, found: Int64?) throws -> Int64 {
    let digest = Digest.sha256(of: bytes)
    if let id = ids[digest] { return id }
    if let id = try table.id(of: digest) { return id }
    let next = try drafts.last.map { $0.id + 1 } ?? firstID()
    var draft = Draft(id: next, digest: digest, bytes: bytes)
    if let dictionary = candidate(role, bytes.count, found) { try compress(&draft, against: dictionary) }
    if draft.block == nil, bytes.count > PackTable.maximumMemberByteCount { draft.standAlone() }
    drafts.append(draft)
    ids[digest] = draft.id
    return draft.id
  }

  private func firstID() throws -> Int64 {
    try (db.first("SELECT ifnull(max(id), 0) FROM payload") { try $0.integer(0) } ?? 0) + 1
  }

  private func candidate(_ role: PayloadRole, _ count: Int, _ found: Int64?) -> PayloadDictionary? {
    guard case .content(let operation, let place, let isAfter) = role else {
      guard case .lines(let body) = role else { return nil }
      return dictionaries.lines[body].map { .payload($0) }
    }
    if isAfter, let dictionary = dictionaries.previous[operation] { return dictionary }
    if isAfter, let found { return .payload(found) }
    // What an update finds in the base image is mostly what the base image has.
    guard case .virtual(let address) = place,
      let range = AddressRange(validating: address, byteCount: UInt64(count)),
      let segment = table.store.base.segments.first(where: { $0.range.contains(range) }), !segment.isPartOfArena,
      count <= LZ4Block.maximumDictionaryByteCount
    else { return nil }
    return .base(range)
  }

  private func compress(_ draft: inout Draft, against dictionary: PayloadDictionary) throws {
    guard let (content, depth) = try content(of: dictionary), depth <= PayloadTable.maximumDepth,
      let block = LZ4Block.compress(draft.bytes, dictionary: content), block.count * 2 <= draft.bytes.count
    else { return }
    draft.block = block
    draft.depth = depth
    draft.dictionary = dictionary
  }

  private func content(of dictionary: PayloadDictionary) throws -> (bytes: [UInt8], depth: Int64)? {
    switch dictionary {
    case .base(let range): return (try table.store.baseBytes(range, in: db), 0)
    case .payload(let id):
      if let first = drafts.first?.id, id >= first, let draft = drafts.dropFirst(Int(id - first)).first {
        return draft.depth < PayloadTable.maximumDepth ? (draft.bytes, draft.depth + 1) : nil
      }
      if let known = table.memory.payload(id) {
        return known.depth < PayloadTable.maximumDepth ? (known.bytes, known.depth + 1) : nil
      }
      let depth = try table.depth(of: id)
      return depth < PayloadTable.maximumDepth ? (try table.load(id, depth: 0), depth + 1) : nil
    }
  }

  // MARK: Rows

  mutating func finish() throws {
    try pack()
    for draft in drafts {
      try db.run(
        """
        INSERT INTO payload (id, digest, byte_count, depth, dictionary_id, base_address, base_byte_count, block, pack_id,
          pack_offset)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          draft.id, draft.digest, draft.bytes.count, draft.depth, draft.dictionary?.payload,
          try draft.dictionary?.range.map { try stored($0.start) },
          draft.dictionary?.range.map { Int64($0.byteCount) }, draft.block ?? [], draft.place?.pack,
          draft.place.map { Int64($0.offset) },
        ])
      table.memory.note(payload: draft.id, of: draft.digest)
      table.memory.note(RecordingMemory.Payload(bytes: draft.bytes, depth: draft.depth), as: draft.id)
    }
    drafts = []
    ids = [:]
  }

  /// Those that have no block yet, in the order of their ids.
  private mutating func pack() throws {
    var members: [Int] = []
    var byteCount = 0
    for index in drafts.indices where drafts[index].block == nil {
      if byteCount + drafts[index].bytes.count > PackTable.maximumByteCount {
        try pack(members)
        (members, byteCount) = ([], 0)
      }
      members.append(index)
      byteCount += drafts[index].bytes.count
    }
    try pack(members)
  }

  private mutating func pack(_ members: [Int]) throws {
    guard members.count > 1 else {
      for index in members { drafts[index].standAlone() }
      return
    }
    let id = try PackTable(db: db).insert(members.flatMap { drafts[$0].bytes })
    var offset: UInt64 = 0
    for index in members {
      drafts[index].place = PackPlace(pack: id, offset: offset)
      offset += UInt64(drafts[index].bytes.count)
    }
  }
}

extension PayloadRole {
  /// Whether these are the bytes that an operation finds; those that it leaves follow.
  fileprivate var isBefore: Bool { if case .content(_, _, false) = self { true } else { false } }
}
