import Testing

@testable @_spi(Fuzzing) import Journal

@Suite struct LZ4BlockTests {
  private func text(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    let words = (0..<40).map { _ in (0..<9).map { _ in UInt8.random(in: 0...255, using: &random) } }
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += words[Int.random(in: 0..<40, using: &random)] }
    return Array(bytes.prefix(count))
  }

  @Test(arguments: [0, 1, 2, 63, 64, 1000, 65_536, 200_000])
  func `a block gives back its bytes`(count: Int) throws {
    let bytes = text(count, seed: 1)
    guard let block = LZ4Block.compress(bytes) else {
      #expect(count < 200)
      return
    }
    #expect(block.count < count)
    #expect(try LZ4Block.decompress(block, byteCount: count) == bytes)
  }

  @Test(arguments: [400, 4000, 60_000])
  func `an earlier version as dictionary makes the block much smaller`(count: Int) throws {
    var random = SeededGenerator(seed: 2)
    let old = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    var new = old
    new.insert(contentsOf: [1, 2, 3, 4, 5, 6, 7], at: count / 2)
    let found = LZ4Block.compress(new, dictionary: old)
    let block = try #require(found)
    #expect(block.count * 2 < count)
    #expect(LZ4Block.compress(new) == nil)
    let back = try LZ4Block.decompress(block, byteCount: new.count, dictionary: old)
    #expect(back.elementsEqual(new))
  }

  @Test func `a block with another dictionary, of another length or cut short is refused`() throws {
    let old = text(3000, seed: 3)
    let block = try #require(LZ4Block.compress(old + [9], dictionary: old))
    #expect(code { try LZ4Block.decompress(block, byteCount: 3001) } == .malformedPayload)
    #expect(code { try LZ4Block.decompress(block, byteCount: 3000, dictionary: old) } == .malformedPayload)
    #expect(code { try LZ4Block.decompress(block, byteCount: 3002, dictionary: old) } == .malformedPayload)
    for count in 0..<block.count {
      #expect(
        code { try LZ4Block.decompress(Array(block.prefix(count)), byteCount: 3001, dictionary: old) }
          == .malformedPayload)
    }
  }

  @Test func `a hostile length is refused before memory is taken`() {
    for count in [-1, 256 * 4, LZ4Block.maximumByteCount + 1, Int.max] {
      #expect(code { try LZ4Block.decompress([0, 0, 0], byteCount: count) } == .malformedPayload)
    }
  }
}
