import Addressing
import Foundation
import GRDB

/// The tables that follow from the updates: made in the same transaction, and once more by `verify`.
struct DerivedTables {
  let db: Database
  var memory = RecordingMemory()

  /// The branch on which a child of `parent` goes.
  func branch(after parent: Lineage) throws -> Int64 {
    let tip =
      try db.first("SELECT ifnull(max(number), 0) FROM update_entry WHERE branch_id = ?", [parent.branch]) {
        try $0.integer(0)
      } ?? 0
    if tip <= parent.number { return parent.branch }
    try db.run(
      "INSERT INTO branch (parent_id, fork_number) VALUES (?, ?)", [parent.branch, parent.number])
    return db.lastInsertedRowID
  }

  /// - Parameters:
  ///   - kept: where bodies and lines are kept, as far as that is known.
  ///   - payloadID: where the bytes of this digest are kept; nil if they are not.
  func insert(
    _ update: Update, branch: Int64, after parent: Lineage, _ kept: KeptPayloads = KeptPayloads(),
    payloadID: (Digest) throws -> Int64?
  ) throws {
    let number = update.number.rawValue
    memory.stand(at: parent.number)
    try insertSpans(of: update, branch: branch)
    let lines = try lineIDs(of: update.content, kept, payloadID)
    let written = update.content.observation == nil ? WrittenAddresses(update.content.operations) : nil
    for change in update.content.atoms {
      var payload: Int64?
      if let (index, write) = change.bodyWrite(in: update.content) {
        payload =
          try kept.bodies[index]
          ?? payloadID(Digest.sha256(of: Payload.masked(write.after, fixups: write.fixups)))
      } else if let body = change.after?.body, let written, !written.touch(body) {
        payload = try formerPayload(of: change.atom, at: body, parent)
      }
      try insert(
        change, number: number, branch: branch, after: parent, payload: payload,
        lines: (change.after?.body.start).flatMap { lines[$0] })
    }
    memory.move(to: number)
    try insertRest(of: update.content, number: number, branch: branch)
  }

  /// Where the lines of bodies are kept, by where the body starts.
  private func lineIDs(
    of content: UpdateContent, _ kept: KeptPayloads, _ payloadID: (Digest) throws -> Int64?
  ) throws -> [VirtualAddress: Int64] {
    var ids = kept.lines
    for body in content.sources.bodies where ids[body.start] == nil {
      ids[body.start] = try payloadID(Self.lineDigest(of: body, in: content))
    }
    return ids
  }

  /// An update of which only the skeleton is left: where its atoms stood, and for those that still stand there at the end of the
  /// shortcut their bytes.
  func insert(
    _ skeleton: UpdateContent, number: Int64, branch: Int64, after parent: Lineage, bodies: NetBodies,
    payloadID: (Digest) throws -> Int64?
  ) throws {
    memory.stand(at: parent.number)
    for change in skeleton.atoms {
      let body = try bodies.bytes(of: change, placedBy: number)
      let lines = try bodies.lines(of: change, placedBy: number).flatMap(payloadID)
      try insert(
        change, number: number, branch: branch, after: parent, payload: body.flatMap(payloadID), lines: lines)
    }
    memory.move(to: number)
    try insertRest(of: skeleton, number: number, branch: branch)
  }

  func insertSpans(of update: Update, branch: Int64) throws {
    for (index, operation) in update.content.operations.enumerated() {
      for (part, span) in try Span.of(operation, update.content.observation).enumerated() {
        guard let span else { continue }
        try insert(span, part: part, operation: index, number: update.number.rawValue, branch: branch)
      }
    }
  }

  private func insertRest(of content: UpdateContent, number: Int64, branch: Int64) throws {
    for (ordinal, type) in content.types.enumerated() {
      try db.run(
        "INSERT INTO update_type VALUES (?, ?, ?, ?, ?, ?)",
        [type.name, branch, number, ordinal, try stored(type.byteCount), type.layout])
    }
    try db.run("UPDATE arena_cursor SET cursors = ?", [CursorCoding.encode(content.cursors)])
  }

  /// An atom that goes back to a body which it had, and in which nothing is written, has the bytes that it had there.
  private func formerPayload(
    of atom: AtomIdentity, at body: AddressRange, _ parent: Lineage
  ) throws -> Int64? {
    let row = try id(of: atom).flatMap { id in
      try PlacementTable(db: db).row(of: id, bodyAt: body.start, containing: body.start, at: parent)
    }
    return row?.placement?.body == body ? row?.payload : nil
  }

