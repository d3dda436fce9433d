import Addressing
import Foundation
import Journal
import Testing

@Suite struct JournalStoreTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a new journal gives back its base image`() throws {
    let path = folder.file("a.hcsj")
    let made = try JournalStore.create(at: path, base: SmallImage.base, content: SmallImage.content)
    #expect(made.base == SmallImage.base)
    let opened = try JournalStore.open(at: path, mode: .read)
    #expect(opened.base == SmallImage.base)
    #expect(try opened.head() == nil)
    #expect(try opened.cursors() == SmallImage.cursors)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().first == "a.hcsj")
  }
}
