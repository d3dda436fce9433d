public import Addressing

/// What an update says of itself that was not linked but observed: another linker has rewritten the image.
///
/// The identity of such an image is a chain. Every rewriting may give it another build-id or UUID, so that each update
/// names the file that it begins with and the file that it ends with.
public struct Observation: Hashable, Sendable {
  /// The whole file, before or after.
  public struct File: Hashable, Sendable {
    /// SHA-256 of all its bytes.
    public var digest: Digest
    public var byteCount: UInt64
    /// The build-id or UUID; empty where the image has none.
    public var identity: [UInt8]

    public init(digest: Digest, byteCount: UInt64, identity: [UInt8]) {
      self.digest = digest
      self.byteCount = byteCount
      self.identity = identity
    }
  }

  /// Addresses, and where the file holds their bytes.
  public struct Place: Hashable, Sendable {
    public var range: AddressRange
    public var fileOffset: FileOffset

    public init(range: AddressRange, fileOffset: FileOffset) {
      self.range = range
      self.fileOffset = fileOffset
    }
  }

  public var before: File
  public var after: File
  /// Where the file holds the same addresses before and after, ascending and not overlapping. An operation at an address
  /// in one of them is written to a file as well. Any other is of tasks only: the linker has moved about in the file
  /// what stays where it is in memory, and operations at file offsets say so.
  public var places: [Place]

  public init(before: File, after: File, places: [Place]) {
    self.before = before
    self.after = after
    self.places = places
  }

  /// Where the file holds a range, before and after; nil where the range is of tasks only.
  public func fileOffset(of range: AddressRange) -> FileOffset? {
    let low = places.partitioningIndex { $0.range.end > range.start }
    guard low < places.count, places[low].range.contains(range) else { return nil }
    return places[low].fileOffset.advanced(by: range.start.rawValue - places[low].range.start.rawValue)
  }
}
