import ObjectFile
import Testing

struct `Mergeable sections` {
  private func object(_ bytes: [UInt8], flags: UInt64 = 0x32, entrySize: UInt64 = 1) -> HandmadeELF {
    HandmadeELF(sections: [.init(name: ".rodata", type: 1, flags: flags, bytes: bytes, entrySize: entrySize)])
  }

  @Test func `a reference into the middle of a string finds the whole string`() throws {
    let file = try object(Array("one\0two\0\0".utf8)).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    let piece = try merged.piece(containing: 6)
    #expect(piece.offset == 4 && piece.bytes.text == "two\0")
    #expect(try merged.piece(containing: 3).bytes.text == "one\0")
    #expect(try merged.piece(containing: 8).bytes.allBytes == [0])
    #expect(try file.mergedString(in: file.sections[1], at: 6).text == "o\0")
  }

  @Test func `wide characters end in a wide zero`() throws {
    let file = try object([0x61, 0, 0, 0x62, 0, 0, 0x63, 0, 0, 0], entrySize: 2).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    #expect(try merged.piece(containing: 2).bytes.allBytes == [0x61, 0, 0, 0x62, 0, 0])
    #expect(try merged.piece(containing: 7).offset == 6)
  }

  @Test func `constants are pieces of one size`() throws {
    let file = try object(Array(0..<16), flags: 0x12, entrySize: 8).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    #expect(try merged.piece(containing: 9).bytes.allBytes == Array(8..<16))
  }

  @Test func `a section that cannot be cut into entries is an ordinary one`() throws {
    for (flags, entrySize) in [(0x32, 0), (0x32, 3), (0x2, 1)] as [(UInt64, UInt64)] {
      let file = try object([1, 2, 3, 0], flags: flags, entrySize: entrySize).file()
      #expect(try file.mergedContents(of: file.sections[1]) == nil)
    }
  }

  @Test func `offsets outside and strings without an end are refused`() throws {
    let file = try object(Array("one\0two".utf8)).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    expectCode(.badString) { () throws(ObjectFileError) in _ = try merged.piece(containing: 5) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try merged.piece(containing: 7) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try merged.piece(containing: .max) }
  }
}
