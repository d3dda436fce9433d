import ObjectFile
import Testing

struct `Relocations` {
  private func object(_ records: [UInt8], type: UInt32 = 4, info: UInt32 = 1, link: UInt32 = 3) -> HandmadeELF {
    HandmadeELF(sections: [
      .init(name: ".text", type: 1, flags: 6, bytes: [0, 0, 0, 0]),
      .init(name: ".rela.text", type: type, flags: 0x40, bytes: records, link: link, info: info),
      .init(name: ".symtab", type: 2, bytes: symbolRecord(info: 0) + symbolRecord(name: 1), link: 4),
      .init(name: ".strtab", type: 3, bytes: Array("\0puts\0".utf8)),
    ])
  }

  private let call = relocationRecord(offset: 1, type: 4, symbol: 1, addend: -4)

  @Test func `every field of a record`() throws {
    let file = try object(call).file()
    let relocations = try file.relocations(of: file.sections[2])
    let relocation = try #require(relocations.first)
    #expect(relocations.count == 1 && relocations.hasAddends)
    #expect(relocation.offset == 1 && relocation.type == 4 && relocation.symbolIndex == 1 && relocation.addend == -4)
    let offset = Int(relocations.fileOffset(of: 0).rawValue)
    #expect(try file.view.load(Int64.self, at: offset + 16) == -4)
  }

  @Test func `a table without addends has none`() throws {
    let file = try object(Array(call.prefix(16)), type: 9).file()
    let relocations = try file.relocations(of: file.sections[2])
    #expect(!relocations.hasAddends && relocations.first?.addend == 0 && relocations.first?.symbolIndex == 1)
  }

  @Test func `sections are found with the relocations that apply to them`() throws {
    let file = try object(call).file()
    let sections = try file.relocationSections()
    #expect(sections.map(\.target) == [1] && sections.map(\.section.index) == [2])
    #expect(sections[1]?.index == 2 && sections[2] == nil && sections[99] == nil && sections[-1] == nil)
  }

  @Test func `what does not hold together is refused`() throws {
    func expect(
      _ code: ObjectFileError.Code, _ elf: HandmadeELF, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let file = try elf.file()
      expectCode(code, sourceLocation: sourceLocation) { () throws(ObjectFileError) in
        _ = try file.relocations(of: file.sections[2])
      }
    }
    try expect(.badSymbolIndex, object(relocationRecord(offset: 0, type: 1, symbol: 2, addend: 0)))
    try expect(.badSymbolIndex, object(call, link: 0))
    try expect(.badEntrySize, object(call + [0]))
    try expect(.badSectionIndex, object(call, link: 99))
    try expect(.unexpectedSectionType, object(call, link: 1))
    try expect(.unexpectedSectionType, object(call, type: 1))
    expectCode(.badSectionIndex) { () throws(ObjectFileError) in
      _ = try object(call, info: 99).file().relocationSections()
    }
  }

  @Test func `two tables for one section are refused`() throws {
    var elf = object(call)
    elf.sections.append(elf.sections[1])
    expectCode(.duplicateTable) { () throws(ObjectFileError) in _ = try elf.file().relocationSections() }
  }
}
