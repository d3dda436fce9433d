import Addressing
import ObjectFile
import Testing

struct `Segments` {
  private let image = HandmadeELF(
    type: 2, sections: [.init(name: ".text", type: 1, bytes: [1, 2, 3, 4])],
    segments: [
      .init(type: 1, flags: 5, fileOffset: 0, address: 0x40_0000, fileByteCount: 0x100, memoryByteCount: 0x100),
      .init(type: 1, flags: 6, fileOffset: 0x100, address: 0x40_1100, fileByteCount: 0x10, memoryByteCount: 0x4000),
    ])

  @Test func `protections are those of mmap`() throws {
    #expect(try image.file().segments.map(\.protection) == [[.read, .execute], [.read, .write]])
  }

  @Test func `addresses lead to file offsets and back, but not where the file has no bytes`() throws {
    let file = try image.file()
    #expect(file.fileOffset(of: VirtualAddress(0x40_0020)) == FileOffset(0x20))
    #expect(file.fileOffset(of: VirtualAddress(0x40_110F)) == FileOffset(0x10F))
    #expect(file.fileOffset(of: VirtualAddress(0x40_1110)) == nil)
    #expect(file.fileOffset(of: VirtualAddress(0x40_0100)) == nil)
    #expect(file.fileOffset(of: VirtualAddress(0x3F_FFFF)) == nil)
    #expect(file.virtualAddress(of: FileOffset(0x105)) == VirtualAddress(0x40_1105))
    #expect(file.virtualAddress(of: FileOffset(0x110)) == nil)
    #expect(try file.bytes(at: VirtualAddress(0x40_0000), count: 4).allBytes == [0x7F, 0x45, 0x4C, 0x46])
  }

  @Test func `bytes that reach past what the file has are refused`() throws {
    let file = try image.file()
    for (address, count) in [(0x40_1108, 9), (0x40_1110, 1), (0x40_00FF, 2), (0, 1)] as [(UInt64, UInt64)] {
      expectCode(.unmappedAddress) { () throws(ObjectFileError) in
        _ = try file.bytes(at: VirtualAddress(address), count: count)
      }
    }
  }

  @Test func `a segment that wraps around the address space is refused`() {
    var wrapping = image
    wrapping.segments[1].memoryByteCount = .max
    expectCode(.addressWrapsAround) { () throws(ObjectFileError) in _ = try wrapping.file() }
  }

  @Test func `a segment whose bytes lie outside the file is refused when they are asked for`() throws {
    var outside = image
    outside.segments[1].fileOffset = .max - 4
    let file = try outside.file()
    expectCode(.truncated) { () throws(ObjectFileError) in
      _ = try file.bytes(at: VirtualAddress(0x40_1100), count: 16)
    }
    #expect(file.fileOffset(of: VirtualAddress(0x40_110F)) == nil)
  }

  @Test func `more segments than a kernel loads are refused, but a core may have them`() throws {
    var many = HandmadeELF(type: 3)
    many.segments = Array(repeating: image.segments[0], count: 1171)
    expectCode(.malformedTable) { () throws(ObjectFileError) in _ = try many.file() }
    many.type = 4
    #expect(try many.file().segments.count == 1171)
  }
}
