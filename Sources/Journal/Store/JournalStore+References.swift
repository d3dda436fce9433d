import Foundation
import GRDB

extension JournalStore {
  /// The update, or the base image, that a reference means.
  ///
  /// Throws `unknownUpdate` for a number or a way back that leads nowhere, `unknownReference` for a name or digest that nothing
  /// has, `ambiguousDigest` for digits that several digests begin with.
  public func position(of reference: UpdateReference) throws(JournalError) -> TargetHeader.Position {
    try lookUp { db in
      let start = try start(of: reference, in: db)
      guard reference.ancestor > 0 else { return start }
      let lineage = try lineage(of: start.digest, in: db)
      guard let number = try ancestor(reference.ancestor, of: lineage, in: db) else {
        throw JournalError(
          .unknownUpdate, name: reference.text, detail: "\(reference.text) goes back past the base image")
      }
      return try position(number, in: db)
    }
  }

  private func start(of reference: UpdateReference, in db: Database) throws -> TargetHeader.Position {
    switch reference.start {
    case .base: return try position(0, in: db)
    case .head:
      return try position(
        try db.first("SELECT max(number) FROM update_entry") { try $0.optionalInteger(0) ?? 0 } ?? 0, in: db)
    case .number(let number):
      do {
        return try position(number.rawValue, in: db)
      } catch let error as JournalError where error.code == .unknownUpdate {
        // Digits alone may be a digest's all the same.
        guard let found = try digest(String(reference.text.prefix { $0 != "~" }), in: db) else { throw error }
        return found
      }
    case .name(let name):
      let tagged = try db.first("SELECT digest FROM tag WHERE name = ?", [name]) { try $0.digest(0) }
      if let tagged { return try position(lineage(of: tagged, in: db).number, in: db) }
      if let found = try digest(name.lowercased(), in: db) { return found }
      throw JournalError(.unknownReference, name: name)
    }
  }

  private func position(_ number: Int64, in db: Database) throws -> TargetHeader.Position {
    if number == 0 { return TargetHeader.Position(digest: base.digest, number: .base) }
    let digest = try db.first("SELECT digest FROM update_entry WHERE number = ?", [number]) { try $0.digest(0) }
    guard let digest else { throw JournalError(.unknownUpdate, update: UpdateNumber(number)) }
    return TargetHeader.Position(digest: digest, number: UpdateNumber(number))
  }

  /// Nil where no digest begins so, or the text is none.
  private func digest(_ prefix: String, in db: Database) throws -> TargetHeader.Position? {
    let digits = prefix.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
    guard digits.count == prefix.utf8.count, digits.count >= UpdateReference.digestPrefixCount,
      digits.count <= 2 * Digest.byteCount
    else { return nil }
    func bound(_ fill: UInt8) -> [UInt8] {
      let padded = digits + [UInt8](repeating: fill, count: 2 * Digest.byteCount - digits.count)
      return stride(from: 0, to: padded.count, by: 2).map { padded[$0] << 4 | padded[$0 + 1] }
    }
    var found = try db.all(
      "SELECT number FROM update_entry WHERE digest BETWEEN ? AND ? ORDER BY digest LIMIT 2", [bound(0), bound(15)]
    ) { try $0.integer(0) }
    if base.digest.description.hasPrefix(prefix) { found.append(0) }
    if found.count > 1 { throw JournalError(.ambiguousDigest, name: prefix) }
    return try found.first.map { try position($0, in: db) }
  }

  /// The number of the `count`th update before the end of a lineage; 0 for the base image, nil past it.
  private func ancestor(_ count: Int, of lineage: Lineage, in db: Database) throws -> Int64? {
    var rest = count
    for reach in lineage.path {
      let known = try db.first(
        "SELECT number FROM update_entry WHERE branch_id = ? AND number <= ? ORDER BY number DESC LIMIT 1 OFFSET ?",
        [reach.branch, reach.limit, rest]
      ) { try $0.integer(0) }
      if let known { return known }
      rest -=
        try db.first(
          "SELECT count(*) FROM update_entry WHERE branch_id = ? AND number <= ?", [reach.branch, reach.limit]
        ) { Int(try $0.integer(0)) } ?? 0
    }
    return rest == 0 ? 0 : nil
  }
}
