import Foundation
import Journal
import Testing

@Suite struct ReferenceTests {
  let folder: TemporaryFolder
  let store: JournalStore
  let history: GeneratedHistory

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
    var history = GeneratedHistory(seed: 3)
    for _ in 0..<30 { try history.grow(store) }
    self.history = history
  }

  private func number(_ text: String) throws -> Int64 {
    try store.position(of: try #require(UpdateReference(text), "\(text) names an update")).number.rawValue
  }

  private func code(_ text: String) -> JournalError.Code? {
    do {
      _ = try number(text)
      return nil
    } catch {
      return (error as? JournalError)?.code
    }
  }

  @Test func `numbers, base, head and digests name updates`() throws {
    #expect(try number("base") == 0)
    #expect(try number("0") == 0)
    #expect(try number("7") == 7)
    #expect(try number("head") == 30)
    for summary in try store.log() {
      let digits = summary.digest.description
      for count in [8, 9, 12, 63, 64] {
        #expect(try number(String(digits.prefix(count))) == summary.number.rawValue)
      }
      #expect(try number(digits.prefix(10).uppercased()) == summary.number.rawValue)
      #expect(try store.position(of: try #require(UpdateReference(digits))).digest == summary.digest)
    }
    #expect(try number(String(SmallImage.base.digest.description.prefix(8))) == 0)
    #expect(code("31") == .unknownUpdate)
    #expect(code("0123456789") == .unknownUpdate)
    #expect(code("ffff0123456789") == .unknownReference)
    #expect(code(String(try store.summary(UpdateNumber(4)).digest.description.prefix(7))) != nil)
    for text in ["", "~1", "head~x", "head~-1", "-1", "a~b~c"] { #expect(UpdateReference(text) == nil, "\(text)") }
  }

  @Test func `an ancestor is found by parents, across branches down to the base`() throws {
    #expect(try store.log().contains { $0.parentNumber.rawValue != $0.number.rawValue - 1 })
    for summary in try store.log() {
      var expected = summary.number
      for steps in 0... {
        #expect(try number("\(summary.number)~\(steps)") == expected.rawValue)
        if expected == .base { break }
        expected = try store.summary(expected).parentNumber
      }
    }
    #expect(try number("head~") == (try #require(try store.head()).parentNumber.rawValue))
    #expect(code("base~1") == .unknownUpdate)
    #expect(code("head~99") == .unknownUpdate)
  }

  @Test func `a tag names an update until it is moved or deleted`() throws {
    let third = try store.summary(UpdateNumber(3)).digest
    let fourth = try store.summary(UpdateNumber(4)).digest
    try store.tag("release/1.0", third, at: 5)
    try store.tag("größe", SmallImage.base.digest, at: 6)
    #expect(try store.tags().map(\.name) == ["größe", "release/1.0"])
    #expect(try number("release/1.0") == 3)
    #expect(try number("größe") == 0)
    #expect(try number("release/1.0~1") == store.summary(UpdateNumber(3)).parentNumber.rawValue)
    #expect(try store.tags(of: third).map(\.name) == ["release/1.0"])
    try store.tag("release/1.0", third, at: 9)
    #expect(throws: JournalError.self) { try store.tag("release/1.0", fourth, at: 9) }
    #expect(try number("release/1.0") == 3)
    try store.tag("release/1.0", fourth, at: 9, isMoving: true)
    #expect(try number("release/1.0") == 4)
    try store.deleteTag("release/1.0")
    #expect(code("release/1.0") == .unknownReference)
    #expect(throws: JournalError.self) { try store.deleteTag("release/1.0") }
    #expect(throws: JournalError.self) { try store.tag("lost", .zero, at: 0) }
    #expect(try store.verify().findings == [])
  }

  @Test(arguments: ["", "head", "base", "12", "deadbeef", "a~1", "a..b", "-f", ".x", "a b", "a\nb", "a'b"])
  func `what could mean something else is no tag`(name: String) {
    #expect(throws: JournalError.self) { try store.tag(name, SmallImage.base.digest, at: 0) }
  }

  @Test(arguments: ["v1", "fix-42", "beef", "a/b", "1.0", "deadbeefs"])
  func `what can mean nothing else is a tag`(name: String) throws {
    try store.tag(name, SmallImage.base.digest, at: 0)
    #expect(try number(name) == 0)
  }
}
