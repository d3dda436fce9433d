import ObjectFile
import Testing

struct `A symbol table` {
  private func object(
    symbols: [UInt8], strings: [UInt8] = Array("\0main\0".utf8), link: UInt32 = 2, entrySize: UInt64 = 24,
    extendedIndexes: [UInt8]? = nil
  ) -> HandmadeELF {
    var elf = HandmadeELF(sections: [
      .init(name: ".symtab", type: 2, bytes: symbols, link: link, info: 1, entrySize: entrySize),
      .init(name: ".strtab", type: 3, bytes: strings),
    ])
    if let extendedIndexes {
      elf.sections.append(.init(name: ".symtab_shndx", type: 18, bytes: extendedIndexes, link: 1, entrySize: 4))
    }
    return elf
  }

  private let null = symbolRecord(info: 0)

  @Test func `every field of a symbol`() throws {
    let record = symbolRecord(name: 1, info: 0xA6, other: 0x82, section: 2, value: 5, size: 9)
    let table = try #require(try object(symbols: null + record).file().symbolTable(.static))
    let symbol = table[1]
    #expect(table.count == 2)
    #expect(try table.name(of: symbol) == "main")
    #expect(table.nameMatches(symbol, "main") && !table.nameMatches(symbol, "mai"))
    #expect(symbol.binding == .unique && symbol.kind == .threadLocal && symbol.visibility == .hidden)
    #expect(symbol.machineBits == 0x80 && symbol.place == .section(2) && symbol.value == 5 && symbol.byteCount == 9)
  }

  @Test(
    arguments: [
      (0, .undefined), (0xFFF1, .absolute), (0xFFF2, .common), (0xFF00, .reserved(0xFF00)),
      (0xFFFF, .reserved(0xFFFF)),
    ] as [(UInt16, ELFSymbolPlace)])
  func `places that are no section`(_ raw: UInt16, _ place: ELFSymbolPlace) throws {
    let table = try object(symbols: null + symbolRecord(section: raw)).file().symbolTable(.static)
    #expect(table?[1].place == place)
  }

  @Test func `a large section index is read from its own table`() throws {
    let elf = object(
      symbols: null + symbolRecord(section: 0xFFFF), extendedIndexes: littleEndian(UInt32(0)) + littleEndian(UInt32(3)))
    #expect(try elf.file().symbolTable(.static)?[1].place == .section(3))
  }

  @Test func `a file without symbols has no table`() throws {
    #expect(try HandmadeELF().file().symbolTable(.static) == nil)
    #expect(try HandmadeELF().file().symbolTable(.dynamic) == nil)
  }

  @Test func `what does not hold together is refused`() {
    func expect(
      _ code: ObjectFileError.Code, _ elf: HandmadeELF, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      expectCode(code, sourceLocation: sourceLocation) { () throws(ObjectFileError) in
        _ = try elf.file().symbolTable(.static)
      }
    }
    expect(.badSectionIndex, object(symbols: null + symbolRecord(section: 4)))
    expect(.badSectionIndex, object(symbols: null, link: 77))
    expect(.unexpectedSectionType, object(symbols: null, link: 1))
    expect(.badString, object(symbols: null + symbolRecord(name: 6)))
    expect(.badString, object(symbols: null, strings: [0, 0x61]))
    expect(.badEntrySize, object(symbols: null, entrySize: 16))
    expect(.badEntrySize, object(symbols: null + [0]))
    expect(.truncated, object(symbols: null + symbolRecord(section: 0xFFFF), extendedIndexes: [0, 0, 0, 0]))
    expect(
      .badSectionIndex,
      object(
        symbols: null + symbolRecord(section: 0xFFFF),
        extendedIndexes: littleEndian(UInt32(0)) + littleEndian(UInt32.max)))
  }

  @Test func `an index that a record names is checked`() throws {
    let table = try #require(try object(symbols: null).file().symbolTable(.static))
    expectCode(.badSymbolIndex) { () throws(ObjectFileError) in _ = try table.symbol(at: 1) }
    expectCode(.badSymbolIndex) { () throws(ObjectFileError) in _ = try table.symbol(at: -1) }
  }
}

struct `Source file scopes` {
  @Test func `local symbols belong to the file before them`() throws {
    let file: UInt8 = 0x04
    let symbols =
      symbolRecord(info: 0) + symbolRecord(name: 1, info: file, section: 0xFFF1) + symbolRecord(info: 0x02)
      + symbolRecord(info: 0x01) + symbolRecord(name: 5, info: file, section: 0xFFF1) + symbolRecord(info: 0x02)
      + symbolRecord(info: 0x12)
    let elf = HandmadeELF(sections: [
      .init(name: ".symtab", type: 2, bytes: symbols, link: 2),
      .init(name: ".strtab", type: 3, bytes: Array("\0a.c\0b.c\0".utf8)),
    ])
    let scopes = try #require(try elf.file().symbolTable(.static)).fileScopes()
    #expect(scopes.map(\.name.text) == ["a.c", "b.c"])
    #expect(scopes.map(\.symbols) == [2..<4, 5..<6])
  }
}
