import Addressing

/// The encoding of a stretch's fresh bytes (docs/journal-format.md, "Stretches").
@_spi(Fuzzing) public enum FreshBlockCoding {
  static let version: UInt8 = 1

  /// - Parameter writes: ascending, not overlapping, none empty; none beyond the address space.
  static func encode(_ writes: [FreshWrite]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(version)
    writer.append(count: writes.count)
    var (end, update): (UInt64, Int64) = (0, 0)
    for write in writes {
      writer.append(varint: write.start.rawValue - end)
      writer.append(varint: UInt64(write.after.count))
      writer.append(signed: write.update.rawValue - update)
      writer.append(varint: UInt64(write.operation))
      writer.append(write.hasBefore)
      (end, update) = (write.end, write.update.rawValue)
    }
    for write in writes { writer.append(raw: write.after) }
    for write in writes where write.hasBefore { writer.append(raw: write.before) }
    return writer.bytes
  }

  public static func decode(_ bytes: [UInt8]) throws(JournalError) -> FreshBlock {
    var reader = ByteReader(bytes, refusingWith: .malformedStretch)
    guard try reader.byte() == version else { throw reader.refusal("unknown version of a block") }
    let count = try reader.count()
    var extents: [FreshBlock.Extent] = []
    extents.reserveCapacity(count)
    var befores: [Int] = []
    var (end, update): (UInt64, Int64) = (0, 0)
    var total = 0
    for index in 0..<count {
      let (start, startOverflow) = end.addingReportingOverflow(try reader.varint())
      let length = try reader.count()
      let (next, endOverflow) = start.addingReportingOverflow(UInt64(length))
      let (number, numberOverflow) = update.addingReportingOverflow(try reader.signed())
      guard let operation = Int(exactly: try reader.varint32()), !startOverflow, !endOverflow, !numberOverflow,
        number > 0, length > 0
      else { throw reader.refusal("an extent is empty, or leaves the address space") }
      if try reader.flag() { befores.append(index) }
      extents.append(
        FreshBlock.Extent(
          start: VirtualAddress(start), byteCount: length, offset: total, update: UpdateNumber(number),
          operation: operation))
      // Each length is at most the number of bytes, so that no sum of them overflows before it is refused.
      total += length
      guard total <= bytes.count else { throw reader.refusal("the bytes end too early") }
      (end, update) = (next, number)
    }
    let first = reader.position
    for index in extents.indices { extents[index].offset += first }
    var place = first + total
    for index in befores {
      extents[index].beforeOffset = place
      place += extents[index].byteCount
      guard place <= bytes.count else { throw reader.refusal("the bytes end too early") }
      if bytes[place - extents[index].byteCount..<place].allSatisfy({ $0 == 0 }) {
        throw reader.refusal("what was found is told, and is zeroes")
      }
    }
    guard place == bytes.count else { throw reader.refusal("\(bytes.count - place) bytes too many") }
    return FreshBlock(extents: extents, bytes: bytes)
  }

  /// The bytes that the block was decoded from.
  public static func encode(_ block: FreshBlock) -> [UInt8] {
    encode(
      block.extents.map { extent in
        FreshWrite(
          start: extent.start, before: block.before(extent), after: block.after(extent), update: extent.update,
          operation: extent.operation)
      })
  }

  static func encode(areas: [AddressRange]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(count: areas.count)
    for area in areas { writer.append(area) }
    return writer.bytes
  }

  static func decodeAreas(_ bytes: [UInt8]) throws(JournalError) -> [AddressRange] {
    var reader = ByteReader(bytes, refusingWith: .malformedStretch)
    var areas: [AddressRange] = []
    for _ in 0..<(try reader.count()) { areas.append(try reader.range()) }
    try reader.finish()
    return areas
  }
}

/// What one operation has written where nothing was in use, and nothing else has touched it.
struct FreshWrite: Hashable, Sendable {
  var start: VirtualAddress
  var before: [UInt8]
  /// As long as `before`.
  var after: [UInt8]
  var update: UpdateNumber
  var operation: Int

  var end: UInt64 { start.rawValue &+ UInt64(after.count) }
  var hasBefore: Bool { before.contains { $0 != 0 } }
}
