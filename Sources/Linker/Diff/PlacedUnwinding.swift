import Addressing
import Journal
import ObjectFile

/// The image's unwind information at the parent update, by function.
protocol PlacedUnwinding: AnyObject {
  /// Where the exception table (LSDA) of the function that begins at `start` stands; nil where it has none.
  func exceptionTable(ofFunctionAt start: VirtualAddress) throws(LinkError) -> VirtualAddress?
}

extension PlacedMemory {
  /// Nil where the prepared image has no table to add to.
  func unwinding() -> (any PlacedUnwinding)? {
    switch unwindRoom {
    case nil: nil
    case .elf(let room): PlacedFrames(memory: self, room: room)
    case .machO(let room): PlacedCompactUnwinding(memory: self, room: room)
    }
  }
}

/// A table of Mach-O (`__unwind_info`).
private final class PlacedCompactUnwinding: PlacedUnwinding {
  private var table: MachOUnwindTable

  init(memory: PlacedMemory, room: MachOUnwindRoom) {
    table = MachOUnwindTable(room, functionCount: 0, exceptionTableCount: 0, fileName: "") { offset, count in
      let start = room.part.range.start.rawValue &+ (offset.rawValue &- room.part.fileOffset.rawValue)
      return try memory.bytes(AddressRange(start: VirtualAddress(start), byteCount: UInt64(count)))
    }
  }

  func exceptionTable(ofFunctionAt start: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    do {
      return try table.function(at: start)?.exceptionTable.flatMap { table.room.header.advanced(by: UInt64($0)) }
    } catch {
      throw LinkError(.objectFile, cause: error)
    }
  }
}

/// Records of `.eh_frame`, by the sorted table of `.eh_frame_hdr`.
private final class PlacedFrames: PlacedUnwinding {
  private static let mostRecordBytes: UInt64 = 1 << 20

  private let memory: PlacedMemory
  private let room: ELFUnwindRoom
  /// Pairs of displacements from the header, sorted by the first. Read whole at the first question: a look-up in the
  /// journal for each step of a bisection would cost more.
  private var table: [(start: Int32, record: Int32)]?

  init(memory: PlacedMemory, room: ELFUnwindRoom) {
    self.memory = memory
    self.room = room
  }

  func exceptionTable(ofFunctionAt start: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    guard let place = try record(ofFunctionAt: start), let record = try record(at: place),
      case let distance = UInt64(record.prefix(8).suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }),
      let commonRecord = try self.record(at: VirtualAddress(place.rawValue &+ 4 &- distance)),
      let common = UnwindCommonInformation(commonRecord), let description = UnwindDescription(record, common),
      let offset = description.exceptionTableOffset, let encoding = common.exceptionTableEncoding,
      let byteCount = encoding.byteCount, !encoding.isIndirect
    else { return nil }
    return encoding.address(record[offset..<offset + byteCount], at: place.rawValue &+ UInt64(offset))
      .map { VirtualAddress($0) }
  }

  private func record(ofFunctionAt start: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    guard let wanted = Int32(exactly: Int64(bitPattern: start.rawValue &- room.header.rawValue)) else { return nil }
    let table = try entries()
    let low = table.partitioningIndex { $0.start >= wanted }
    guard low < table.count, table[low].start == wanted else { return nil }
    return room.header.displaced(by: Int64(table[low].record))
  }

  private func entries() throws(LinkError) -> [(start: Int32, record: Int32)] {
    if let table { return table }
    let byteCount = UInt64(room.table.capacity) * 8
    let bytes = try memory.bytes(from: room.table.address, atMost: byteCount)
    let table = stride(from: 0, to: bytes.count - 7, by: 8).map { offset in
      (
        start: Int32(truncatingIfNeeded: bytes.signed32(at: offset) ?? 0),
        record: Int32(truncatingIfNeeded: bytes.signed32(at: offset + 4) ?? 0)
      )
    }
    self.table = table
    return table
  }

  private func record(at place: VirtualAddress) throws(LinkError) -> [UInt8]? {
    let head = try memory.bytes(from: place, atMost: 4)
    guard head.count == 4, let length = head.signed32(at: 0), length >= 4, UInt64(length) <= Self.mostRecordBytes
    else { return nil }
    let bytes = try memory.bytes(from: place, atMost: UInt64(length) + 4)
    return bytes.count == Int(length) + 4 ? bytes : nil
  }
}
