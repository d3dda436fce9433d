public import Addressing

/// What fixups must know of a segment of a Mach-O image.
public struct MachOSegmentPlace: Hashable, Sendable {
  public let name: String
  public let range: AddressRange
  public let fileOffset: FileOffset
  /// How many bytes of it stand in the file; those beyond are zero and hold no fixups.
  public let fileByteCount: UInt64

  public init(name: String, range: AddressRange, fileOffset: FileOffset, fileByteCount: UInt64) {
    self.name = name
    self.range = range
    self.fileOffset = fileOffset
    self.fileByteCount = fileByteCount
  }

  /// The bytes of it that fixups may change.
  var fixableByteCount: UInt64 { Swift.min(fileByteCount, range.byteCount) }
}

/// A pointer that the dynamic loader fills: by segment and offset, as every kind of fixup names it.
public struct MachOFixupPlace: Hashable, Comparable, Sendable {
  /// The number of the segment among the load commands, from 0.
  public var segment: Int
  /// In bytes from the segment's first address.
  public var offset: UInt64

  public init(segment: Int, offset: UInt64) {
    self.segment = segment
    self.offset = offset
  }

  /// Fixups are of words of eight bytes: 32-bit images are not handled.
  static let wordByteCount: UInt64 = 8

  public static func < (lhs: Self, rhs: Self) -> Bool { (lhs.segment, lhs.offset) < (rhs.segment, rhs.offset) }
}

/// The segments of an image in the order of their load commands.
public struct MachOSegmentPlaces: RandomAccessCollection, Sendable {
  private let segments: [MachOSegmentPlace]

  public init(_ segments: [MachOSegmentPlace]) { self.segments = segments }

  public var startIndex: Int { 0 }
  public var endIndex: Int { segments.count }

  /// - Precondition: `index` is that of a segment.
  public subscript(index: Int) -> MachOSegmentPlace { segments[index] }

  /// Nil where no segment holds such a word in the file.
  public func address(of place: MachOFixupPlace) -> VirtualAddress? {
    guard holds(place) else { return nil }
    return segments[place.segment].range.start.advanced(by: place.offset)
  }

  /// Where the word stands in the file; nil where no segment holds it there.
  public func fileOffset(of place: MachOFixupPlace) -> FileOffset? {
    guard holds(place) else { return nil }
    return segments[place.segment].fileOffset.advanced(by: place.offset)
  }

  /// The word at an address; nil where no segment holds it in the file.
  public func place(of address: VirtualAddress) -> MachOFixupPlace? {
    guard let segment = segments.firstIndex(where: { $0.range.contains(address) }) else { return nil }
    let place = MachOFixupPlace(
      segment: segment, offset: address.rawValue - segments[segment].range.start.rawValue)
    return holds(place) ? place : nil
  }

  /// Whether the whole word stands in the file.
  func holds(_ place: MachOFixupPlace) -> Bool {
    guard segments.indices.contains(place.segment) else { return false }
    let size = segments[place.segment].fixableByteCount
    return size >= MachOFixupPlace.wordByteCount && place.offset <= size - MachOFixupPlace.wordByteCount
  }

  /// More fixups than this are no description of these segments: a stream of a few bytes can demand any number.
  var fixupLimit: UInt64 {
    segments.reduce(0) { sum, segment in
      let (total, overflow) = sum.addingReportingOverflow(segment.fixableByteCount / 4)
      return overflow ? .max : total
    }
  }
}
