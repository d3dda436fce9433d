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

/// What unwinders are to know of one function.
public struct ELFUnwindFunction: Hashable, Sendable {
  /// Its first byte.
  public var start: VirtualAddress
  public var commonInformation: ELFUnwindRecord
  public var description: ELFUnwindRecord

  public init(start: VirtualAddress, commonInformation: ELFUnwindRecord, description: ELFUnwindRecord) {
    self.start = start
    self.commonInformation = commonInformation
    self.description = description
  }
}

// The sorted table is as long from the start as it will ever be, its free entries above every address of the image. Room
// of the arena is handed out upwards, on all branches together, and entries are as well: one that is added takes the
// place of a free one, by one aligned store, and the table is sorted before and after. Nothing else changes, no count and
// no entry that was there: a thread that unwinds meanwhile finds what it looks for, and one that goes on in a body which
// was taken back keeps its entry.
//
// What one branch adds, another leaves free, and a free entry below a used one would break the order. So whoever adds on
// a branch adds what the others have there too (`adoptUnwind`): entries of bodies that are not there harm nobody.
extension ELFLoaderTables {
  /// Whether functions can be given unwind information.
  public var hasUnwindTable: Bool { layout.unwind?.hasRoom ?? false }

  /// Whether other branches have added what is not there on this one.
  public mutating func lacksUnwindOfOthers() throws(ObjectFileError) -> Bool {
    guard let room = layout.unwind, room.hasRoom, counters.unwindEntries > room.table.usedCount else { return false }
    return try isFree(counters.unwindEntries - 1, in: room.table)
  }

  /// Adds what another branch has written into the tables' free room.
  ///
  /// - Parameter writes: of updates elsewhere in the history; what lies elsewhere in the file is passed over.
  public mutating func adoptUnwind(
    _ writes: [(offset: FileOffset, bytes: [UInt8])]
  ) throws(ObjectFileError) -> [FileEdit] {
    guard let room = layout.unwind, room.hasRoom else { return [] }
    let parts = [
      room.table.offset(ofEntry: room.table.usedCount)..<room.table.offset(ofEntry: room.table.capacity),
      room.records.offset(ofEntry: room.records.usedCount)..<room.records.offset(ofEntry: room.records.capacity),
    ]
    return try change { (tables) throws(ObjectFileError) in
      for (offset, bytes) in writes where parts.contains(where: { $0.contains(offset) }) {
        // What is there was added on the way to this branch, and may lead to another record since.
        let entry = try tables.buffer.bytes(at: offset, count: min(bytes.count, 4))
        let isFree = offset < parts[0].upperBound ? entry == Self.freeStart : entry.allSatisfy { $0 == 0 }
        if isFree { try tables.buffer.write(bytes, at: offset) }
      }
    }.edits
  }

  /// Lets unwinders find their way out of functions of the arena.
  ///
  /// The tables are mapped, so that the edits have addresses too (`ELFArenaLayout.tables`): the records first.
  ///
  /// - Parameter functions: ascending, above all that were added before on any branch.
  public mutating func addUnwind(of functions: [ELFUnwindFunction]) throws(ObjectFileError) -> [FileEdit] {
    guard let first = functions.first else { return [] }
    guard let room = layout.unwind, room.hasRoom else {
      throw failure(.noRoom, detail: "it has no .eh_frame_hdr to add the function at \(first.start) to")
    }
    return try change { (tables) throws(ObjectFileError) in
      let records = try tables.append(functions, room)
      try tables.append(zip(functions.map(\.start), records).map { ($0, $1) }, to: room)
    }.edits
  }

  /// Gives a function that was rewritten where it stands other unwind information. Nothing where it had none.
  public mutating func replaceUnwind(of function: ELFUnwindFunction) throws(ObjectFileError) -> [FileEdit] {
    guard let room = layout.unwind, room.hasRoom else { return [] }
    return try change { (tables) throws(ObjectFileError) in
      guard let index = try tables.entry(of: function.start, in: room) else { return }
      let record = try tables.append([function], room)[0]
      var bytes = TableBytes()
      bytes.append(try tables.displacement(from: room.header.rawValue, to: record))
      try tables.buffer.write(bytes.bytes, at: FileOffset(room.table.offset(ofEntry: index).rawValue + 4))
    }.edits
  }

  /// Whether a function that begins there has an entry.
  public mutating func hasUnwind(at start: VirtualAddress) throws(ObjectFileError) -> Bool {
    guard let room = layout.unwind, room.hasRoom else { return false }
    return try entry(of: start, in: room) != nil
  }

  private mutating func entry(of function: VirtualAddress, in room: ELFUnwindRoom) throws(ObjectFileError) -> UInt32? {
    let start = try displacement(from: room.header.rawValue, to: function)
    let index = try firstEntry(in: room.table, notBelow: start)
    guard index < room.table.capacity, try self.start(ofEntry: index, in: room.table) == start else { return nil }
    return index
  }

