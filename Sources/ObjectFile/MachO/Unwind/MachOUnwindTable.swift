public import Addressing

/// What unwinders are to know of one function of a Mach-O image.
public struct MachOUnwindFunction: Hashable, Sendable {
  /// Its first byte.
  public var start: VirtualAddress
  /// Without the number of the personality routine.
  public var encoding: UInt32
  /// A cell with the routine's address.
  public var personality: VirtualAddress?
  public var exceptionTable: VirtualAddress?

  public init(
    start: VirtualAddress, encoding: UInt32, personality: VirtualAddress?, exceptionTable: VirtualAddress?
  ) {
    self.start = start
    self.encoding = encoding
    self.personality = personality
    self.exceptionTable = exceptionTable
  }
}

/// The unwind table of a prepared image at some update, and what must be edited to add to it (`MachOUnwindRoom`).
///
/// What one branch adds, another leaves free, and a free entry below a used one would break the order. So whoever adds on
/// a branch adds what the others have there too: entries of bodies that are not there harm nobody.
public struct MachOUnwindTable {
  public let room: MachOUnwindRoom
  /// How many of the arena's entries are used, on any branch.
  public private(set) var functionCount: UInt32
  public private(set) var exceptionTableCount: UInt32
  private var buffer: PatchBuffer

  public static let entryByteCount = UInt32(MachOUnwindRoom.entryByteCount)

  /// - Parameter read: bytes of the file at the update that is added to.
  public init(
    _ room: MachOUnwindRoom, functionCount: UInt32, exceptionTableCount: UInt32, fileName: String,
    read: @escaping (_ offset: FileOffset, _ count: Int) throws -> [UInt8]
  ) {
    self.room = room
    self.functionCount = min(functionCount, room.functionRoom)
    self.exceptionTableCount = min(exceptionTableCount, room.exceptionTableRoom)
    let end = room.part.fileOffset.rawValue &+ room.part.range.byteCount
    buffer = PatchBuffer(byteCount: end, fileName: fileName, read: read)
  }

  // MARK: Looking up

  /// What is said of the function that begins at an address; nil where nothing is.
  public mutating func function(at start: VirtualAddress) throws(ObjectFileError) -> MachOUnwindInfo.Function? {
    guard let distance = room.distance(to: start), let place = try entry(of: distance) else { return nil }
    let encoding = try buffer.load(UInt32.self, at: room.fileOffset(place + 4))
    let table = try exceptionTable(of: distance).map { (place) throws(ObjectFileError) in
      try buffer.load(UInt32.self, at: room.fileOffset(place + 4))
    }
    return MachOUnwindInfo.Function(start: distance, encoding: encoding, exceptionTable: table)
  }

  /// The cells of the personality routines that are named.
  public mutating func personalities() throws(ObjectFileError) -> [VirtualAddress] {
    var cells: [VirtualAddress] = []
    for index in 0..<MachOUnwindRoom.personalityCount {
      let distance = try buffer.load(UInt32.self, at: room.fileOffset(UInt64(index) * 4))
      if distance != 0, let cell = room.header.advanced(by: UInt64(distance)) { cells.append(cell) }
    }
    return cells
  }

  /// - Returns: where the entry is in the part.
  private mutating func entry(of function: UInt32) throws(ObjectFileError) -> UInt64? {
    let room = room
    if room.code.start.rawValue &- room.header.rawValue <= UInt64(function) {
      return try find(function, below: room.functionRoom) { room.offset(ofAddedFunction: $0) }
    }
    return try find(function, below: room.functionCount) { room.offset(ofFunction: $0) }
  }

  private mutating func exceptionTable(of function: UInt32) throws(ObjectFileError) -> UInt64? {
    let room = room
    return try find(function, below: room.exceptionTableCount + room.exceptionTableRoom) {
      room.offset(ofExceptionTable: $0)
    }
  }

  private mutating func find(
    _ function: UInt32, below count: UInt32, _ place: (UInt32) -> UInt64
  ) throws(ObjectFileError) -> UInt64? {
    let room = room
    let found = try (0..<count).partitioningIndex { (index) throws(ObjectFileError) in
      try buffer.load(UInt32.self, at: room.fileOffset(place(index))) >= function
    }
    guard found < count else { return nil }
    return try buffer.load(UInt32.self, at: room.fileOffset(place(found))) == function ? place(found) : nil
  }

  // MARK: Adding

  /// - Parameter functions: ascending, above all that were added before on any branch.
  public mutating func add(_ functions: [MachOUnwindFunction]) throws(ObjectFileError) -> [FileEdit] {
    guard !functions.isEmpty else { return [] }
    return try change { (table) throws(ObjectFileError) in
      var entries: [(UInt32, UInt32)] = []
      var tables: [(UInt32, UInt32)] = []
      for function in functions {
        let start = try table.distance(to: function.start)
        entries.append((start, try table.encoding(of: function)))
        if let place = function.exceptionTable { tables.append((start, try table.distance(to: place))) }
      }
      let room = table.room
      try table.append(
        tables, after: table.exceptionTableCount, of: room.exceptionTableRoom, called: "exception tables",
        first: room.exceptionTableCount, place: { room.offset(ofExceptionTable: $0) })
      try table.append(
        entries, after: table.functionCount, of: room.functionRoom, called: "functions", first: 0,
        place: { room.offset(ofAddedFunction: $0) })
      table.exceptionTableCount += UInt32(clamping: tables.count)
      table.functionCount += UInt32(clamping: entries.count)
    }
  }

