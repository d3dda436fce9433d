import ObjectFile
import Testing

struct `Section groups` {
  private func object(_ words: [UInt32], signature: UInt32 = 1, link: UInt32 = 3) -> HandmadeELF {
    HandmadeELF(sections: [
      .init(name: ".group", type: 17, bytes: words.flatMap(littleEndian), link: link, info: signature, entrySize: 4),
      .init(name: ".text.f", type: 1, flags: 0x206, bytes: [0xC3]),
      .init(
        name: ".symtab", type: 2,
        bytes: symbolRecord(info: 0) + symbolRecord(name: 1) + symbolRecord(info: 3, section: 2), link: 4),
      .init(name: ".strtab", type: 3, bytes: Array("\0f\0".utf8)),
    ])
  }

  @Test func `signature, kind and members`() throws {
    let group = try #require(try object([1, 2]).file().groups().first)
    #expect(group.signature == "f" && group.isComdat && group.members == [2] && group.sectionIndex == 1)
    #expect(try object([0, 2]).file().groups().first?.isComdat == false)
  }

  @Test func `a section symbol signs with its section's name`() throws {
    #expect(try object([1, 2], signature: 2).file().groups().first?.signature == ".text.f")
  }

  @Test(
    arguments: [
      ([1, 1], 1, 3, .cyclicReference), ([1, 99], 1, 3, .badSectionIndex), ([], 1, 3, .malformedTable),
      ([1, 2], 9, 3, .badSymbolIndex), ([1, 2], 1, 2, .unexpectedSectionType), ([1, 2], 1, 50, .unexpectedSectionType),
    ] as [([UInt32], UInt32, UInt32, ObjectFileError.Code)])
  func `what does not hold together is refused`(
    _ words: [UInt32], _ signature: UInt32, _ link: UInt32, _ code: ObjectFileError.Code
  ) {
    expectCode(code) { () throws(ObjectFileError) in
      _ = try object(words, signature: signature, link: link).file().groups()
    }
  }
}
