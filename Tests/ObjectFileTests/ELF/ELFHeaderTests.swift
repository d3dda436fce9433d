import Addressing
import ObjectFile
import Testing

struct `The ELF header` {
  @Test func `the fields of a file made by hand`() throws {
    let file = try HandmadeELF().file()
    #expect(file.header.type == .relocatable)
    #expect(file.header.machine == .x86_64)
    #expect(file.header.entry == VirtualAddress(0x1000))
    #expect(file.header.sectionHeaderCount == 2)
    #expect(file.header.programHeaderCount == 0)
    #expect(file.segments.isEmpty)
  }

  @Test(
    arguments: [
      (4, 1, .unsupportedClass), (4, 0, .unsupportedClass), (5, 2, .unsupportedByteOrder),
      (5, 0, .unsupportedByteOrder), (6, 0, .unsupportedVersion), (0, 0, .notELF), (58, 63, .badEntrySize),
    ] as [(Int, UInt8, ObjectFileError.Code)])
  func `another kind of file is refused by name`(_ offset: Int, _ value: UInt8, _ code: ObjectFileError.Code) {
    var elf = HandmadeELF()
    elf.patch(offset, value)
    expectCode(code) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test(arguments: [
    ("", "it is empty"), ("!<arch>\nfoo.o/", "it is an archive; name its members"), ("hello", "7f 45 4c 46"),
  ])
  func `what is no ELF file is told by its first bytes`(_ text: String, _ expected: String) {
    let file = MappedFile(bytes: Array(text.utf8), name: "other")
    let error = expectCode(.notELF) { () throws(ObjectFileError) in _ = try ELFFile(file) }
    #expect(error?.detail?.contains(expected) == true)
  }

  @Test func `a wrong size of program headers is refused`() {
    var elf = HandmadeELF(segments: [.init(type: 1, fileOffset: 0, address: 0, fileByteCount: 1, memoryByteCount: 1)])
    elf.patch(54, UInt16(32))
    expectCode(.badEntrySize) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test func `counts that do not fit their fields are read from section 0`() throws {
    var elf = HandmadeELF(
      sections: [.init(name: ".text", type: 1)],
      segments: [.init(type: 1, fileOffset: 0, address: 0, fileByteCount: 1, memoryByteCount: 1)])
    let first = try Int(#require(try elf.file().header.sectionHeaderOffset.rawValue as UInt64?))
    elf.patch(60, UInt16(0))
    elf.patch(first + 32, UInt64(3))
    elf.patch(62, UInt16(0xFFFF))
    elf.patch(first + 40, UInt32(2))
    elf.patch(56, UInt16(0xFFFF))
    elf.patch(first + 44, UInt32(1))
    let file = try elf.file()
    #expect(file.sections.map { file.name(of: $0) } == ["", ".text", ".shstrtab"])
    #expect(file.segments.count == 1)
  }

  @Test(arguments: [.max, 0x0400_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 1000] as [UInt64])
  func `an escaped count that overflows or leaves the file is refused`(_ count: UInt64) throws {
    var elf = HandmadeELF()
    let first = Int(try elf.file().header.sectionHeaderOffset.rawValue)
    elf.patch(60, UInt16(0))
    elf.patch(first + 32, count)
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test(arguments: [(32, .max), (32, 0xFFFF_FFFF_FFFF_FFF0), (40, .max), (40, 0x1_0000)] as [(Int, UInt64)])
  func `a table of headers outside the file is refused`(_ field: Int, _ offset: UInt64) {
    var elf = HandmadeELF(segments: [.init(type: 1, fileOffset: 0, address: 0, fileByteCount: 1, memoryByteCount: 1)])
    elf.patch(field, offset)
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test func `a file cut within its headers is refused at every length`() throws {
    let whole = HandmadeELF(
      sections: [.init(name: ".text", type: 1, bytes: [1, 2, 3])],
      segments: [.init(type: 1, fileOffset: 0, address: 0, fileByteCount: 1, memoryByteCount: 1)]
    ).bytes
    for length in 0..<whole.count {
      let file = MappedFile(bytes: Array(whole.prefix(length)), name: "cut")
      #expect(throws: ObjectFileError.self, "\(length) bytes") { try ELFFile(file) }
    }
  }
}
