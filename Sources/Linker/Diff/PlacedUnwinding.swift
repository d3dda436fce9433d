import Addressing
import Journal
import ObjectFile

/// The image's unwind information at the parent update, by function.
final class PlacedUnwinding {
  private static let mostRecordBytes: UInt64 = 1 << 20

  private let memory: PlacedMemory
  private let room: ELFUnwindRoom
  /// Pairs of displacements from the header, sorted by the first. Read whole at the first question: a look-up in the
  /// journal for each step of a bisection would cost more.
  private var table: [(start: Int32, record: Int32)]?

  /// Nil where the prepared image has no table to add to.
  init?(memory: PlacedMemory) {
    guard let room = memory.unwindRoom else { return nil }
    self.memory = memory
    self.room = room
  }

  /// Where the exception table (LSDA) of the function that begins at `start` stands; nil where it has none.
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
    var low = 0
    var high = table.count
    while low < high {
      let middle = (low + high) / 2
      if table[middle].start < wanted { low = middle + 1 } else { high = middle }
    }
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
