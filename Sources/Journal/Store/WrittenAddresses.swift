import Addressing

/// Which virtual addresses operations write, for questions about many ranges.
struct WrittenAddresses {
  /// Ascending by start; each with the largest end of those up to it.
  private let ranges: [(start: UInt64, reach: UInt64)]

  init(_ operations: [Operation]) {
    let written: [(start: UInt64, end: UInt64)] = operations.compactMap { operation in
      switch operation {
      case .write(let write):
        guard case .virtual(let start) = write.place else { return nil }
        return (start.rawValue, start.rawValue &+ UInt64(write.after.count))
      case .pointer(let pointer): return (pointer.cell.rawValue, pointer.cell.rawValue &+ 8)
      case .bind(let bind): return (bind.cell.rawValue, bind.cell.rawValue &+ 8)
      case .resize, .map, .protect: return nil
      }
    }
    var reach: UInt64 = 0
    ranges = written.sorted { $0.start < $1.start }.map { range in
      reach = max(reach, range.end)
      return (range.start, reach)
    }
  }

  /// Whether a byte of the range is written.
  func touch(_ range: AddressRange) -> Bool {
    let low = ranges.partitioningIndex { $0.start >= range.end.rawValue }
    return low > 0 && ranges[low - 1].reach > range.start.rawValue
  }
}
