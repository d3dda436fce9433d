import Journal
import Testing

@testable import Linker

@Suite struct RemovalTests {
  private let folder: CaseFolder

  init() throws {
    let linkCase = try #require(try LinkCase.all(in: "good").first { $0.name == "removed_globals" })
    let build = try #require(CaseBuild.reading("gcc | -O2 -ffunction-sections | -pie").first)
    folder = try CaseFolder(linkCase, build)
  }

  private func adopted(with objects: [String]) throws -> JournalStore {
    try ImageAdoption.adopt(
      imageAt: folder.image(at: 0), objects: objects, preparedPath: folder.path("prepared"),
      journalPath: folder.path("journal")
    ).store
  }

  private func atoms(_ store: JournalStore, at edit: Int, after parent: Digest) throws -> (Digest, [AtomChange]) {
    let content = try #require(
      try IncrementalLinker(store: store, parent: parent).link(
        objectsAt: folder.objects(givenAt: edit), .init(time: 0, author: "test", message: "")
      ).content)
    return (try store.append(content, parent: parent).digest, content.atoms)
  }

  @Test func `a function that comes back is added at its old entry and cell`() throws {
    let store = try adopted(with: [])
    let first = try atoms(store, at: 1, after: store.base.digest)
    let second = try atoms(store, at: 2, after: first.0)
    let third = try atoms(store, at: 3, after: second.0)
    let added = try #require(first.1.first { $0.atom.name == "fresh" }?.after)
    let removed = try #require(second.1.first { $0.atom.name == "fresh" })
    let returned = try #require(third.1.first { $0.atom.name == "fresh" })
    #expect(removed.change == .removed)
    #expect(returned.change == .added)
    #expect(returned.before == nil)
    #expect(returned.after?.entry == added.entry)
    #expect(returned.after?.cell == added.cell)
    #expect(try store.verify().findings.isEmpty)
  }

  @Test func `an update tells without debug information which of an earlier one's symbols are gone`() throws {
    let store = try adopted(with: [])
    var parent = store.base.digest
    var changes: [AtomChange] = []
    for edit in 1...3 { (parent, changes) = try atoms(store, at: edit, after: parent) }
    #expect(Set(changes.filter { $0.change == .added }.map(\.atom.name)).isSuperset(of: ["seen", "count"]))
    let removed = try store.update(UpdateNumber(2)).content.atoms.filter { $0.change == .removed }.map(\.atom.name)
    #expect(removed.sorted() == ["count", "fresh", "held", "seen"])
  }

  @Test func `without debug information the objects of init tell whose a global function was`() throws {
    let objects = try folder.objects(givenAt: 0)
    let store = try adopted(with: objects)
    let changes = try atoms(store, at: 1, after: store.base.digest).1
    #expect(changes.filter { $0.change == .removed }.map(\.atom.name).sorted() == ["extra", "shared"])
  }

  @Test func `a global function that nothing tells the unit of is not said to be removed`() throws {
    let store = try adopted(with: [])
    let changes = try atoms(store, at: 1, after: store.base.digest).1
    #expect(changes.allSatisfy { $0.change != .removed })
  }
}
