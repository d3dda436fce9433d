import Addressing
import Journal

extension PlacedMemory {
  /// Where the image's thread-local block begins, in bytes from the thread pointer (see `ImageSymbols`, which has it from the
  /// same program headers); 0 where it has none.
  func threadBlockOffset() throws(LinkError) -> Int64 {
    let header = try baseFileBytes(at: 0, count: 64)
    // Elf64_Ehdr: e_phoff at 32, e_phentsize at 54, e_phnum at 56. Elf64_Phdr: p_vaddr at 16, p_memsz at 40, p_align at 48.
    guard let table = header.littleEndian64(at: 32), let sizes = header.littleEndian32(at: 54) else { return 0 }
    let (entryByteCount, count) = (UInt64(sizes & 0xffff), UInt64(sizes >> 16))
    guard entryByteCount >= 56, count > 0 else { return 0 }
    let headers = try baseFileBytes(at: table, count: Int(entryByteCount * count))
    for index in 0..<Int(count) {
      let start = index * Int(entryByteCount)
      guard headers.littleEndian32(at: start) == Self.threadLocalSegment,
        let address = headers.littleEndian64(at: start + 16), let byteCount = headers.littleEndian64(at: start + 40),
        let alignment = headers.littleEndian64(at: start + 48)
      else { continue }
      let mask = max(1, alignment) &- 1
      return switch machine.architecture {
      case .arm64: Int64(clamping: 16 &+ ((address &- 16) & mask))
      case .x86_64: 0 &- Int64(clamping: (byteCount &+ mask) & ~mask)
      }
    }
    return 0
  }

  /// PT_TLS
  private static let threadLocalSegment: UInt32 = 7
}
