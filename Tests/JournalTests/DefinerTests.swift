import Addressing
import Journal
import Testing

@Suite struct DefinerTests {
  private let folder: TemporaryFolder
  private let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private func append(_ name: String, _ change: AtomChange.Kind, _ unit: String?, after parent: Digest) throws -> Digest
  {
    let place = Placement(
      body: SmallImage.range(0x100_0000, 8), capacity: 8, entry: VirtualAddress(0x100_0000))
    let content = UpdateContent(
      time: 0, author: "ada", message: "", operations: [],
      atoms: [
        AtomChange(
          atom: AtomIdentity(name: name), atomKind: .function, change: change,
          before: change == .added ? nil : place, after: change == .removed ? nil : place, operations: [],
          definer: unit.map { CompilationUnit(name: $0) })
      ], guards: [], cursors: SmallImage.cursors)
    return try store.append(content, parent: parent).digest
  }

  private func defined(by unit: String, at digest: Digest) throws -> [String] {
    try store.placements(definedBy: CompilationUnit(name: unit), at: digest).map(\.identity.name)
  }

  @Test func `a symbol is its last definer's, and on each branch that branch's`() throws {
    let first = try append("seen", .added, "a.c", after: SmallImage.base.digest)
    let second = try append("other", .added, nil, after: first)
    let taken = try append("seen", .moved, "b.c", after: second)
    let gone = try append("seen", .removed, nil, after: second)
    #expect(try defined(by: "a.c", at: SmallImage.base.digest) == [])
    #expect(try defined(by: "a.c", at: second) == ["seen"])
    #expect(try defined(by: "a.c", at: taken) == [])
    #expect(try defined(by: "b.c", at: taken) == ["seen"])
    #expect(try defined(by: "a.c", at: gone) == [])
    #expect(try store.placement(of: AtomIdentity(name: "seen"), at: taken)?.definer == CompilationUnit(name: "b.c"))
    #expect(try store.verify().findings == [])
  }
}
