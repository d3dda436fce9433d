public import Addressing

/// Updates of one branch that follow one another, as one step: what they come to is kept beside them.
///
/// Bytes that came into use, and that nothing else on the way touches, are read block by block (`forEachBlock`). All else is the
/// content of the step's update. A value refers to the journal that it was read from.
public struct Stretch: Sendable {
  /// From which update to which it leads, as recorded.
  public let range: ShortcutRange
  /// Its updates, ascending.
  public let runs: [UpdateRun]
  /// Where the blocks' bytes are, with short gaps between them, ascending: none goes beyond a segment of the base image.
  public internal(set) var areas: [AddressRange]
  let branch: Int64
  /// How many blocks there are: another process may prune between two passes over them.
  let blockCount: Int
  /// What of the blocks is among the step's operations instead.
  var withheld: [AddressRange] = []
  let store: JournalStore
}

extension Stretch: Hashable {
  public static func == (one: Stretch, other: Stretch) -> Bool {
    one.range == other.range && one.withheld == other.withheld && one.store === other.store
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(range) }
}

/// Bytes of the image's memory that came into use with the updates of a stretch, each once, ascending.
public struct FreshBlock: Hashable, Sendable {
  /// What one operation has written.
  public struct Extent: Hashable, Sendable {
    public var start: VirtualAddress
    public var byteCount: Int
    /// Where in `bytes` what the operation leaves begins.
    public var offset: Int
    /// Where in `bytes` what it finds begins; nil where that is zeroes.
    public var beforeOffset: Int?
    public var update: UpdateNumber
    /// Index into the update's operations.
    public var operation: Int

    public var end: UInt64 { start.rawValue + UInt64(byteCount) }
    public var range: AddressRange { AddressRange(start: start, byteCount: UInt64(byteCount)) }
  }

  public var extents: [Extent]
  public var bytes: [UInt8]

  public func after(_ extent: Extent) -> [UInt8] {
    Array(bytes[extent.offset..<extent.offset + extent.byteCount])
  }

  public func before(_ extent: Extent) -> [UInt8] {
    guard let start = extent.beforeOffset else { return [UInt8](repeating: 0, count: extent.byteCount) }
    return Array(bytes[start..<start + extent.byteCount])
  }

  /// The operation, as far as it is known here.
  func write(of extent: Extent) -> WriteOperation {
    WriteOperation(place: .virtual(extent.start), before: before(extent), after: after(extent), isFresh: true)
  }
}
