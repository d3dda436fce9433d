public import Addressing

/// A piece of the arena in memory and in the file; as long in the one as in the other.
public struct ArenaPart: Hashable, Sendable {
  public var range: AddressRange
  public var fileOffset: FileOffset

  public init(range: AddressRange, fileOffset: FileOffset) {
    self.range = range
    self.fileOffset = fileOffset
  }
}
