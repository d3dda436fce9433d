import Foundation
import GRDB

/// A name that somebody gave an update.
public struct Tag: Hashable, Sendable {
  public var name: String
  public var digest: Digest
  /// 0 for the base image.
  public var update: UpdateNumber
  /// When it was set: milliseconds since 1970-01-01 UTC.
  public var time: Int64

  /// Why a text cannot be a tag's name; nil if it can. What could be read as another way to name an update is refused, and what
  /// would have to be quoted in a shell or told apart by the eye.
  public static func objection(toName name: String) -> String? {
    let allowed = name.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || $0.properties.numericType != nil || "._-/+".unicodeScalars.contains($0)
    }
    if name.isEmpty { return "a tag needs a name" }
    if !allowed { return "a tag's name is made of letters, digits and . _ - / +" }
    if name.hasPrefix("-") || name.hasPrefix(".") { return "a tag's name does not begin with - or ." }
    if name.contains("..") { return "two dots stand for a range of updates" }
    if name == "head" || name == "base" { return "\(name) is a name already" }
    if name.allSatisfy(\.isNumber) { return "a number stands for the update of that number" }
    if name.count >= UpdateReference.digestPrefixCount, name.allSatisfy(\.isHexDigit) {
      return "hexadecimal digits stand for the update of that digest"
    }
    return nil
  }
}

extension JournalStore {
  /// In the order of their names.
  public func tags() throws(JournalError) -> [Tag] {
    try tags("ORDER BY tag.name", [])
  }

  public func tags(of digest: Digest) throws(JournalError) -> [Tag] {
    try tags("WHERE tag.digest = ? ORDER BY tag.name", [digest])
  }

  /// Nil where no update has the name.
  public func tag(named name: String) throws(JournalError) -> Tag? {
    try tags("WHERE tag.name = ?", [name]).first
  }

  /// Names an update, or the base image, by its digest.
  ///
  /// - Parameter time: milliseconds since 1970-01-01 UTC.
  /// - Parameter isMoving: whether a tag of this name may be taken from another update.
  public func tag(
    _ name: String, _ digest: Digest, at time: Int64, isMoving: Bool = false
  ) throws(JournalError) {
    if let objection = Tag.objection(toName: name) {
      throw JournalError(.invalidTag, journal: path, name: name, detail: objection)
    }
    try write { db in
      _ = try lineage(of: digest, in: db)
      let known = try db.first("SELECT digest FROM tag WHERE name = ?", [name]) { try $0.digest(0) }
      if known == digest { return }
      if let known, !isMoving {
        throw JournalError(.tagExists, update: UpdateNumber(try lineage(of: known, in: db).number), name: name)
      }
      try db.run("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", [name, digest, time])
      try NoteTables.prove("tag", in: db)
    }
  }

  public func deleteTag(_ name: String) throws(JournalError) {
    try write { db in
      try db.run("DELETE FROM tag WHERE name = ?", [name])
      if db.changesCount == 0 { throw JournalError(.unknownTag, name: name) }
      try NoteTables.prove("tag", in: db)
    }
  }

  private func tags(_ condition: String, _ values: [(any StatementValue)?]) throws(JournalError) -> [Tag] {
    try lookUp { db in
      try db.all("SELECT tag.name, tag.digest, tag.time FROM tag \(condition)", values) { row in
        let digest = try row.digest(1)
        return Tag(
          name: try row.text(0), digest: digest, update: UpdateNumber(try lineage(of: digest, in: db).number),
          time: try row.integer(2))
      }
    }
  }
}
