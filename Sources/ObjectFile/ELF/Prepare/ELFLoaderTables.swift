public import Addressing

/// The loader's tables of a prepared image at some update, and what must be edited to add to them.
///
/// Every change returns its edits, in the order in which they are safe to make one by one: entries before the words
/// that count them. Edits of later calls build on those of earlier ones (their `before` is an earlier `after`), so
/// they are applied in order, and taken back in reverse.
///
/// A new entry goes behind all that any branch of the history has used (`counters`); entries in between that are not
/// there on this branch are zero, which every table reads as an entry that does nothing. The unwind table alone must be
/// without gaps, for it is searched by bisection (`adoptUnwind`).
public struct ELFLoaderTables {
  public let layout: ELFArenaLayout
  public internal(set) var counters: ELFTableCounters
  let fileName: String
  let types: ELFLoaderRelocationTypes
  var buffer: PatchBuffer

  /// - Parameters:
  ///   - counters: as far as the tables are used on any branch.
  ///   - fileName: for messages.
  ///   - read: bytes of the prepared file as it is at the update that is added to.
  public init(
    layout: ELFArenaLayout, counters: ELFTableCounters, fileName: String,
    read: @escaping (_ offset: FileOffset, _ count: Int) throws -> [UInt8]
  ) throws(ObjectFileError) {
    guard let types = ELFLoaderRelocationTypes(layout.machine) else {
      throw ObjectFileError(.unsupportedMachine, file: fileName, detail: "\(layout.machine)")
    }
    self.layout = layout
    self.counters = counters
    self.fileName = fileName
    self.types = types
    buffer = PatchBuffer(byteCount: layout.fileByteCount, fileName: fileName, read: read)
  }

  /// Runs `body`, after which either all it has written is taken as edits or, where it throws, nothing has been.
  mutating func change<Result>(
    _ body: (inout ELFLoaderTables) throws(ObjectFileError) -> Result
  ) throws(ObjectFileError) -> (result: Result, edits: [FileEdit]) {
    let counters = self.counters
    do {
      let result = try body(&self)
      return (result, buffer.takeEdits())
    } catch {
      buffer.discardEdits()
      self.counters = counters
      throw error
    }
  }

  // MARK: What the tables have in common

  /// The index for `count` new entries of a table of which `used` are in use.
  func room(
    for count: UInt32, in table: ELFTableRoom, used: UInt32, called name: String, symbol: String? = nil
  ) throws(ObjectFileError) -> UInt32 {
    let (end, overflow) = used.addingReportingOverflow(count)
    guard !overflow, end <= table.capacity else {
      throw failure(
        .noRoom, symbol: symbol, detail: "\(name) holds \(table.capacity), \(used) are used, \(count) more are needed")
    }
    return used
  }

  /// How many entries of a table are in use in this file, as its first size word tells.
  mutating func presentCount(of table: ELFTableRoom) throws(ObjectFileError) -> UInt32 {
    guard let word = table.sizeWords.first else { return table.usedCount }
    let value =
      word.byteCount == 4
      ? UInt64(try buffer.load(UInt32.self, at: word.fileOffset)) : try buffer.load(UInt64.self, at: word.fileOffset)
    guard let count = word.count(of: value), count <= table.capacity else {
      throw failure(.malformedTable, at: word.fileOffset, detail: "size word 0x\(String(value, radix: 16))")
    }
    return count
  }

  /// Never makes a table shorter: what another call has added stays.
  mutating func setCount(of table: ELFTableRoom, atLeast count: UInt32) throws(ObjectFileError) {
    let count = max(count, try presentCount(of: table))
    for word in table.sizeWords { try buffer.write(word.bytes(count: count), at: word.fileOffset) }
  }

  func failure(
    _ code: ObjectFileError.Code, at offset: FileOffset? = nil, symbol: String? = nil, detail: String
  ) -> ObjectFileError {
    ObjectFileError(code, file: fileName, offset: offset, symbol: symbol, detail: detail)
  }
}
