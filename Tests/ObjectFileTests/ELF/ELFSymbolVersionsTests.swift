import ObjectFile
import Testing

struct `Symbol versions` {
  private let strings = (tag: UInt64(5), bytes: Array("\0libc.so.6\0V1\0V2\0f\0".utf8))
  private let symbols = (tag: UInt64(6), bytes: symbolRecord(info: 0) + symbolRecord(name: 17))
  private let hash = (tag: UInt64(4), bytes: [1, 2, 1, 0, 0].flatMap { littleEndian(UInt32($0)) })
  private let indexes = (tag: UInt64(0x6FFF_FFF0), bytes: [0, 0, 3, 0x80] as [UInt8])

  private func need(library: UInt32 = 1, count: UInt16, first: UInt32 = 16, next: UInt32 = 0) -> [UInt8] {
    littleEndian(UInt16(1)) + littleEndian(count) + littleEndian(library) + littleEndian(first) + littleEndian(next)
  }

  private func auxiliary(index: UInt16, name: UInt32, next: UInt32) -> [UInt8] {
    littleEndian(UInt32(0)) + littleEndian(UInt16(0)) + littleEndian(index) + littleEndian(name) + littleEndian(next)
  }

  private func image(needs: [UInt8], count: UInt64 = 1) -> HandmadeDynamic {
    HandmadeDynamic(
      tables: [strings, symbols, hash, indexes, (0x6FFF_FFFE, needs)], entries: [(10, 19), (0x6FFF_FFFF, count)])
  }

  @Test func `a needed version names its library`() throws {
    let needs = need(count: 2) + auxiliary(index: 2, name: 11, next: 16) + auxiliary(index: 3, name: 14, next: 0)
    let versions = try #require(try image(needs: needs).file().versions())
    let version = try #require(versions.version(of: 1))
    #expect(version.name == "V2" && version.library == "libc.so.6" && version.isHidden && !version.isDefault)
    #expect(versions.version(of: 0) == nil)
    #expect(versions.version(of: 2) == nil)
    #expect(versions.version(of: .max) == nil)
    #expect(versions.needed == ["libc.so.6": ["V1", "V2"]])
    #expect(versions.highestIndex == 3)
  }

  @Test func `chains that run into each other are refused`() throws {
    // Each record's chain begins one byte further on: without a bound the work would grow with the square.
    let records = (0..<200).flatMap { _ in need(count: 0xFFFF, first: 1, next: 1) }
    let error = #expect(throws: ObjectFileError.self) { try image(needs: records, count: .max).file().versions() }
    #expect(error?.code == .cyclicReference || error?.code == .badString || error?.code == .truncated)
  }

  @Test func `a chain that points to itself ends with its table`() throws {
    let needs = need(count: 0xFFFF, first: 0) + auxiliary(index: 2, name: 11, next: 0)
    #expect(throws: Never.self) { try image(needs: needs).file().versions() }
  }

  @Test func `records outside the file are refused`() {
    for needs in [need(count: 1, first: .max), need(count: 1, first: 4096), need(library: 4000, count: 1)] {
      #expect(throws: ObjectFileError.self) { try image(needs: needs).file().versions() }
    }
  }
}
