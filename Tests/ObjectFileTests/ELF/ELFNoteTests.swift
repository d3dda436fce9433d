import ObjectFile
import Testing

struct `Notes` {
  private func note(_ name: String, _ type: UInt32, _ descriptor: [UInt8]) -> [UInt8] {
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
    let name = Array(name.utf8) + [0]
    return littleEndian(UInt32(name.count)) + littleEndian(UInt32(descriptor.count)) + littleEndian(type)
      + padded(name) + padded(descriptor)
  }

  private func object(_ bytes: [UInt8]) -> HandmadeELF {
    HandmadeELF(sections: [.init(name: ".note", type: 7, bytes: bytes, alignment: 4)])
  }

  @Test func `several notes in one section`() throws {
    let file = try object(note("GNU", 1, [1]) + note("GNU", 3, [0xAB, 0xCD, 0xEF]) + note("Me", 9, [])).file()
    let notes = try file.notes()
    #expect(notes.map(\.name) == ["GNU", "GNU", "Me"])
    #expect(notes.map(\.type) == [1, 3, 9])
    #expect(notes.map(\.descriptor.allBytes) == [[1], [0xAB, 0xCD, 0xEF], []])
    #expect(file.buildID == [0xAB, 0xCD, 0xEF])
  }

  @Test func `a file without the note has no identity`() throws {
    #expect(try object(note("GNU", 1, [1])).file().buildID == nil)
    #expect(try HandmadeELF().file().buildID == nil)
  }

  @Test func `sizes that leave the section are refused, and what stood before is kept`() throws {
    var broken = note("GNU", 3, [7, 7, 7, 7]) + note("GNU", 1, [1, 2, 3, 4])
    broken.replaceSubrange(24..<28, with: littleEndian(UInt32.max - 2))
    let file = try object(broken).file()
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try file.notes() }
    #expect(file.buildID == [7, 7, 7, 7])
  }
}
