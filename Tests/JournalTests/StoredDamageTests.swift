import Foundation
import GRDB
import Testing

@testable import Journal

/// Every byte of what is stored of updates is changed, and cut off: an update is refused by name, or given out as it was recorded.
@Suite struct StoredDamageTests {
  /// All of them under `--long`; else a sample.
  static let step = ProcessInfo.processInfo.environment["HCS_JOURNAL_LONG_TESTS"] == "1" ? 1 : 23

  let folder: TemporaryFolder
  let store: JournalStore
  let writer: DatabaseQueue
  let recorded: [Update]

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.file("a.hcsj")
    do {
      let store = try JournalStore.create(at: path, base: SmallImage.base, content: SmallImage.content)
      var history = GeneratedHistory(seed: 11)
      for _ in 0..<10 { try history.grow(store) }
    }
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    writer = try DatabaseQueue(path: path, configuration: configuration)
    try writer.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    store = try JournalStore.open(at: path, mode: .read)
    let reader = store
    recorded = try reader.log().map { try reader.update($0.number) }
  }

  private struct Counts {
    var refused = 0
    var harmless = 0
  }

  /// What is given out of all updates while a value is another.
  private func look(_ counts: inout Counts, _ label: String) throws {
    store.decodedUpdates.removeAll()
    store.lineages.removeAll()
    var isRefused = false
    for update in recorded {
      do {
        #expect(try store.update(update.number) == update, "\(label)")
      } catch {
        isRefused = true
      }
    }
    if isRefused { counts.refused += 1 } else { counts.harmless += 1 }
  }

  private func damage(_ table: String, _ key: String, _ column: String) throws -> Counts {
    var counts = Counts()
    let rows = try writer.read { db in
      try db.all("SELECT \(key), \(column) FROM \(table) ORDER BY \(key)") { (try $0.integer(0), try $0.blob(1)) }
    }
    func put(_ value: [UInt8], _ id: Int64) throws {
      try writer.write { try $0.run("UPDATE \(table) SET \(column) = ? WHERE \(key) = ?", [value, id]) }
    }
    var number = 0
    for (id, whole) in rows {
      for index in whole.indices {
        number += 1
        if number % Self.step != 0 { continue }
        var changed = whole
        changed[index] ^= [0xff, 0x01, 0x80, 0x10][number / Self.step % 4]
        try put(changed, id)
        try look(&counts, "\(table) \(id), byte \(index)")
        try put(Array(whole.prefix(index)), id)
        try look(&counts, "\(table) \(id), cut to \(index)")
      }
      try put(whole, id)
    }
    return counts
  }

  @Test(arguments: [
    ("update_entry", "number", "content"), ("payload", "id", "block"), ("payload", "id", "digest"),
    ("pack", "id", "block"),
    ("update_entry", "number", "digest"),
  ])
  func `every changed byte and every truncation is refused, or changes no answer`(
    table: String, key: String, column: String
  ) throws {
    let counts = try damage(table, key, column)
    #expect(counts.refused > 0 || column == "digest" && table == "payload")
    // A payload's digest is what new payloads are found by and what `verify` compares; updates are held by their own.
    if table == "update_entry" { #expect(counts.harmless == 0) }
    print("damage: \(table).\(column): \(counts.refused) refused, \(counts.harmless) harmless")
    let sound = try JournalStore.open(at: store.path, mode: .read).verify().findings
    #expect(sound == [])
  }
}
