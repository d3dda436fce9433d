import Addressing
import ObjectFile
import Testing

struct `Sections` {
  @Test func `names, contents and look-up`() throws {
    let elf = HandmadeELF(sections: [
      .init(name: ".text", type: 1, flags: 6, address: 0x1000, bytes: [0xC3]),
      .init(name: ".bss", type: 8, flags: 3, address: 0x2000, byteCount: 1 << 40),
    ])
    let file = try elf.file()
    let text = try #require(file.section(named: ".text"))
    #expect(text.index == 1)
    #expect(text.flags == [.allocated, .executable])
    #expect(try file.contents(of: text).allBytes == [0xC3])
    #expect(file.nameMatches(text, ".text") && !file.nameMatches(text, ".tex") && !file.nameMatches(text, ".text.f"))
    #expect(file.nameHasPrefix(text, ".te") && !file.nameHasPrefix(text, ".text."))
    let bss = try #require(file.section(named: ".bss"))
    #expect(bss.range == AddressRange(start: VirtualAddress(0x2000), byteCount: 1 << 40))
    #expect(try file.contents(of: bss).isEmpty)
    #expect(file.section(named: ".data") == nil)
    #expect(file.sections.first(of: .noBits)?.index == 2)
  }

  @Test func `section headers know where they stand`() throws {
    let file = try HandmadeELF(sections: [.init(name: ".text", type: 1, flags: 0x1234)]).file()
    let offset = Int(file.sections.fileOffset(ofHeader: 1).rawValue)
    #expect(try file.view.load(UInt64.self, at: offset + 8) == 0x1234)
  }

  @Test(arguments: [(0xFFFF_FFFF, 1), (.max, 1), (0, .max), (64, 0x10_0000)] as [(UInt64, UInt64)])
  func `contents outside the file are refused, and name the section`(_ offset: UInt64, _ count: UInt64) throws {
    let file = try HandmadeELF(sections: [.init(name: ".data", type: 1, byteCount: count, fileOffset: offset)]).file()
    let error = expectCode(.truncated) { () throws(ObjectFileError) in _ = try file.contents(of: file.sections[1]) }
    #expect(error?.section == ".data")
  }

  @Test(arguments: [(64, 2), (65, 2), (67, 1), (66, 10)] as [(UInt64, UInt64)])
  func `sections of an object that share bytes are refused, and both are named`(_ offset: UInt64, _ count: UInt64) {
    let elf = HandmadeELF(sections: [
      .init(name: ".b", type: 1, byteCount: count, fileOffset: offset),
      .init(name: ".a", type: 1, bytes: [1, 2, 3, 4]),
    ])
    let error = expectCode(.overlappingSections) { () throws(ObjectFileError) in _ = try elf.file() }
    #expect(error?.description.contains(".a") == true && error?.description.contains(".b") == true)
  }

  @Test func `sections without bytes share nothing, and the order in the file is free`() throws {
    let file = try HandmadeELF(sections: [
      .init(name: ".last", type: 1, bytes: [], byteCount: 2, fileOffset: 66),
      .init(name: ".empty", type: 1, fileOffset: 67),
      .init(name: ".bss", type: 8, byteCount: 9, fileOffset: 65), .init(name: ".first", type: 1, bytes: [1, 2]),
      .init(name: ".filler", type: 1, byteCount: 0, fileOffset: 66), .init(name: ".rest", type: 0, bytes: [3, 4]),
    ]).file()
    #expect(try file.contents(of: file.sections[1]).allBytes == [3, 4])
  }

  @Test func `an image may overlap a little, but not claim the file many times over`() throws {
    func image(_ count: Int) -> HandmadeELF {
      HandmadeELF(type: 3, sections: (0..<count).map { .init(name: ".s\($0)", type: 1, byteCount: 300, fileOffset: 0) })
    }
    #expect(try image(3).file().sections.count == 5)
    let many = image(200)
    expectCode(.overlappingSections) { () throws(ObjectFileError) in _ = try many.file() }
  }

  @Test func `a compressed section is refused by name`() throws {
    let file = try HandmadeELF(sections: [.init(name: ".debug_info", type: 1, flags: 0x800, bytes: [1])]).file()
    expectCode(.compressedSection) { () throws(ObjectFileError) in _ = try file.contents(of: file.sections[1]) }
    #expect(try file.storedBytes(of: file.sections[1]).allBytes == [1])
  }

  @Test func `a section that wraps around the address space is refused`() {
    let elf = HandmadeELF(sections: [.init(name: ".text", type: 1, address: .max - 1, bytes: [1, 2, 3])])
    expectCode(.addressWrapsAround) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test func `a name outside the table of names is refused`() throws {
    var elf = HandmadeELF(sections: [.init(name: ".text", type: 1)])
    elf.patch(Int(try elf.file().sections.fileOffset(ofHeader: 1).rawValue), UInt32(1000))
    expectCode(.badString) { () throws(ObjectFileError) in _ = try elf.file() }
  }

  @Test func `a table of names that is not one is refused`() throws {
    var elf = HandmadeELF(sections: [.init(name: ".text", type: 1, bytes: [1])])
    elf.patch(62, UInt16(1))
    expectCode(.unexpectedSectionType) { () throws(ObjectFileError) in _ = try elf.file() }
    elf.patch(62, UInt16(9))
    expectCode(.badSectionIndex) { () throws(ObjectFileError) in _ = try elf.file() }
    let unended = HandmadeELF(sections: [.init(name: ".text", type: 3, bytes: [0x61])])
    var file = unended
    file.patch(62, UInt16(1))
    expectCode(.badString) { () throws(ObjectFileError) in _ = try file.file() }
  }

  @Test func `an index that a record names is checked`() throws {
    let file = try HandmadeELF().file()
    expectCode(.badSectionIndex) { () throws(ObjectFileError) in _ = try file.section(at: 2) }
    expectCode(.badSectionIndex) { () throws(ObjectFileError) in _ = try file.section(at: -1) }
  }
}

@Suite(.enabled(if: Tool.isInstalled("readelf"), "readelf judges, and is not installed"))
struct `More sections than 16 bits count` {
  @Test(.enabled(if: Tool.isInstalled("gcc"), "gcc assembles, and is not installed"))
  func `an object of 70,000 sections reads as readelf reads it`() throws {
    let folder = try TemporaryFolder()
    let functions = (0..<70_000).map { ".section .text.f\($0),\"ax\",@progbits\nf\($0): ret\n" }
    let source = try folder.write(functions.joined() + ".globl f69999\n", to: "many.s")
    let path = folder.path + "/many.o"
    try Tool.run("gcc", ["-c", source, "-o", path])
    let file = try ELFFile(MappedFile(path: path))
    #expect(file.sections.count > 70_000)
    expectSame(ReadelfListing.sections(file), try ReadelfOutput.sections(path))
    let symbols = try #require(try file.symbolTable(.static))
    expectSame(try ReadelfListing.symbols(symbols, of: file), try ReadelfOutput.symbols(path, table: ".symtab"))
    let last = try #require(symbols.last)
    #expect(symbols.nameMatches(last, "f69999"))
    guard case .section(let index) = last.place else {
      Issue.record("f69999 is at \(last.place)")
      return
    }
    #expect(file.nameMatches(file.sections[index], ".text.f69999"))
  }
}
