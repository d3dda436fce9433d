import Addressing

/// The pages that writes touch, as ranges that neither touch nor overlap.
struct PageSet {
  /// The smallest page of the supported systems: larger ones are told in parts.
  static let pageByteCount: UInt64 = 0x1000

  private(set) var ranges: [AddressRange] = []

  init(of writes: [PendingWrite], and areas: [AddressRange] = []) {
    var pages: Set<UInt64> = []
    for write in writes {
      guard case .virtual(let address) = write.place, let end = address.advanced(by: UInt64(write.bytes.count)) else {
        continue
      }
      pages.formUnion(Self.pages(from: address, to: end))
    }
    for area in areas { pages.formUnion(Self.pages(from: area.start, to: area.end)) }
    for page in pages.sorted() {
      let start = VirtualAddress(page * Self.pageByteCount)
      if let last = ranges.last, last.end == start,
        let longer = AddressRange(validating: last.start, byteCount: last.byteCount + Self.pageByteCount)
      {
        ranges[ranges.count - 1] = longer
      } else if let range = AddressRange(validating: start, byteCount: Self.pageByteCount) {
        ranges.append(range)
      }
    }
  }

  private static func pages(from start: VirtualAddress, to end: VirtualAddress) -> ClosedRange<UInt64> {
    let first = start.rawValue / pageByteCount
    return first...max(first, (end.rawValue - 1) / pageByteCount)
  }
}
