/// How far the tables of a prepared image are used: entries, or bytes where entries are bytes.
///
/// They never go down, on whatever branch of a history an entry was added: what one of them has used is not used again.
public struct ELFTableCounters: Hashable, Sendable {
  public var relocations: UInt32
  public var dynamicSymbols: UInt32
  public var dynamicStrings: UInt32
  public var versionNeeds: UInt32
  public var unwindEntries: UInt32
  public var unwindBytes: UInt32

  public init(
    relocations: UInt32, dynamicSymbols: UInt32, dynamicStrings: UInt32, versionNeeds: UInt32, unwindEntries: UInt32,
    unwindBytes: UInt32
  ) {
    self.relocations = relocations
    self.dynamicSymbols = dynamicSymbols
    self.dynamicStrings = dynamicStrings
    self.versionNeeds = versionNeeds
    self.unwindEntries = unwindEntries
    self.unwindBytes = unwindBytes
  }

  /// As the image was prepared.
  public init(of layout: ELFArenaLayout) {
    relocations = layout.relocations?.table.usedCount ?? 0
    dynamicSymbols = layout.symbols?.symbols.usedCount ?? 0
    dynamicStrings = layout.symbols?.strings.usedCount ?? 0
    versionNeeds = layout.symbols?.versions?.needs.usedCount ?? 0
    unwindEntries = layout.unwind?.table.usedCount ?? 0
    unwindBytes = layout.unwind?.records.usedCount ?? 0
  }
}
