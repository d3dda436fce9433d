import Foundation
import GRDB

/// Which updates a listing is of. What is not set excludes nothing.
public struct LogQuery: Sendable {
  /// Only what is on the way to this update, or the base image.
  public var to: Digest?
  /// Not what is on the way to this one.
  public var from: Digest?
  /// Only updates that changed an atom of one of these names.
  public var atoms: [String]?
  /// Only updates whose time is in `since ... until`: milliseconds since 1970-01-01 UTC.
  public var since: Int64?
  public var until: Int64?
  /// A part of the author's name, or of the message; small and capital letters (of ASCII) are the same.
  public var author: String?
  public var text: String?
  public var limit = Int.max

  public init() {}
}

extension JournalStore {
  /// Newest first. With a limit only as many updates are looked at as it takes to fill it; `atoms` and times are searched by index.
  public func log(_ query: LogQuery) throws(JournalError) -> [UpdateSummary] {
    if query.limit <= 0 { return [] }
    var found: [UpdateSummary] = []
    for part in try parts(of: query) {
      var condition = "WHERE entry.number > ? AND entry.number <= ?"
      var values: [(any StatementValue)?] = [part.above, part.limit]
      func add(_ clause: String, _ more: [any StatementValue]) {
        condition += " AND " + clause
        values += more
      }
      if let branch = part.branch { add("entry.branch_id = ?", [branch]) }
      if let atoms = query.atoms {
        let places = atoms.map { _ in "?" }.joined(separator: ", ")
        add(
          """
          entry.number IN (SELECT placement.from_number FROM atom JOIN placement ON placement.atom_id = atom.id
            WHERE atom.name IN (\(places)) AND placement.change IS NOT NULL)
          """, atoms)
      }
      // What is recent is found by its time. What has an end alone is all but the newest: the plus sign keeps SQLite from
      // sorting that by time, where walking down the numbers fills a limit at once.
      if let since = query.since {
        add(
          "entry.number IN (SELECT number FROM update_entry WHERE time BETWEEN ? AND ?)", [since, query.until ?? .max])
      } else if let until = query.until {
        add("+entry.time <= ?", [until])
      }
      if let author = query.author { add("entry.author LIKE ? ESCAPE '\\'", [pattern(author)]) }
      if let text = query.text { add("entry.message LIKE ? ESCAPE '\\'", [pattern(text)]) }
      values += [Int64(query.limit - found.count)]
      found += try summaries(condition + " ORDER BY entry.number DESC LIMIT ?", values)
      if found.count >= query.limit { break }
    }
    return found
  }

  /// The newest update that was recorded by a time, of all branches; the base image's position before the first.
  ///
  /// - Parameter time: milliseconds since 1970-01-01 UTC.
  public func position(asOf time: Int64) throws(JournalError) -> TargetHeader.Position {
    let found = try lookUp { db in
      try db.first(
        "SELECT number, digest FROM update_entry WHERE time <= ? ORDER BY time DESC, number DESC LIMIT 1", [time]
      ) { TargetHeader.Position(digest: try $0.digest(1), number: UpdateNumber(try $0.integer(0))) }
    }
    return found ?? TargetHeader.Position(digest: base.digest, number: .base)
  }

  /// A stretch of numbers, `above` excluded, on one branch or on all.
  private struct Part {
    var branch: Int64?
    var above: Int64
    var limit: Int64
  }

  /// Descending and without overlap.
  private func parts(of query: LogQuery) throws(JournalError) -> [Part] {
    guard query.from != nil || query.to != nil else { return [Part(branch: nil, above: 0, limit: .max)] }
    return try lookUp { db in
      let newest = try db.first("SELECT digest FROM update_entry WHERE number = (SELECT max(number) FROM update_entry)")
      { try $0.digest(0) }
      let way = try lineage(of: query.to ?? newest ?? base.digest, in: db)
      let excluded = try query.from.map { try lineage(of: $0, in: db) }?.path ?? []
      return way.path.map { reach in
        let above = excluded.first { $0.branch == reach.branch }?.limit ?? 0
        return Part(branch: reach.branch, above: min(above, reach.limit), limit: reach.limit)
      }
    }
  }

  private func pattern(_ text: String) -> String {
    var pattern = "%"
    for character in text {
      if "%_\\".contains(character) { pattern.append("\\") }
      pattern.append(character)
    }
    return pattern + "%"
  }
}
