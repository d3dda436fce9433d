import GRDB
import Testing

@testable import Journal

/// Updates recorded in one transaction leave what they leave one by one.
@Suite struct ChainTests {
  let folder: TemporaryFolder
  let one: JournalStore
  let many: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    one = try JournalStore.create(at: folder.file("one.hcsj"), base: SmallImage.base, content: SmallImage.content)
    many = try JournalStore.create(at: folder.file("many.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  /// All that a journal holds, by table.
  private func rows(of store: JournalStore) throws -> [String: [Row]] {
    try store.read { db in
      let tables = try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
      return Dictionary(
        uniqueKeysWithValues: try tables.map { ($0, try Row.fetchAll(db, sql: "SELECT * FROM \($0)")) })
    }
  }

  private func record(_ chain: [UpdateContent], after parent: Digest) throws -> Digest {
    var digest = parent
    for content in chain { digest = try one.append(content, parent: digest).digest }
    #expect(try many.append(contentsOf: chain, parent: parent)?.digest == digest)
    return digest
  }

  @Test func `a chain leaves the rows that its updates leave one by one, where a part is known as well`() throws {
    var history = GeneratedHistory(seed: 11)
    var state = history.states[0]
    let root = SmallImage.base.digest
    // More than a stretch is made of.
    let chain = (0..<70).map { _ in history.content(&state) }
    let start = Array(chain.prefix(20))
    _ = try record(Array(chain.dropFirst(20)), after: try record(start, after: root))
    var aside = history.states[0]
    let branch = (0..<15).map { _ in history.content(&aside) }
    _ = try record(branch, after: root)
    // What is known is passed over; what follows goes on behind it.
    let more = (0..<15).map { _ in history.content(&state) }
    let end = try record(chain + more, after: root)
    _ = try record((0..<60).map { _ in history.content(&state) }, after: end)

    let (expected, found) = (try rows(of: one), try rows(of: many))
    #expect(expected["update_entry"]?.count == 160)
    #expect(expected["stretch"]?.isEmpty == false)
    for table in expected.keys.sorted() { #expect(found[table] == expected[table], "\(table)") }
    #expect(try many.verify().isSound)
  }

  @Test func `a chain with a bad link leaves nothing, and what is recorded next is whole`() throws {
    var history = GeneratedHistory(seed: 12)
    var state = history.states[0]
    let chain = (0..<12).map { _ in history.content(&state) }
    let before = try rows(of: many)
    var bad = history.content(&state)
    let body = Placement(body: SmallImage.range(SmallImage.arenaCode, 8), capacity: 8)
    bad.atoms = ["f", "f"].map { name in
      AtomChange(
        atom: AtomIdentity(name: name), atomKind: .function, change: .added, before: nil, after: body, operations: [])
    }
    #expect(throws: JournalError.self) { try many.append(contentsOf: chain + [bad], parent: SmallImage.base.digest) }
    #expect(try rows(of: many) == before)
    _ = try record(chain, after: SmallImage.base.digest)
    #expect(try rows(of: many) == rows(of: one))
    #expect(try many.verify().isSound)
  }

  @Test func `what a transaction remembers is bounded`() {
    let memory = RecordingMemory()
    for number in 0..<20_000 {
      memory.note(Int64(number), of: AtomIdentity(name: "f\(number)"))
      memory.note(payload: Int64(number), of: Digest.sha256(of: Array("\(number)".utf8)))
      memory.note(RecordingMemory.Payload(bytes: [UInt8](repeating: 1, count: 4096), depth: 0), as: Int64(number))
    }
    let numbers = Int64(0)..<20_000
    #expect(numbers.filter { memory.id(of: AtomIdentity(name: "f\($0)")) != nil }.count <= 8192)
    #expect(numbers.filter { memory.payloadID(of: Digest.sha256(of: Array("\($0)".utf8))) != nil }.count <= 8192)
    #expect(memory.id(of: AtomIdentity(name: "f19999")) == 19_999)
    #expect(numbers.filter { memory.payload($0) != nil }.count <= 2048)
    #expect(memory.payload(19_999)?.bytes.count == 4096)
    // One that is as long as many others would push them out.
    memory.note(RecordingMemory.Payload(bytes: [UInt8](repeating: 1, count: 1 << 20), depth: 0), as: 30_000)
    #expect(memory.payload(30_000) == nil)
    #expect(memory.payload(19_999) != nil)
    // Placements hold at one update.
    memory.stand(at: 7)
    memory.note(RecordingMemory.NewestPlacement(branch: 0, from: 7, payload: nil, lines: nil), of: 1)
    memory.move(to: 8)
    memory.stand(at: 8)
    #expect(memory.newestPlacement(of: 1)??.from == 7)
    memory.stand(at: 7)
    #expect(memory.newestPlacement(of: 1) == nil)
  }
}
