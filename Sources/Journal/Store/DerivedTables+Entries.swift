import Foundation
import GRDB

extension DerivedTables {
  /// An update as the tables are made from it.
  enum Entry {
    case update(Update)
    /// A pruned one; with the step that stands for it and others before it, where that leads to it.
    case pruned(Shortcut.Covered, number: Int64, parent: Digest, bodies: NetBodies, step: Update?)

    var number: Int64 {
      switch self {
      case .update(let update): update.number.rawValue
      case .pruned(_, let number, _, _, _): number
      }
    }

    var digest: Digest {
      switch self {
      case .update(let update): update.digest
      case .pruned(let covered, _, _, _, _): covered.digest
      }
    }

    var parent: Digest {
      switch self {
      case .update(let update): update.parent
      case .pruned(_, _, let parent, _, _): parent
      }
    }
  }

  func insert(
    _ entry: Entry, branch: Int64, after parent: Lineage, payloadID: (Digest) throws -> Int64?
  ) throws {
    switch entry {
    case .update(let update): try insert(update, branch: branch, after: parent, payloadID: payloadID)
    case .pruned(let covered, let number, _, let bodies, let step):
      try insert(
        covered.skeleton, number: number, branch: branch, after: parent, bodies: bodies, payloadID: payloadID)
      if let step { try insertSpans(of: step, branch: branch) }
    }
  }

  /// Makes the tables of a journal anew, once the content of updates has gone. What they were is not looked at, nor are branches,
  /// which stay.
  static func renew(of store: JournalStore, in db: Database) throws {
    // What refers to a row goes before it.
    for table in ["span", "body", "placement", "definer", "update_type", "atom"] {
      try db.execute(sql: "DELETE FROM \(table)")
    }
    let derived = DerivedTables(db: db)
    let payloads = PayloadTable(db: db, store: store)
    var reader = EntryReader(store: store, db: db)
    let rows = try db.all("SELECT number, parent_number, branch_id FROM update_entry ORDER BY number") { row in
      (number: try row.integer(0), parent: try row.integer(1), branch: try row.integer(2))
    }
    let branches = Dictionary(rows.map { ($0.number, $0.branch) }) { first, _ in first }
    for row in rows {
      let parent = try Lineage(number: row.parent, branch: branches[row.parent] ?? 0, in: db)
      try derived.insert(try reader.entry(row.number), branch: row.branch, after: parent) { try payloads.id(of: $0) }
    }
  }
}

/// Reads updates as the derived tables are made from them.
struct EntryReader {
  let store: JournalStore
  let db: Database
  private var bodies: [Int64: NetBodies] = [:]

  init(store: JournalStore, db: Database) {
    self.store = store
    self.db = db
  }

  mutating func entry(_ number: Int64) throws -> DerivedTables.Entry {
    let payloads = PayloadTable(db: db, store: store)
    let table = ShortcutTable(db: db, store: store)
    guard let range = try table.range(pruning: number) else {
      return .update(try UpdateTable.read(number, base: store.base, payloads: payloads))
    }
    let covered = try table.covered(number)
    let parent = try db.first("SELECT parent_number FROM update_entry WHERE number = ?", [number]) {
      UpdateNumber(try $0.integer(0))
    }
    let end = range.to.rawValue
    let isEnd = number == end
    let step = isEnd || bodies[end] == nil ? try table.step(leadingTo: end) : nil
    if let step, bodies[end] == nil {
      let skeletons = try table.numbers(in: range).map { ($0, try table.covered($0).skeleton) }
      bodies[end] = try NetBodies(of: step.content, covering: skeletons)
    }
    defer { if isEnd { bodies[end] = nil } }
    return .pruned(
      covered, number: number, parent: try table.digest(of: parent ?? .base), bodies: bodies[end] ?? NetBodies(),
      step: isEnd ? step : nil)
  }
}
