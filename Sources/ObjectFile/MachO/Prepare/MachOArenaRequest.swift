/// How much room `MachOPreparedImage` makes beside an image, and where. Policy is the caller's: nothing has a default but
/// the gap.
public struct MachOArenaRequest: Hashable, Sendable {
  /// Bytes of the arena's parts; each is rounded up to whole pages of 16 KiB.
  public var codeByteCount: UInt64
  public var constantByteCount: UInt64
  public var cellByteCount: UInt64
  public var flagByteCount: UInt64
  public var dataByteCount: UInt64
  /// Bytes that can be added to the opcodes that tell the loader what to rebase; unused where fixups are chained.
  public var rebaseRoom: Int
  /// Symbols that can be imported: entries in the table of chained imports, or opcodes that bind them.
  public var importRoom: Int
  /// Bytes for their names, in each of the places that keep names.
  public var nameRoom: Int
  /// Functions that can be added to the unwind table, of an image that has one; and exception tables of theirs.
  public var unwindRoom: UInt32
  public var exceptionTableRoom: UInt32
  /// Bytes between the image's end and the arena.
  public var gap: UInt64

  public init(
    codeByteCount: UInt64, constantByteCount: UInt64, cellByteCount: UInt64, flagByteCount: UInt64,
    dataByteCount: UInt64, rebaseRoom: Int, importRoom: Int, nameRoom: Int, unwindRoom: UInt32,
    exceptionTableRoom: UInt32,
    gap: UInt64 = ELFArenaRequest.defaultGap
  ) {
    self.codeByteCount = codeByteCount
    self.constantByteCount = constantByteCount
    self.cellByteCount = cellByteCount
    self.flagByteCount = flagByteCount
    self.dataByteCount = dataByteCount
    self.rebaseRoom = rebaseRoom
    self.importRoom = importRoom
    self.nameRoom = nameRoom
    self.unwindRoom = unwindRoom
    self.exceptionTableRoom = exceptionTableRoom
    self.gap = gap
  }
}
