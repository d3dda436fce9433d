import Testing

@testable import Linker

@Suite struct ByteFieldTests {
  private let bytes: [UInt8] = [1, 2, 3, 0x84, 5, 6, 7, 0x88]

  @Test("fields are read little-endian, and only where they lie within the bytes")
  func reads() {
    #expect(bytes.littleEndian32(at: 0) == 0x8403_0201)
    #expect(bytes.signed32(at: 0) == -0x7bfc_fdff)
    #expect(bytes.littleEndian64(at: 0) == 0x8807_0605_8403_0201)
    #expect(bytes.littleEndian32(at: 5) == nil)
    #expect(bytes.littleEndian64(at: 1) == nil)
    #expect(bytes.byte(at: 8) == nil)
    #expect(bytes.byte(at: -1) == nil)
    for offset in [-1, Int.min, .max] { #expect(bytes.littleEndian32(at: offset) == nil) }
  }

  @Test("a pattern stands only where it fits")
  func patterns() {
    #expect(bytes.stands([5, 6], at: 4))
    #expect(!bytes.stands([6, 5], at: 4))
    #expect(!bytes.stands([0x88, 0], at: 7))
    #expect(bytes.stands([], at: 8))
    #expect(!bytes.stands([], at: 9))
  }

  @Test("what is put is read again")
  func writes() {
    var copy = bytes
    copy.put32(0xdead_beef, at: 4)
    #expect(copy.littleEndian32(at: 4) == 0xdead_beef)
    copy.put64(7, at: 0)
    #expect(copy == [7, 0, 0, 0, 0, 0, 0, 0])
  }
}
