import Addressing
import Foundation
import GRDB
import Synchronization
import Testing

@testable import Journal

/// The statements that a connection runs, with their arguments.
private final class Statements: Sendable {
  private let list = Mutex<[String]>([])

  var all: [String] { list.withLock { $0 } }

  func follow(_ queue: DatabaseQueue) {
    queue.unsafeRead { db in
      db.trace { event in
        if case .statement(let statement) = event { self.list.withLock { $0.append(statement.expandedSQL) } }
      }
    }
  }
}

@Suite struct BaseSymbolTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  @Test func `symbols are found by name, with all that was known of them`() throws {
    for name in Set(SmallImage.symbols.map(\.name)) {
      #expect(try store.baseSymbols(named: name) == SmallImage.symbols.filter { $0.name == name })
    }
    #expect(try store.baseSymbols(named: "nobody").isEmpty)
  }

  @Test func `many names at once give what each gives`() throws {
    let names = Set(SmallImage.symbols.map(\.name)).union((0..<100).map { "nobody\($0)" })
    let found = try store.baseSymbols(named: names)
    for name in names { #expect(try found[name] ?? [] == store.baseSymbols(named: name)) }
    #expect(try store.baseSymbols(named: []).isEmpty)
  }

  @Test func `look-ups while reading see one state, and what is thrown comes out`() throws {
    struct Refusal: Error, Equatable {}
    let names = try store.whileReading { () throws(JournalError) in
      try store.whileReading { () throws(JournalError) in try store.baseSymbols(named: "main").map(\.name) }
    }
    #expect(names == ["main"])
    #expect(throws: Refusal()) { try store.whileReading { () throws(Refusal) in throw Refusal() } }
    #expect(try store.baseSymbols(named: "main").map(\.name) == names)
  }

  @Test func `local symbols are found by their unit`() throws {
    #expect(try store.units(named: "a.c") == [0])
    #expect(try store.units(named: "c.c") == [])
    #expect(try store.baseSymbols(inUnit: "b.c", ordinal: 0).map(\.address.rawValue) == [SmallImage.codeStart + 0x240])
    #expect(try store.baseSymbols(inUnit: "b.c", ordinal: 1).isEmpty)
  }

  @Test func `an address is named by what contains it`() throws {
    func name(_ offset: UInt64) throws -> String? {
      try store.baseSymbol(containing: VirtualAddress(SmallImage.codeStart + offset))?.name
    }
    #expect(try name(0x100) == "main")
    #expect(try name(0x17f) == "main")
    #expect(try name(0x180)?.hasPrefix("step") == true)
    #expect(try name(0x1c0) == nil)
    #expect(try name(0xff) == nil)
    #expect(try store.baseSymbol(containing: VirtualAddress(.max)) == nil)
  }

  @Test(arguments: 1..<6)
  func `what overlaps a range is found among nested, empty and equal symbols`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let symbols = (0..<60).map { index in
      BaseSymbol(
        name: "s\(index)", address: VirtualAddress(UInt64.random(in: 1000...1400, using: &random)),
        byteCount: [0, 1, 7, 30, 30, 300].randomElement(using: &random) ?? 0,
        kind: index % 9 == 0 ? .threadLocal : .data, binding: .global)
    }
    var content = SmallImage.content
    content.symbols = symbols
    let store = try JournalStore.create(at: folder.file("\(seed)"), base: SmallImage.base, content: content)
    for start in stride(from: UInt64(900), to: 1800, by: 13) {
      for count: UInt64 in [1, 5, 64] {
        let range = SmallImage.range(start, count)
        let expected = symbols.filter { symbol in
          guard symbol.kind != .threadLocal else { return false }
          return range.contains(symbol.address)
            || range.overlaps(
              SmallImage.range(symbol.address.rawValue, symbol.byteCount))
        }
        let found = try store.baseSymbols(overlapping: range)
        #expect(Set(found) == Set(expected))
        #expect(found.map(\.address) == found.map(\.address).sorted())
      }
    }
  }

  @Test func `imports, types and libraries are found by name`() throws {
    #expect(try store.baseImports(named: "puts") == SmallImage.content.imports)
    #expect(try store.baseImports(named: "gets").isEmpty)
    #expect(try store.baseImport(slot: VirtualAddress(SmallImage.dataStart + 0x100))?.symbol.name == "puts")
    #expect(try store.baseImport(slot: VirtualAddress(SmallImage.dataStart + 0x108)) == nil)
    #expect(try store.baseImport(slot: VirtualAddress(.max)) == nil)
    #expect(try store.baseTypes(named: "struct conn") == SmallImage.content.types)
    #expect(try store.libraries() == SmallImage.content.libraries)
  }

  @Test func `base bytes are those of the file, by offset and by address, with zeroes beyond its part`() throws {
    let file = SmallImage.file
    #expect(try store.baseFileBytes(at: FileOffset(0), count: file.count) == file)
    #expect(try store.baseFileBytes(at: FileOffset(0xffff), count: 3) == Array(file[0xffff..<0x1_0002]))
    let range = SmallImage.range(SmallImage.dataStart + 0x7f0, 0x20)
    #expect(try store.baseBytes(range) == Array(file[0x17f0..<0x1800]) + [UInt8](repeating: 0, count: 16))
    #expect(code { try store.baseBytes(SmallImage.range(SmallImage.codeStart + 0xff0, 0x20)) } == .outsideImage)
    #expect(code { try store.baseFileBytes(at: FileOffset(UInt64(file.count)), count: 1) } == .outsideImage)
    #expect(code { try store.baseFileBytes(at: FileOffset(.max), count: 1) } == .outsideImage)
    #expect(code { try store.baseFileBytes(at: FileOffset(0), count: -1) } == .outsideImage)
  }

  @Test func `every question is answered through an index`() throws {
    var history = GeneratedHistory(seed: 9)
    for _ in 0..<12 { try history.grow(store) }
    let head = try #require(try store.head()).digest
    let statements = Statements()
    statements.follow(store.queue)
    _ = try store.baseSymbols(named: "main")
    _ = try store.baseSymbols(inUnit: "a.c", ordinal: 0)
    _ = try store.baseSymbols(overlapping: SmallImage.range(SmallImage.codeStart, 64))
    _ = try store.baseImports(named: "puts")
    _ = try store.baseImport(slot: VirtualAddress(SmallImage.dataStart))
    _ = try store.types(named: "struct conn", at: head)
    _ = try store.units(named: "a.c")
    _ = try store.placements(named: "main", at: head)
    _ = try store.placements(named: ["main", "step"], at: head)
    _ = try store.baseSymbols(named: ["main", "step"])
    _ = try store.placement(containing: VirtualAddress(SmallImage.arenaCode + 8), at: head)
    _ = try store.bodies(ofFunction: AtomIdentity(name: "main"), at: head)
    _ = try store.supersededBodies(at: head)
    _ = try store.bytes(SmallImage.range(SmallImage.arenaCode, 64), at: head)
    _ = try store.fileBytes(FileOffset(0), count: 64, at: head)
    _ = try store.update(UpdateNumber(3))
    _ = try store.log(limit: 3)
    try history.grow(store)
    let tracing = statements.all.filter { $0.hasPrefix("SELECT") || $0.hasPrefix("UPDATE") }
    #expect(tracing.count > 20)
    try store.queue.unsafeRead { db in
      for statement in Set(tracing) {
        let plan = try db.all("EXPLAIN QUERY PLAN \(statement)") { try $0.text(3) }
        // One row each, or a walk that is cut short by its first answer.
        let scans = plan.filter {
          $0.hasPrefix("SCAN") && !["base", "arena_cursor", "entry", "CONSTANT ROW"].contains(String($0.dropFirst(5)))
        }
        #expect(scans.isEmpty, "\(statement)")
      }
    }
  }
}
