import Addressing
import ObjectFile
import Testing

struct `The dynamic section` {
  private let strings = (tag: UInt64(5), bytes: Array("\0libc.so.6\0me.so\0/lib\0".utf8))

  @Test func `its entries, up to the first empty one`() throws {
    let image = HandmadeDynamic(
      tables: [strings], entries: [(10, 22), (1, 1), (14, 11), (29, 17), (30, 8), (0x6FFF_FFFB, 1), (0, 0), (24, 0)])
    let file = try image.file()
    let dynamic = try #require(try file.dynamic())
    #expect(dynamic.count == 7 && dynamic.capacity == 10)
    #expect(try dynamic.needed() == ["libc.so.6"])
    #expect(try dynamic.soname() == "me.so")
    #expect(try dynamic.runpath() == "/lib")
    #expect(try dynamic.rpath() == nil)
    #expect(dynamic.flags == 8 && dynamic.flags1 == 1)
    let soname = try #require(dynamic.first(.soname))
    #expect(try file.view.load(UInt64.self, at: Int(soname.fileOffset.rawValue) + 8) == 11)
  }

  @Test func `a static file has none`() throws {
    #expect(try HandmadeELF().file().dynamic() == nil)
    #expect(try HandmadeELF().file().dynamicRelocations() == nil)
    #expect(try HandmadeELF().file().versions() == nil)
    #expect(try HandmadeELF().file().dynamicSymbols() == nil)
    #expect(try HandmadeELF().file().dynamicSymbol(named: "puts") == nil)
  }

  @Test func `strings outside their table are refused`() throws {
    for offset in [22, 1 << 40, .max] as [UInt64] {
      let dynamic = try HandmadeDynamic(tables: [strings], entries: [(10, 22), (1, offset)]).file().dynamic()
      #expect(throws: ObjectFileError.self) { try dynamic?.needed() }
    }
    expectCode(.unmappedAddress) { () throws(ObjectFileError) in
      _ = try HandmadeDynamic(entries: [(5, 0xFFFF_0000), (10, 22)]).file().dynamic()
    }
    expectCode(.unmappedAddress) { () throws(ObjectFileError) in
      _ = try HandmadeDynamic(tables: [strings], entries: [(10, .max)]).file().dynamic()
    }
  }
}

struct `Dynamic relocations` {
  private func relr(_ words: [UInt64]) -> HandmadeDynamic {
    HandmadeDynamic(tables: [(36, words.flatMap(littleEndian))], entries: [(35, UInt64(words.count * 8))])
  }

  @Test func `relative ones are expanded from addresses and bitmaps`() throws {
    // Bit 0 marks a bitmap; bit n + 1 the nth word after the last one covered.
    let image = relr([0x1000, 0b1011, 1 << 63 | 1, 3, 0x9000])
    let addresses = try #require(try image.file().dynamicRelocations()).relative.map(\.rawValue)
    let second: UInt64 = 0x1008 + 63 * 8
    #expect(addresses == [0x1000, 0x1008, 0x1018, second + 62 * 8, second + 63 * 8, 0x9000])
  }

  @Test(arguments: [[3], [.max - 1], [0xFFFF_FFFF_FFFF_FF00, 3]] as [[UInt64]])
  func `a bitmap without an address, or past the address space, is refused`(_ words: [UInt64]) {
    expectCode(.malformedTable) { () throws(ObjectFileError) in _ = try relr(words).file().dynamicRelocations() }
  }

  @Test func `records of both tables`() throws {
    let record = relocationRecord(offset: 0x2000, type: 8, symbol: 0, addend: 0x30)
    let image = HandmadeDynamic(tables: [(7, record + record), (23, record)], entries: [(8, 48), (2, 24), (20, 7)])
    let relocations = try #require(try image.file().dynamicRelocations())
    #expect(relocations.table.count == 2 && relocations.plt.count == 1 && relocations.relative.isEmpty)
    #expect(relocations.table[1].addend == 0x30)
  }

  @Test func `sizes that do not fit are refused`() {
    let record = relocationRecord(offset: 0, type: 8, symbol: 0, addend: 0)
    for (size, code) in [(23, .badEntrySize), (24 * 1000, .unmappedAddress)] as [(UInt64, ObjectFileError.Code)] {
      expectCode(code) { () throws(ObjectFileError) in
        _ = try HandmadeDynamic(tables: [(7, record)], entries: [(8, size)]).file().dynamicRelocations()
      }
    }
    let symbol = relocationRecord(offset: 0, type: 6, symbol: 9, addend: 0)
    expectCode(.badSymbolIndex) { () throws(ObjectFileError) in
      _ = try HandmadeDynamic(tables: [(7, symbol)], entries: [(8, 24)]).file().dynamicRelocations()
    }
  }
}
