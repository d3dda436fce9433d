import Addressing
import Foundation
import GRDB

/// The tables that follow from the updates: made in the same transaction, and once more by `verify`.
struct DerivedTables {
  let db: Database

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

  /// - Parameter payloadID: where the bytes of this digest are kept; nil if they are not.
  func insert(
    _ update: Update, branch: Int64, after parent: Lineage, payloadID: (Digest) throws -> Int64?
  ) throws {
    let number = update.number.rawValue
    for (index, operation) in update.content.operations.enumerated() {
      for (part, span) in try Span.of(operation, update.content.observation).enumerated() {
        guard let span else { continue }
        try insert(span, part: part, operation: index, number: number, branch: branch)
      }
    }
    let lines = try Self.lineDigests(of: update.content)
    let written = update.content.observation == nil ? WrittenAddresses(update.content.operations) : nil
    for change in update.content.atoms {
      let content = change.bodyWrite(in: update.content).map {
        Digest.sha256(of: Payload.masked($0.write.after, fixups: $0.write.fixups))
      }
      var payload = try content.flatMap(payloadID)
      let lines = try (change.after?.body.start).flatMap { try lines[$0].flatMap(payloadID) }
      if content == nil, let body = change.after?.body, let written, !written.touch(body) {
        payload = try formerPayload(of: change.atom, at: body, parent)
      }
      try insert(
        change, number: number, branch: branch, after: parent, payload: payload, lines: lines, content: content)
    }
    for (ordinal, type) in update.content.types.enumerated() {
      try db.run(
        "INSERT INTO update_type VALUES (?, ?, ?, ?, ?, ?)",
        [type.name, branch, number, ordinal, try stored(type.byteCount), type.layout])
    }
    try db.run("UPDATE arena_cursor SET cursors = ?", [Data(CursorCoding.encode(update.content.cursors))])
  }

  /// An atom that goes back to a body which it had, and in which nothing is written, has the bytes that it had there.
  private func formerPayload(
    of atom: AtomIdentity, at body: AddressRange, _ parent: Lineage
  ) throws -> Int64? {
    let row = try AtomTable(db: db).id(of: atom).flatMap { id in
      try PlacementTable(db: db).row(of: id, bodyAt: body.start, containing: body.start, at: parent)
    }
    return row?.placement?.body == body ? row?.payload : nil
  }

  /// By where the body starts: under which digest its lines are kept, where they are not in the update itself.
  private static func lineDigests(of content: UpdateContent) throws -> [VirtualAddress: Digest] {
    var digests: [VirtualAddress: Digest] = [:]
    for body in content.sources.bodies {
      digests[body.start] = Digest.sha256(of: try LineCoding.encode(body, fileCount: content.sources.files.count))
    }
    return digests
  }

  /// What each body of an update may be compressed against.
  func dictionaries(for content: UpdateContent, at parent: Lineage) throws -> BodyDictionaries {
    var dictionaries = BodyDictionaries()
    for change in content.atoms {
      guard let index = change.bodyWrite(in: content)?.index else { continue }
      dictionaries.bodies.insert(index)
      let previous = try AtomTable(db: db).id(of: change.atom).flatMap { atom in
        try PlacementTable(db: db).row(of: atom, at: parent)
      }
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
    _ change: AtomChange, number: Int64, branch: Int64, after parent: Lineage, payload: Int64?,
    lines: Int64?, content: Digest?
  ) throws {
    let placements = PlacementTable(db: db)
    let atom = try AtomTable(db: db).intern(change.atom)
    if let previous = try placements.row(of: atom, at: parent) {
      if previous.branch == branch { try placements.end(previous, at: number) }
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
        lines: lines, content: content))
  }
}

extension AtomChange {
  /// The operation that writes this atom's new body.
  func bodyWrite(in content: UpdateContent) -> (index: Int, write: WriteOperation)? {
    guard let body = after?.body else { return nil }
    for index in operations where content.operations.indices.contains(index) {
      if case .write(let write) = content.operations[index], write.place == .virtual(body.start) {
        return (index, write)
      }
    }
    return nil
  }
}
