import Driver
@_spi(Fuzzing) import Journal

/// The first four bytes say how long the dictionary and the result are; then the dictionary, then the block. The block
/// is decoded, and its bytes are also compressed and decoded again.
@_cdecl("FuzzLZ4_main")
public func fuzzMain(_ count: CInt, _ arguments: FuzzArguments) -> CInt {
  fuzz(count, arguments) { bytes in
    guard bytes.count >= 4 else { return }
    let expected = Int(bytes[2]) << 8 | Int(bytes[3])
    let rest = bytes.dropFirst(4)
    let dictionary = Array(rest.prefix(Int(bytes[0]) << 8 | Int(bytes[1])))
    let block = Array(rest.dropFirst(dictionary.count))
    if let decoded = try? LZ4Block.decompress(block, byteCount: expected, dictionary: dictionary) {
      precondition(decoded.count == expected, "another length than was asked for")
    }
    if let compressed = LZ4Block.compress(block, dictionary: dictionary) {
      let decoded = try? LZ4Block.decompress(compressed, byteCount: block.count, dictionary: dictionary)
      precondition(compressed.count < block.count && decoded == block, "a block does not give back its bytes")
    }
  }
}
