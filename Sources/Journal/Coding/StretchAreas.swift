import Addressing

/// Where many fresh bytes are, with short gaps: what is read and written at once.
///
/// Most follow one another, so that few areas hold them, however many are added.
struct StretchAreas {
  private let segments: [AddressRange]
  private var areas: [AddressRange] = []
  /// More than that are worth being put together.
  private var limit = Self.leastLimit

  init(base: BaseImage) { segments = base.segments.map(\.range) }

  mutating func add(_ ranges: some Sequence<AddressRange>) {
    areas += ranges
    if areas.count <= limit { return }
    areas = ascending
    limit = max(Self.leastLimit, 2 * areas.count)
  }

  /// None beyond a segment, unless what was added was.
  var ascending: [AddressRange] {
    areas.sorted { ($0.start, $0.end) < ($1.start, $1.end) }.reduce(into: []) { joined, range in
      if let longer = joined.last.flatMap({ union($0, range) }) {
        joined[joined.count - 1] = longer
      } else {
        joined.append(range)
      }
    }
  }

  /// - Parameter other: not beginning before the first.
  private func union(_ range: AddressRange, _ other: AddressRange) -> AddressRange? {
    let end = max(range.end, other.end)
    guard other.start <= range.end || other.start.rawValue - range.end.rawValue <= Self.maximumGap,
      segments.contains(where: { $0.contains(range.start) && $0.contains(other) })
    else { return nil }
    return AddressRange(start: range.start, byteCount: end.rawValue - range.start.rawValue)
  }

  private static let maximumGap: UInt64 = 64
  private static let leastLimit = 4096
}