  /// By where the body starts: under which digest its lines are kept, where they are not in the update itself.
  static func lineDigests(of content: UpdateContent) throws -> [VirtualAddress: Digest] {
    var digests: [VirtualAddress: Digest] = [:]
    for body in content.sources.bodies {
      digests[body.start] = try lineDigest(of: body, in: content)
    }
    return digests
  }

  private static func lineDigest(of body: BodyLines, in content: UpdateContent) throws -> Digest {
    Digest.sha256(of: try LineCoding.encode(body, fileCount: content.sources.files.count))
  }

  /// What each body of an update may be compressed against.
  func dictionaries(for content: UpdateContent, at parent: Lineage) throws -> BodyDictionaries {
    var dictionaries = BodyDictionaries()
    memory.stand(at: parent.number)
    for change in content.atoms {
      guard let index = change.bodyWrite(in: content)?.index else { continue }
      dictionaries.bodies.insert(index)
      let previous = try id(of: change.atom).flatMap { try newestPlacement(of: $0, at: parent) }
      if let body = change.after?.body.start { dictionaries.lines[body] = previous?.lines }
      if let payload = previous?.payload {
        dictionaries.previous[index] = .payload(payload)
      } else if let body = change.before?.body, body.byteCount <= UInt64(LZ4Block.maximumDictionaryByteCount) {
        dictionaries.previous[index] = .base(body)
      }
    }
    return dictionaries
  }

  private func insert(_ span: Span, part: Int, operation: Int, number: Int64, branch: Int64) throws {
    try db.run(
      "INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      [
        span.space.rawValue, SizeClass.of(span.byteCount), try stored(span.start), try stored(span.byteCount), branch,
        number, operation, part,
      ])
  }

  private func insert(
    _ change: AtomChange, number: Int64, branch: Int64, after parent: Lineage, payload: Int64?, lines: Int64?
  ) throws {
    let placements = PlacementTable(db: db)
    let atom = try intern(change.atom)
    if let previous = try newestPlacement(of: atom, at: parent) {
      if previous.branch == branch { try placements.end(previous, of: atom, at: number) }
    } else if let before = change.before {
      // The first change of an atom that the base image has: from here on its first body is a superseded one.
      try placements.insert(
        PlacementRow(
          atom: atom, identity: change.atom, branch: 0, from: 0, until: branch == 0 ? number : nil,
          kind: change.atomKind, change: nil,
          placement: before, typeDigest: nil, payload: nil, lines: nil, content: nil))
    }
    try placements.insert(
      PlacementRow(
        atom: atom, identity: change.atom, branch: branch, from: number, until: nil, kind: change.atomKind,
        change: change.change,
        placement: change.change == .removed ? nil : change.after, typeDigest: change.typeDigest, payload: payload,
        lines: lines, content: nil, definer: change.definer))
    memory.note(
      RecordingMemory.NewestPlacement(branch: branch, from: number, payload: payload, lines: lines), of: atom)
  }

  private func id(of atom: AtomIdentity) throws -> Int64? {
    if let id = memory.id(of: atom) { return id }
    let id = try AtomTable(db: db).id(of: atom)
    if let id { memory.note(id, of: atom) }
    return id
  }

  private func intern(_ atom: AtomIdentity) throws -> Int64 {
    if let id = try id(of: atom) { return id }
    let id = try AtomTable(db: db).insert(atom)
    memory.note(id, of: atom)
    return id
  }

  private func newestPlacement(of atom: Int64, at parent: Lineage) throws -> RecordingMemory.NewestPlacement? {
    if let known = memory.newestPlacement(of: atom) { return known }
    let placement = try PlacementTable(db: db).newest(of: atom, at: parent)
    memory.note(placement, of: atom)
    return placement
  }
}

extension AtomChange {
  /// The operation that writes this atom's new body; the last one, where a step of several updates has more.
  func bodyWrite(in content: UpdateContent) -> (index: Int, write: WriteOperation)? {
    guard let body = after?.body else { return nil }
    for index in operations.reversed() where content.operations.indices.contains(index) {
      if case .write(let write) = content.operations[index], write.place == .virtual(body.start) {
        return (index, write)
      }
    }
    return nil
  }
}
