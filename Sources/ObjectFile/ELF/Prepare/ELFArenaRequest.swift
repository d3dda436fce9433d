/// How much room `ELFPreparedImage` makes beside an image, and where. Policy is the caller's: nothing has a default
/// but the gap.
public struct ELFArenaRequest: Hashable, Sendable {
  /// Bytes of the arena's parts; each is rounded up to whole pages.
  public var codeByteCount: UInt64
  public var constantByteCount: UInt64
  public var cellByteCount: UInt64
  public var flagByteCount: UInt64
  public var dataByteCount: UInt64
  /// Entries that can be added to the dynamic relocations, the dynamic symbols and the unwind table.
  public var relocationRoom: UInt32
  public var symbolRoom: UInt32
  public var unwindEntryRoom: UInt32
  /// Bytes that can be added to the dynamic strings, the needed versions and the unwind records.
  public var stringRoom: UInt32
  public var versionNeedRoom: UInt32
  public var unwindByteRoom: UInt32
  /// Bytes between the image's end and the arena.
  public var gap: UInt64
  /// By what the parts grow when they are full; nil where they do not. Cells, flags and tables do not grow: their room is for all of it.
  public var growth: Growth?

  /// Bytes, each rounded up to whole pages.
  public struct Growth: Hashable, Sendable {
    public var codeByteCount: UInt64
    public var constantByteCount: UInt64
    public var dataByteCount: UInt64

    public init(codeByteCount: UInt64, constantByteCount: UInt64, dataByteCount: UInt64) {
      self.codeByteCount = codeByteCount
      self.constantByteCount = constantByteCount
      self.dataByteCount = dataByteCount
    }
  }

  /// A process that was started from the image as it was has its heap up to 1 GiB beyond the image's end
  /// (arch_randomize_brk on x86-64); at 1.5 GiB the same addresses are free in it.
  public static let defaultGap: UInt64 = 0x6000_0000

  public init(
    codeByteCount: UInt64, constantByteCount: UInt64, cellByteCount: UInt64, flagByteCount: UInt64,
    dataByteCount: UInt64, relocationRoom: UInt32, symbolRoom: UInt32, stringRoom: UInt32, versionNeedRoom: UInt32,
    unwindEntryRoom: UInt32, unwindByteRoom: UInt32, gap: UInt64 = ELFArenaRequest.defaultGap,
    growth: Growth? = nil
  ) {
    self.codeByteCount = codeByteCount
    self.constantByteCount = constantByteCount
    self.cellByteCount = cellByteCount
    self.flagByteCount = flagByteCount
    self.dataByteCount = dataByteCount
    self.relocationRoom = relocationRoom
    self.symbolRoom = symbolRoom
    self.stringRoom = stringRoom
    self.versionNeedRoom = versionNeedRoom
    self.unwindEntryRoom = unwindEntryRoom
    self.unwindByteRoom = unwindByteRoom
    self.gap = gap
    self.growth = growth
  }
}
