import Addressing
import Journal

/// An arena of a few pages, half of which it grows by.
enum SmallArena {
  static func range(_ start: UInt64, _ byteCount: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(start), byteCount: byteCount)
  }

  static let arena = Arena(
    code: range(0x1_0000, 0x3000), constants: range(0x2_0000, 0x2000), writable: range(0x3_0000, 0x5000),
    header: range(0x3_0000, 0x1000), cells: range(0x3_1000, 0x1000), flags: range(0x3_2000, 0x1000),
    data: range(0x3_3000, 0x2000), loaderTables: [],
    cursors: ArenaCursors(
      code: VirtualAddress(0x1_0000), constants: VirtualAddress(0x2_0000), cells: VirtualAddress(0x3_1000),
      data: VirtualAddress(0x3_3000), flags: VirtualAddress(0x3_2000), relocations: 0, dynamicSymbols: 0,
      unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0))
  static let growth = [range(0x1_1000, 0x2000), range(0x2_1000, 0x1000), range(0x3_4000, 0x1000)]
}
