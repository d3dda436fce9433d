public import Addressing

/// How far the arena and the loader's tables are used. They only grow, over all branches of a journal: a range used on
/// any retained branch is not used again.
public struct ArenaCursors: Hashable, Sendable {
  /// Next free virtual addresses.
  public var code: VirtualAddress
  public var constants: VirtualAddress
  public var cells: VirtualAddress
  public var data: VirtualAddress
  public var flags: VirtualAddress
  /// Entries in use.
  public var relocations: UInt32
  public var dynamicSymbols: UInt32
  public var unwindEntries: UInt32
  /// Bytes in use.
  public var dynamicStrings: UInt32
  public var versionNeeds: UInt32
  public var unwindBytes: UInt32

  public init(
    code: VirtualAddress, constants: VirtualAddress, cells: VirtualAddress, data: VirtualAddress,
    flags: VirtualAddress, relocations: UInt32, dynamicSymbols: UInt32, unwindEntries: UInt32,
    dynamicStrings: UInt32, versionNeeds: UInt32, unwindBytes: UInt32
  ) {
    self.code = code
    self.constants = constants
    self.cells = cells
    self.data = data
    self.flags = flags
    self.relocations = relocations
    self.dynamicSymbols = dynamicSymbols
    self.unwindEntries = unwindEntries
    self.dynamicStrings = dynamicStrings
    self.versionNeeds = versionNeeds
    self.unwindBytes = unwindBytes
  }
}
