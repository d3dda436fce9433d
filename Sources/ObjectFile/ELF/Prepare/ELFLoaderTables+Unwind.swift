public import Addressing

/// A CIE or FDE with its fields that follow from addresses (LSB, Exception Frames).
public struct ELFUnwindRecord: Hashable, Sendable {
  /// A field relative to its own place, as DW_EH_PE_pcrel encodes pointers.
  public struct Field: Hashable, Sendable {
    /// In bytes from the record's start, its length word included.
    public var offset: Int
    /// 4 or 8.
    public var byteCount: Int
    public var target: VirtualAddress

    public init(offset: Int, byteCount: Int, target: VirtualAddress) {
      self.offset = offset
      self.byteCount = byteCount
      self.target = target
    }
  }

  /// The whole record, from its length word on.
  public var bytes: [UInt8]
  public var fields: [Field]

  public init(bytes: [UInt8], fields: [Field]) {
    self.bytes = bytes
    self.fields = fields
  }
}

extension ELFLoaderTables {
  /// Whether functions of the arena can be given unwind information.
  public var hasUnwindTable: Bool { layout.unwind != nil }

  /// Lets unwinders find their way out of a function of the arena.
  ///
  /// The table is mapped, so that the edits have addresses too (`ELFArenaLayout.tables`). They are in an order in which
  /// a running unwinder never meets half an entry, unless the function lies below one that was added earlier.
  public mutating func addUnwindEntry(
    for function: AddressRange, commonInformation: ELFUnwindRecord, description: ELFUnwindRecord
  ) throws(ObjectFileError) -> [FileEdit] {
    guard let room = layout.unwind else {
      throw failure(.noRoom, detail: "it has no .eh_frame_hdr to add the function at \(function.start) to")
    }
    return try change { (tables) throws(ObjectFileError) in
      let cie = try tables.commonInformationAddress(commonInformation, room)
      let fde = try tables.append(description, commonInformation: cie, room)
      try tables.insert(function.start, fde, room)
    }.edits
  }

  // MARK: Records

  /// A record without addresses that stands in the room already serves again.
  private mutating func commonInformationAddress(
    _ record: ELFUnwindRecord, _ room: ELFUnwindRoom
  ) throws(ObjectFileError) -> VirtualAddress {
    if record.fields.isEmpty {
      let end = try presentCount(of: room.records)
      var at: UInt32 = 0
      while end - at >= 4 {
        let length = try buffer.load(UInt32.self, at: room.records.offset(ofEntry: at))
        guard length != 0, length < end - at - 3 else { break }
        let bytes = try buffer.bytes(at: room.records.offset(ofEntry: at), count: Int(length) + 4)
        if bytes == record.bytes { return room.records.address(ofEntry: at) }
        at += length + 4
      }
    }
    return try append(record, commonInformation: nil, room)
  }

  private mutating func append(
    _ record: ELFUnwindRecord, commonInformation: VirtualAddress?, _ room: ELFUnwindRoom
  ) throws(ObjectFileError) -> VirtualAddress {
    let bytes = record.bytes
    guard bytes.count >= 8, bytes.count.isMultiple(of: 4),
      TableBytes(bytes).load(UInt32.self, at: 0) == UInt32(clamping: bytes.count - 4)
    else { throw failure(.malformedTable, detail: "an unwind record of \(bytes.count) bytes with another length word") }
    let size = UInt32(clamping: bytes.count)
    let used = max(counters.unwindBytes, try presentCount(of: room.records))
    let offset = try self.room(for: size, in: room.records, used: used, called: "the room for unwind records")
    let address = room.records.address(ofEntry: offset)
    try buffer.write(
      try placed(record, at: address, commonInformation: commonInformation), at: room.records.offset(ofEntry: offset))
    try setCount(of: room.records, atLeast: offset + size)
    counters.unwindBytes = offset + size
    return address
  }

  /// A CIE has 0 in its second word, an FDE the distance back to its CIE.
  private func placed(
    _ record: ELFUnwindRecord, at address: VirtualAddress, commonInformation: VirtualAddress?
  ) throws(ObjectFileError) -> [UInt8] {
    var bytes = TableBytes(record.bytes)
    if let commonInformation {
      bytes.store(UInt32(truncatingIfNeeded: address.rawValue &+ 4 &- commonInformation.rawValue), at: 4)
    }
    for field in record.fields {
      guard field.offset >= 8, field.byteCount == 4 || field.byteCount == 8,
        field.offset <= bytes.count - field.byteCount
      else { throw failure(.malformedTable, detail: "a field of an unwind record at \(field.offset)") }
      let value = Int64(bitPattern: field.target.rawValue &- address.rawValue &- UInt64(field.offset))
      if field.byteCount == 8 {
        bytes.store(value, at: field.offset)
      } else {
        bytes.store(try displacement(value, to: field.target), at: field.offset)
      }
    }
    return bytes.bytes
  }

  private func displacement(_ value: Int64, to target: VirtualAddress) throws(ObjectFileError) -> Int32 {
    guard let exact = Int32(exactly: value) else {
      throw failure(.outOfReach, detail: "\(target) from the unwind records")
    }
    return exact
  }

  // MARK: The sorted table

  private mutating func insert(
    _ function: VirtualAddress, _ record: VirtualAddress, _ room: ELFUnwindRoom
  ) throws(ObjectFileError) {
    let table = room.table
    let count = try presentCount(of: table)
    _ = try self.room(for: 1, in: table, used: count, called: "the unwind table")
    let header = room.header.rawValue
    let start = try displacement(Int64(bitPattern: function.rawValue &- header), to: function)
    let position = try firstEntry(in: table, count: count, notBelow: start)
    var entries = TableBytes()
    entries.append(start)
    entries.append(try displacement(Int64(bitPattern: record.rawValue &- header), to: record))
    entries.append(
      try buffer.bytes(at: table.offset(ofEntry: position), count: Int(count - position) * 8))
    try buffer.write(entries.bytes, at: table.offset(ofEntry: position))
    // The count at the header first: whoever searches the table reads no other.
    try setCount(of: table, atLeast: count + 1)
    counters.unwindEntries = max(counters.unwindEntries, count + 1)
  }

  private mutating func firstEntry(
    in table: ELFTableRoom, count: UInt32, notBelow start: Int32
  ) throws(ObjectFileError) -> UInt32 {
    var range = 0..<count
    while !range.isEmpty {
      let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
      let value = try buffer.load(Int32.self, at: table.offset(ofEntry: middle))
      range = value < start ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }
}
