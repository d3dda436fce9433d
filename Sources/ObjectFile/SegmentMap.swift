import Addressing

/// What a segment of any format says of its place.
protocol FileSegment {
  var address: VirtualAddress { get }
  var memoryByteCount: UInt64 { get }
  var fileOffset: FileOffset { get }
  var fileByteCount: UInt64 { get }
}

/// Where bytes of a file stand and where they are mapped: what its segments say, whatever its format.
struct SegmentMap: Sendable {
  private struct Entry: Sendable {
    /// The addresses whose bytes stand in the file.
    var range: AddressRange
    /// Of the first of them.
    var fileOffset: FileOffset
  }

  /// In the file's order. Where two hold an address, or map a byte, the first one counts.
  private let entries: [Entry]

  /// - Parameter segments: those that are mapped. One that wraps around the address space maps nothing here.
  init(_ segments: some Sequence<some FileSegment>) {
    entries = segments.compactMap { segment in
      let byteCount = min(segment.fileByteCount, segment.memoryByteCount)
      return AddressRange(validating: segment.address, byteCount: byteCount).map {
        Entry(range: $0, fileOffset: segment.fileOffset)
      }
    }
  }

  /// Nil where no segment has the byte from the file, as of `.bss`.
  func fileOffset(of address: VirtualAddress) -> FileOffset? {
    entry(backing: address).flatMap { $0.fileOffset.advanced(by: address.rawValue - $0.range.start.rawValue) }
  }

  func virtualAddress(of offset: FileOffset) -> VirtualAddress? {
    let entry = entries.first {
      offset >= $0.fileOffset && offset.rawValue - $0.fileOffset.rawValue < $0.range.byteCount
    }
    return entry.flatMap { $0.range.start.advanced(by: offset.rawValue - $0.fileOffset.rawValue) }
  }

  /// The bytes from an address to the end of what its segment has in the file; nil where that has none of it.
  func bytes(from address: VirtualAddress, in view: ByteView) throws(ObjectFileError) -> ByteView? {
    guard let entry = entry(backing: address), let offset = fileOffset(of: address) else { return nil }
    return try view.slice(offset.rawValue, entry.range.end.rawValue - address.rawValue)
  }

  /// The bytes at an address, all of them from one segment; nil where that has fewer.
  func bytes(at address: VirtualAddress, count: UInt64, in view: ByteView) throws(ObjectFileError) -> ByteView? {
    guard let rest = try bytes(from: address, in: view), count <= UInt64(rest.count) else { return nil }
    return try rest.slice(0, count)
  }

  private func entry(backing address: VirtualAddress) -> Entry? { entries.first { $0.range.contains(address) } }
}
