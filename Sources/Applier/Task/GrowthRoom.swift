import Addressing
import Journal

/// A part that the arena grows by, as a task has it.
struct GrowthRoom {
  enum State: Equatable {
    /// Nothing is there.
    case free
    /// The loader keeps the addresses: nobody may read, write or execute there, so that nobody else uses them.
    case reserved
    /// By an update, or by the loader of a file that had grown.
    case mapped
    /// Something else is there: what needs the room is refused, everything else goes on.
    case taken(TaskMapping)
  }

  let range: AddressRange
  private let protection: PageProtection
  var state: State

  init(_ segment: Segment, slide: Slide, in mappings: [TaskMapping]) {
    self.init(range: segment.range, segment.protection, slide: slide, in: mappings)
  }

  /// As it is now.
  init(_ former: GrowthRoom, slide: Slide, in mappings: [TaskMapping]) {
    self.init(range: former.range, former.protection, slide: slide, in: mappings)
  }

  private init(range: AddressRange, _ protection: PageProtection, slide: Slide, in mappings: [TaskMapping]) {
    self.range = range
    self.protection = protection
    guard let wanted = RuntimeRange(range, slide: slide) else {
      state = .free
      return
    }
    let found = mappings.filter { $0.range.overlaps(wanted) }
    let byteCount = found.reduce(UInt64(0)) { sum, mapping in
      sum + (min(mapping.range.end, wanted.end).rawValue - max(mapping.range.start, wanted.start).rawValue)
    }
    guard let first = found.first else {
      state = .free
      return
    }
    if byteCount != wanted.byteCount {
      state = .taken(first)
    } else if found.allSatisfy({ $0.protection.isEmpty }) {
      state = .reserved
    } else if let other = found.first(where: { $0.protection != protection || $0.name.hasPrefix("[") }) {
      state = .taken(other)
    } else {
      state = .mapped
    }
  }

  /// - Throws: `.arenaOccupied` where something else stands there.
  func isThere() throws(ApplyError) -> Bool {
    switch state {
    case .free, .reserved: return false
    case .mapped: return true
    case .taken(let other):
      let name = other.name.isEmpty ? "an anonymous mapping" : other.name
      throw ApplyError(
        .arenaOccupied, address: range.start, runtimeAddress: other.range.start,
        detail: "\(name), \(other.protection), stands where the arena grows")
    }
  }
}
