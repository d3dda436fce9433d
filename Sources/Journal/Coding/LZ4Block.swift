import CLZ4

/// LZ4 blocks (without frame), optionally with a dictionary of which the last 64 KiB count.
@_spi(Fuzzing) public enum LZ4Block {
  static let maximumByteCount = 1 << 28
  static let maximumDictionaryByteCount = 65_536

  enum Effort {
    case low
    /// A tenth to a fourth less, for several times the time: of short ones, whose search costs more to prepare than to do, as `low`.
    case high
  }

  /// Nil where the block would not be smaller than the bytes.
  static func compress(_ bytes: [UInt8], effort: Effort) -> [UInt8]? {
    guard effort == .high, bytes.count >= 4096, bytes.count <= maximumByteCount else { return compress(bytes) }
    let capacity = bytes.count - 1
    let block = bytes.withUnsafeBytes { source in
      [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
        let written = target.withMemoryRebound(to: CChar.self) { target in
          LZ4_compress_HC(
            source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress, Int32(bytes.count),
            Int32(capacity), 9)
        }
        count = max(0, Int(written))
      }
    }
    return block.isEmpty ? nil : block
  }

  /// Nil where the block would not be smaller than the bytes.
  public static func compress(_ bytes: [UInt8], dictionary: [UInt8] = []) -> [UInt8]? {
    guard bytes.count > 1, bytes.count <= maximumByteCount, let stream = LZ4_createStream() else { return nil }
    defer { LZ4_freeStream(stream) }
    let capacity = bytes.count - 1
    // LZ4 keeps a pointer into the dictionary: it must stay where it is until the block is made.
    let block = dictionary.withUnsafeBytes { dictionary in
      bytes.withUnsafeBytes { source in
        [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
          if dictionary.count > 0 {
            LZ4_loadDict(stream, dictionary.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(dictionary.count))
          }
          let written = target.withMemoryRebound(to: CChar.self) { target in
            LZ4_compress_fast_continue(
              stream, source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress,
              Int32(bytes.count), Int32(capacity), 1)
          }
          count = max(0, Int(written))
        }
      }
    }
    return block.isEmpty ? nil : block
  }

  public static func decompress(
    _ block: [UInt8], byteCount: Int, dictionary: [UInt8] = []
  ) throws(JournalError) -> [UInt8] {
    // A length byte stands for at most 255 bytes, so no honest block grows by more: refused before memory is taken.
    guard byteCount >= 0, byteCount <= maximumByteCount, block.count <= maximumByteCount,
      byteCount / 255 <= block.count
    else { throw JournalError(.malformedPayload, detail: "a block of \(block.count) cannot hold \(byteCount) bytes") }
    let window = dictionary.suffix(maximumDictionaryByteCount)
    var written: Int32 = -1
    let bytes = window.withUnsafeBytes { dictionary in
      block.withUnsafeBytes { source in
        // One byte more than expected is offered, so that a block that is too long is told from one that fits.
        [UInt8](unsafeUninitializedCapacity: byteCount + 1) { target, count in
          written = target.withMemoryRebound(to: CChar.self) { target in
            LZ4_decompress_safe_usingDict(
              source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress, Int32(block.count),
              Int32(byteCount + 1), dictionary.baseAddress?.assumingMemoryBound(to: CChar.self),
              Int32(dictionary.count))
          }
          count = max(0, Int(written))
        }
      }
    }
    guard Int(written) == byteCount else {
      throw JournalError(.malformedPayload, detail: "a block does not decode to \(byteCount) bytes")
    }
    return bytes
  }
}
