public import Addressing
import GRDB

extension JournalStore {
  /// Bytes of the prepared image's file, as it was when the journal was made.
  public func baseFileBytes(at offset: FileOffset, count: Int) throws(JournalError) -> [UInt8] {
    try lookUp { try baseFileBytes(at: offset, count: count, in: $0) }
  }

  /// What the prepared image's file holds at these virtual addresses; zeroes where a segment is longer than its part
  /// of the file. Every byte must be in a segment, unless the image is observed: what its updates map is zeroes before.
  public func baseBytes(_ range: AddressRange) throws(JournalError) -> [UInt8] {
    try lookUp { try baseBytes(range, in: $0) }
  }

  func baseBytes(_ range: AddressRange, in db: Database) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var address = range.start
    while address < range.end {
      guard let segment = base.segments.first(where: { $0.range.contains(address) }) else {
        let end = try endOfGap(at: address, in: range)
        bytes += [UInt8](repeating: 0, count: Int(end.rawValue - address.rawValue))
        address = end
        continue
      }
      let offset = address.rawValue - segment.range.start.rawValue
      // What the arena grows by is behind the end of the base image.
      let isInFile = offset < segment.fileByteCount && segment.fileOffset.rawValue < base.preparedByteCount
      let end = isInFile ? min(segment.fileByteCount, segment.range.byteCount) : segment.range.byteCount
      let count = min(end - offset, range.end.rawValue - address.rawValue)
      guard let size = Int(exactly: count), size <= UpdateCoding.maximumByteStringCount else {
        throw JournalError(.outsideImage, address: address, detail: "\(count) bytes at once are too many")
      }
      if isInFile {
        guard let start = segment.fileOffset.advanced(by: offset) else {
          throw JournalError(.malformedBase, address: address)
        }
        bytes += try baseFileBytes(at: start, count: size, in: db)
      } else {
        bytes += [UInt8](repeating: 0, count: size)
      }
      address = VirtualAddress(address.rawValue + count)
    }
    return bytes
  }

  /// Where addresses that no segment has come to an end.
  private func endOfGap(at address: VirtualAddress, in range: AddressRange) throws(JournalError) -> VirtualAddress {
    let end = base.segments.map(\.range.start).filter { $0 > address }.min() ?? range.end
    guard !base.isPrepared, min(end, range.end).rawValue - address.rawValue <= UpdateCoding.maximumByteStringCount
    else {
      throw JournalError(.outsideImage, address: address)
    }
    return min(end, range.end)
  }

  func baseFileBytes(at offset: FileOffset, count: Int, in db: Database) throws -> [UInt8] {
    guard count >= 0, count <= UpdateCoding.maximumByteStringCount, let end = offset.advanced(by: UInt64(count)),
      end.rawValue <= base.preparedByteCount
    else { throw JournalError(.outsideImage, offset: offset, detail: "the prepared image ends before") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    let chunkByteCount = UInt64(BaseTables.chunkByteCount)
    var position = offset.rawValue
    while position < end.rawValue {
      let number = position / chunkByteCount
      let chunk = try chunk(Int64(number), in: db)
      let start = Int(position - number * chunkByteCount)
      let size = Int(min(end.rawValue - position, chunkByteCount - UInt64(start)))
      guard start + size <= chunk.count else {
        throw JournalError(.malformedBase, offset: FileOffset(position), detail: "a piece of the image is too short")
      }
      bytes += chunk[start..<start + size]
      position += UInt64(size)
    }
    return bytes
  }

  func chunk(_ number: Int64, in db: Database) throws -> [UInt8] {
    if let chunk = chunks[number] { return chunk }
    let chunk =
      try db.first("SELECT byte_count, block FROM base_chunk WHERE number = ?", [number]) { row in
        let count = try row.unsigned(0)
        let block = try row.blob(1)
        guard count <= UInt64(BaseTables.chunkByteCount) else {
          throw JournalError(.malformedBase, detail: "a piece of the image is too long")
        }
        return block.count == Int(count) ? block : try LZ4Block.decompress(block, byteCount: Int(count))
      } ?? [UInt8](repeating: 0, count: BaseTables.chunkByteCount)
    chunks.insert(chunk, for: number)
    return chunk
  }
}
