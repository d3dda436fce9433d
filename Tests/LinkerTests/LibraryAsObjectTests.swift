import Journal
import Testing

@testable import Linker

@Suite struct LibraryAsObjectTests {
  private let folder: CaseFolder

  init() throws {
    let linkCase = try #require(try LinkCase.all(in: "good").first { $0.name == "literals" })
    folder = try CaseFolder(linkCase, try #require(linkCase.builds.first))
  }

  private func refusal(of path: String) throws -> LinkError? {
    let outcome = try ImageAdoption.adopt(
      imageAt: folder.image(at: 0), preparedPath: folder.path("prepared"), journalPath: folder.path("journal"))
    let linker = try IncrementalLinker(store: outcome.store, parent: outcome.store.base.digest)
    return #expect(throws: LinkError.self) {
      try linker.link(objectsAt: [path], .init(time: 0, author: "test", message: ""))
    }
  }

  @Test func `a shared library among the objects is a new needed library, by its name`() throws {
    let library = folder.path("libnew.so")
    let source = folder.path("new.c")
    try "int fresh(void) { return 1; }".write(toFile: source, atomically: true, encoding: .utf8)
    try run("gcc", ["-shared", "-fPIC", "-Wl,-soname,libnew.so.3", "-o", library, source])
    let error = try #require(try refusal(of: library))
    #expect(error.code == .newNeededLibrary)
    #expect("\(error)".contains("libnew.so.3"))
  }

  @Test func `a linked program among the objects is no object`() throws {
    #expect(try refusal(of: folder.image(at: 0))?.code == .notARelocatableObject)
  }
}
