import Addressing

/// The pages that writes touch, as ranges that neither touch nor overlap.
struct PageSet {
  /// The smallest page of the supported systems: larger ones are told in parts.
  static let pageByteCount: UInt64 = 0x1000

  private(set) var ranges: [AddressRange] = []

  init(of writes: [PendingWrite]) {
    var pages: Set<UInt64> = []
    for write in writes {
      guard case .virtual(let address) = write.place, let end = address.advanced(by: UInt64(write.bytes.count)) else {
        continue
      }
      let first = address.rawValue / Self.pageByteCount
      let last = (end.rawValue - 1) / Self.pageByteCount
      pages.formUnion(first...max(first, last))
    }
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
}
