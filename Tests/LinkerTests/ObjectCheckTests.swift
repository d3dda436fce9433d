import Testing

@testable import Linker

@Suite struct ObjectCheckTests {
  private let linkCase: LinkCase
  private let folder: CaseFolder

  init() throws {
    linkCase = try #require(try LinkCase.all(in: "good").first { $0.name == "literals" })
    folder = try CaseFolder(linkCase, try #require(linkCase.builds.first))
  }

  private func notes(_ objects: [String]) throws -> [LinkNote] {
    try ImageAdoption.adopt(
      imageAt: folder.image(at: 0), objects: objects, preparedPath: folder.path("prepared"),
      journalPath: folder.path("journal")
    ).notes.filter { $0.kind == .objectDiffers }
  }

  @Test func `the objects that an image was linked from are the image's`() throws {
    #expect(try notes(folder.objects(givenAt: 0)).isEmpty)
  }

  @Test func `an object that was edited since the image was linked is named`() throws {
    let edited = try folder.objects(givenAt: 1)
    #expect(try notes(edited).map(\.subject) == edited)
  }

  @Test func `what is no object is refused before anything is made`() throws {
    let image = try folder.image(at: 0)
    #expect(throws: LinkError.self) { try notes([image]) }
    #expect(try notes(folder.objects(givenAt: 0)).isEmpty)
  }
}