  /// Says something else of a function that was rewritten where it stands. Nothing where nothing was said.
  public mutating func replace(_ function: MachOUnwindFunction) throws(ObjectFileError) -> [FileEdit] {
    try change { (table) throws(ObjectFileError) in
      let start = try table.distance(to: function.start)
      guard let entry = try table.entry(of: start) else { return }
      if let place = function.exceptionTable {
        guard let known = try table.exceptionTable(of: start) else {
          throw table.failure(.noRoom, "for the exception table of the function at \(function.start), between others")
        }
        try table.write([try table.distance(to: place)], at: known + 4)
      }
      try table.write([try table.encoding(of: function)], at: entry + 4)
    }
  }

  private mutating func append(
    _ entries: [(UInt32, UInt32)], after used: UInt32, of capacity: UInt32, called what: String, first: UInt32,
    place: (UInt32) -> UInt64
  ) throws(ObjectFileError) {
    guard UInt64(used) + UInt64(entries.count) <= UInt64(capacity) else {
      throw failure(.noRoom, "for \(entries.count) more \(what): \(used) of \(capacity) entries are used")
    }
    guard !entries.isEmpty else { return }
    var last: UInt32?
    if first + used > 0 { last = try buffer.load(UInt32.self, at: room.fileOffset(place(first + used - 1))) }
    guard try buffer.load(UInt32.self, at: room.fileOffset(place(first + used))) == MachOUnwindInfo.free else {
      throw failure(.malformedTable, "entry \(used) of the \(what) is in use")
    }
    for (start, _) in entries {
      guard last.map({ $0 < start }) ?? true else {
        throw failure(
          .malformedTable, "the function 0x\(String(start, radix: 16)) behind the header is not above the last")
      }
      last = start
    }
    try write(entries.flatMap { [$0.0, $0.1] }, at: place(first + used))
  }

  /// With the number of its personality routine, which gets one where it has none.
  private mutating func encoding(of function: MachOUnwindFunction) throws(ObjectFileError) -> UInt32 {
    guard let personality = function.personality else { return function.encoding }
    let cell = try distance(to: personality)
    for index in 0..<MachOUnwindRoom.personalityCount {
      let place = UInt64(index) * 4
      let known = try buffer.load(UInt32.self, at: room.fileOffset(place))
      guard known == 0 || known == cell else { continue }
      try write([cell], at: place)
      return function.encoding | UInt32(index + 1) << MachOUnwindInfo.personalityShift
    }
    throw failure(.noRoom, "for a fourth personality routine, whose cell is at \(personality)")
  }

  private mutating func write(_ words: [UInt32], at place: UInt64) throws(ObjectFileError) {
    var bytes = TableBytes()
    for word in words { bytes.append(word) }
    try buffer.write(bytes.bytes, at: room.fileOffset(place))
  }

  /// All of it or nothing.
  private mutating func change(
    _ body: (inout MachOUnwindTable) throws(ObjectFileError) -> Void
  ) throws(ObjectFileError) -> [FileEdit] {
    var changed = self
    try body(&changed)
    let edits = changed.buffer.takeEdits()
    self = changed
    return edits
  }

  // MARK: Other branches

  /// Whether other branches have added what is not there on this one.
  public mutating func lacksOthers() throws(ObjectFileError) -> Bool {
    guard functionCount > 0 else { return false }
    let last = room.offset(ofAddedFunction: functionCount - 1)
    return try buffer.load(UInt32.self, at: room.fileOffset(last)) == MachOUnwindInfo.free
  }

  /// Adds what another branch has written into the table's free room.
  ///
  /// - Parameter writes: of updates elsewhere in the history; what lies elsewhere in the file is passed over.
  public mutating func adopt(
    _ writes: [(offset: FileOffset, bytes: [UInt8])]
  ) throws(ObjectFileError) -> [FileEdit] {
    let free = room.fileOffset(room.addedExceptionTables)..<room.fileOffset(room.pages)
    let personalities = room.fileOffset(0)..<room.fileOffset(room.exceptionTables)
    return try change { (table) throws(ObjectFileError) in
      for (offset, bytes) in writes where bytes.count >= 4 {
        let word = try table.buffer.load(UInt32.self, at: offset)
        if personalities.contains(offset) && word == 0 || free.contains(offset) && word == MachOUnwindInfo.free {
          try table.buffer.write(bytes, at: offset)
        }
      }
    }
  }

  // MARK: -

  private func distance(to address: VirtualAddress) throws(ObjectFileError) -> UInt32 {
    guard let distance = room.distance(to: address) else {
      throw failure(.outOfReach, "\(address) from the image's header")
    }
    return distance
  }

  private func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
    ObjectFileError(
      code, file: buffer.fileName, section: "__TEXT,\(MachOUnwindInfo.sectionName)", detail: detail, format: .machO)
  }
}
