import Addressing
import Foundation
import GRDB
import Testing

@testable import Journal

@Suite struct JournalVerificationTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("a.hcsj")
    let store = try JournalStore.create(at: path, base: SmallImage.base, content: SmallImage.content)
    var history = GeneratedHistory(seed: 4)
    for _ in 0..<10 { try history.grow(store) }
    let third = try store.digest(of: UpdateNumber(3))
    try store.tag("release", third, at: 1000)
    try store.noteTarget(
      KnownTarget(pid: 12, startTime: 99, path: "/usr/bin/small", position: third, since: 1000))
    try store.noteIntent(GoldenJournalTests.processIntent) {}
    _ = try store.sign([UpdateNumber(3)], with: SignatureTests.key)
  }

  typealias Subject = JournalVerification.Finding.Subject

  static let tampering: [(String, Subject)] = [
    ("UPDATE base_symbol SET name = 'other' WHERE name = 'main'", .base),
    ("UPDATE base_import SET slot = slot + 8", .base),
    ("DELETE FROM base_type", .base),
    ("UPDATE intent SET direction = 2", .note),
    ("DELETE FROM intent", .note),
    ("UPDATE base SET original_path = '/elsewhere'", .base),
    ("UPDATE base_chunk SET block = zeroblob(byte_count) WHERE number = 0", .base),
    ("UPDATE update_entry SET message = 'another' WHERE number = 3", .update),
    ("UPDATE update_entry SET time = time + 1 WHERE number = 3", .update),
    ("UPDATE update_entry SET parent_number = 1 WHERE number = 7", .update),
    ("UPDATE update_entry SET content = CAST(content || x'00' AS BLOB) WHERE number = 5", .update),
    (
      "UPDATE update_entry SET content_byte_count = ifnull(content_byte_count, length(content)) + 1 WHERE number = 5",
      .update
    ),
    ("UPDATE update_entry SET content_byte_count = -1 WHERE number = 5", .update),
    ("UPDATE update_entry SET content_byte_count = 9223372036854775807 WHERE number = 5", .update),
    ("UPDATE update_entry SET operation_count = 99 WHERE number = 5", .update),
    ("UPDATE payload SET block = zeroblob(byte_count) WHERE id = (SELECT max(payload_id) FROM placement)", .payload),
    ("DELETE FROM payload WHERE id = (SELECT max(payload_id) FROM placement)", .reference),
    ("UPDATE payload SET dictionary_id = id, base_address = NULL WHERE length(block) < byte_count", .payload),
    ("UPDATE placement SET until_number = 77 WHERE from_number = 0", .derived),
    ("DELETE FROM placement WHERE from_number > 0", .derived),
    ("UPDATE atom SET name = name || '2' WHERE id = 1", .derived),
    ("DELETE FROM span WHERE number = 2", .derived),
    ("DELETE FROM body", .derived),
    ("UPDATE arena_cursor SET cursors = x'00'", .derived),
    ("UPDATE tag SET name = 'rflease'", .note),
    ("UPDATE tag SET digest = (SELECT digest FROM update_entry WHERE number = 4)", .note),
    ("UPDATE tag SET time = time + 1", .note),
    ("DELETE FROM tag", .note),
    ("UPDATE target SET path = '/usr/bin/smalm'", .note),
    ("UPDATE target SET since = since + 1, pid = 13", .note),
    ("DROP VIEW updates", .schema),
    ("DROP INDEX base_symbol_by_name", .schema),
    ("CREATE TABLE more (a)", .schema),
  ]

  @Test(arguments: tampering)
  func `what was tampered with is found by name`(sql: String, subject: Subject) throws {
    try JournalStore.tamper(sql, path: path)
    let findings = try JournalStore.open(at: path, mode: .read).verify().findings
    #expect(findings.contains { $0.subject == subject }, "\(findings)")
    #expect(findings.allSatisfy { !$0.description.isEmpty })
  }

  @Test func `an update whose row was tampered with is not given out`() throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "UPDATE update_entry SET author = 'eve' WHERE number = 2") }
    try queue.close()
    let store = try JournalStore.open(at: path, mode: .read)
    #expect(code { try store.update(UpdateNumber(2)) } == .digestMismatch)
    #expect(try store.update(UpdateNumber(3)).content.author == "tester")
  }

  /// All that a journal answers, for comparison.
  private func answers(_ store: JournalStore) throws -> [AnyHashable] {
    var answers: [AnyHashable] = [store.base, try store.log(), try store.cursors(), try store.libraries()]
    answers.append(try store.tags())
    answers.append(try store.targets())
    for symbol in SmallImage.symbols {
      answers.append(try store.baseSymbols(named: symbol.name))
      answers.append(try store.baseTypes(named: "struct conn"))
      answers.append(try store.baseImports(named: "puts"))
    }
    for summary in try store.log() {
      answers.append(try store.update(summary.number))
      answers.append(try store.signatures(of: summary.digest))
      answers.append(try store.fileBytes(FileOffset(0), count: 0x4000, at: summary.digest))
      answers.append(try store.supersededBodies(at: summary.digest))
      answers.append(try store.types(named: "struct conn", at: summary.digest))
      for symbol in SmallImage.symbols {
        answers.append(try store.placements(named: symbol.name, at: summary.digest))
      }
    }
    return answers
  }

  @Test(arguments: 0..<4)
  func `a byte changed in the file is refused, is found, or changes no answer`(part: Int) throws {
    let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let expected = try answers(try JournalStore.open(at: path, mode: .read))
    let long = ProcessInfo.processInfo.environment["HCS_JOURNAL_LONG_TESTS"] == "1"
    let damaged = folder.file("damaged")
    var counts = (refused: 0, found: 0, harmless: 0)
    for index in stride(from: part, to: whole.count, by: 4 * (long ? 29 : 463)) {
      var bytes = whole
      bytes[index] ^= [0xff, 0x01, 0x80, 0x10][index / 4 % 4]
      try Data(bytes).write(to: URL(fileURLWithPath: damaged))
      do {
        let store = try JournalStore.open(at: damaged, mode: .read)
        if try !store.verify().isSound {
          counts.found += 1
          continue
        }
        #expect(try answers(store) == expected, "byte \(index)")
        counts.harmless += 1
      } catch {
        #expect(error is JournalError, "byte \(index): \(error)")
        counts.refused += 1
      }
    }
    print("damage: journal file: \(counts.refused) refused, \(counts.found) found, \(counts.harmless) harmless")
    #expect(counts.refused > 0 && counts.found > 0)
  }

  @Test func `a journal that is cut short is refused or found`() throws {
    let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let damaged = folder.file("damaged")
    for count in stride(from: 0, to: whole.count, by: 1009) {
      try Data(whole.prefix(count)).write(to: URL(fileURLWithPath: damaged))
      guard let findings = try? JournalStore.open(at: damaged, mode: .read).verify().findings else { continue }
      #expect(!findings.isEmpty, "\(count) bytes")
    }
  }
}
