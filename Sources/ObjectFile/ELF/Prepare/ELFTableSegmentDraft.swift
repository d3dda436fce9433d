import Addressing

/// The read-only segment that holds the moved tables: pieces one after the other, the room at their ends left as holes.
struct ELFTableSegmentDraft {
  let start: VirtualAddress
  let fileOffset: FileOffset
  private(set) var byteCount: UInt64 = 0
  private(set) var pieces: [(fileOffset: FileOffset, bytes: [UInt8])] = []

  init(start: VirtualAddress, fileOffset: FileOffset) {
    self.start = start
    self.fileOffset = fileOffset
  }

  /// Room for `byteCount` bytes, aligned to 8.
  mutating func reserve(_ byteCount: UInt64) -> ELFArenaLayout.Part {
    let offset = (self.byteCount + 7) & ~7
    self.byteCount = offset + byteCount
    return ELFArenaLayout.Part(
      range: AddressRange(start: VirtualAddress(start.rawValue + offset), byteCount: byteCount),
      fileOffset: FileOffset(fileOffset.rawValue + offset))
  }

  mutating func put(_ bytes: [UInt8], at offset: FileOffset) { pieces.append((offset, bytes)) }

  /// A table that holds `bytes` and has room for `room` entries more; its size words are the caller's to add.
  mutating func table(_ bytes: [UInt8], entryByteCount: UInt32, room: UInt32) -> ELFTableRoom? {
    guard let used = UInt32(exactly: bytes.count / Int(entryByteCount)) else { return nil }
    let (capacity, overflow) = used.addingReportingOverflow(room)
    guard !overflow else { return nil }
    let part = reserve(UInt64(capacity) * UInt64(entryByteCount))
    put(bytes, at: part.fileOffset)
    return ELFTableRoom(
      address: part.range.start, fileOffset: part.fileOffset, entryByteCount: entryByteCount, usedCount: used,
      capacity: capacity, sizeWords: [])
  }
}