  /// How a free entry begins.
  private static let freeStart = withUnsafeBytes(of: ELFUnwindRoom.free.littleEndian) { Array($0) }

  // MARK: Records

  /// Writes the functions' FDEs, each CIE once and before them.
  ///
  /// - Returns: the addresses of the FDEs.
  private mutating func append(
    _ functions: [ELFUnwindFunction], _ room: ELFUnwindRoom
  ) throws(ObjectFileError) -> [VirtualAddress] {
    let start = counters.unwindBytes
    var content = TableBytes()
    var commons: [ELFUnwindRecord: VirtualAddress] = [:]
    var addresses: [VirtualAddress] = []
    for function in functions {
      let common: VirtualAddress
      if let known = commons[function.commonInformation] {
        common = known
      } else {
        common = try append(function.commonInformation, commonInformation: nil, to: &content, from: start, room)
        commons[function.commonInformation] = common
      }
      addresses.append(try append(function.description, commonInformation: common, to: &content, from: start, room))
    }
    let size = UInt32(clamping: content.count)
    _ = try self.room(for: size, in: room.records, used: start, called: "the room for unwind records")
    try buffer.write(content.bytes, at: room.records.offset(ofEntry: start))
    counters.unwindBytes = start + size
    return addresses
  }

  private func append(
    _ record: ELFUnwindRecord, commonInformation: VirtualAddress?, to content: inout TableBytes, from start: UInt32,
    _ room: ELFUnwindRoom
  ) throws(ObjectFileError) -> VirtualAddress {
    let bytes = record.bytes
    guard bytes.count >= 8, bytes.count.isMultiple(of: 4),
      TableBytes(bytes).load(UInt32.self, at: 0) == UInt32(clamping: bytes.count - 4)
    else { throw failure(.malformedTable, detail: "an unwind record of \(bytes.count) bytes with another length word") }
    let address = VirtualAddress(room.records.address(ofEntry: start).rawValue &+ UInt64(content.count))
    content.append(try placed(record, at: address, commonInformation: commonInformation))
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
      let place = address.rawValue &+ UInt64(field.offset)
      if field.byteCount == 8 {
        bytes.store(field.target.rawValue &- place, at: field.offset)
      } else {
        bytes.store(try displacement(from: place, to: field.target), at: field.offset)
      }
    }
    return bytes.bytes
  }

  private func displacement(from place: UInt64, to target: VirtualAddress) throws(ObjectFileError) -> Int32 {
    guard let exact = Int32(exactly: Int64(bitPattern: target.rawValue &- place)) else {
      throw failure(.outOfReach, detail: "\(target) from the unwind records")
    }
    return exact
  }

  // MARK: The sorted table

  private mutating func append(
    _ entries: [(function: VirtualAddress, record: VirtualAddress)], to room: ELFUnwindRoom
  ) throws(ObjectFileError) {
    let used = counters.unwindEntries
    let count = UInt32(clamping: entries.count)
    _ = try self.room(for: count, in: room.table, used: used, called: "the unwind table")
    var last = used == 0 ? Int32.min : try start(ofEntry: used - 1, in: room.table)
    guard try isFree(used, in: room.table) else {
      throw failure(.malformedTable, at: room.table.offset(ofEntry: used), detail: "entry \(used) is in use")
    }
    var content = TableBytes()
    for (function, record) in entries {
      let start = try displacement(from: room.header.rawValue, to: function)
      guard start > last, start < ELFUnwindRoom.free else {
        throw failure(.malformedTable, detail: "the function at \(function) is not above those that were added before")
      }
      last = start
      content.append(start)
      content.append(try displacement(from: room.header.rawValue, to: record))
    }
    try buffer.write(content.bytes, at: room.table.offset(ofEntry: used))
    counters.unwindEntries = used + count
  }

  private mutating func start(ofEntry index: UInt32, in table: ELFTableRoom) throws(ObjectFileError) -> Int32 {
    try buffer.load(Int32.self, at: table.offset(ofEntry: index))
  }

  private mutating func isFree(_ index: UInt32, in table: ELFTableRoom) throws(ObjectFileError) -> Bool {
    try start(ofEntry: index, in: table) == ELFUnwindRoom.free
  }

  private mutating func firstEntry(
    in table: ELFTableRoom, notBelow start: Int32
  ) throws(ObjectFileError) -> UInt32 {
    try (0..<table.capacity).partitioningIndex { (index) throws(ObjectFileError) in
      try self.start(ofEntry: index, in: table) >= start
    }
  }
}

extension ELFUnwindRoom {
  /// What a free entry has for a function's address: more than any that is in reach.
  static let free = Int32.max

  /// Whether entries can be added: the room is filled with free ones. In images that earlier versions prepared it is
  /// not: their tables have a count that would have to change, and stay as they are.
  public var hasRoom: Bool { table.sizeWords.isEmpty && records.sizeWords.isEmpty }
}
