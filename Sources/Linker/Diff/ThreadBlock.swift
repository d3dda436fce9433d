import Addressing
import Journal

extension PlacedMemory {
  /// How many bytes the image's thread-local block has up to the thread pointer, its end rounded up (ELF Handling For
  /// Thread-Local Storage, 3.4.6), as the prepared image's program headers tell; 0 where it has none.
  func threadBlockByteCount() throws(LinkError) -> UInt64 {
    let header = try baseFileBytes(at: 0, count: 64)
    // Elf64_Ehdr: e_phoff at 32, e_phentsize at 54, e_phnum at 56. Elf64_Phdr: p_memsz at 40, p_align at 48.
    guard let table = header.littleEndian64(at: 32), let sizes = header.littleEndian32(at: 54) else { return 0 }
    let (entryByteCount, count) = (UInt64(sizes & 0xffff), UInt64(sizes >> 16))
    guard entryByteCount >= 56, count > 0 else { return 0 }
    let headers = try baseFileBytes(at: table, count: Int(entryByteCount * count))
    for index in 0..<Int(count) {
      let start = index * Int(entryByteCount)
      guard headers.littleEndian32(at: start) == Self.threadLocalSegment,
        let byteCount = headers.littleEndian64(at: start + 40), let alignment = headers.littleEndian64(at: start + 48)
      else { continue }
      let unit = max(1, alignment)
      return (byteCount &+ unit &- 1) & ~(unit &- 1)
    }
    return 0
  }

  /// PT_TLS
  private static let threadLocalSegment: UInt32 = 7
}
