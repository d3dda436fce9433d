import Addressing

/// A range of code that debug information speaks of.
struct DWARFRange {
  var start: DWARFLocation
  var byteCount: UInt64
}

extension DWARFReader {
  /// The ranges of an entry with these attributes, in the order in which they are written; the first is where a function
  /// is entered, for a compiler writes the hot part first. What the linker has dropped is left out.
  func codeRanges(
    lowPC: DWARFValue?, highPC: DWARFValue?, ranges: DWARFValue?, in unit: Int
  ) throws(ObjectFileError) -> [DWARFRange] {
    if let ranges {
      let isList = units[unit].version >= 5
      return isList ? try rangeList(ranges, in: unit) : try oldRanges(ranges, in: unit)
    }
    guard let start = try location(lowPC, in: unit) else { return [] }
    // From version 4 on a constant is the distance from the low one (DWARF 5, 2.17.2).
    if let byteCount = highPC?.bits { return [DWARFRange(start: start, byteCount: byteCount)] }
    guard let end = try location(highPC, in: unit), let byteCount = end.distance(from: start) else {
      return [DWARFRange(start: start, byteCount: 0)]
    }
    return [DWARFRange(start: start, byteCount: byteCount)]
  }

  /// `.debug_ranges` (DWARF 4, 2.17.3): pairs of addresses, or of distances from the unit's low address.
  private func oldRanges(_ value: DWARFValue, in unit: Int) throws(ObjectFileError) -> [DWARFRange] {
    guard let offset = value.unsigned.flatMap({ Int(exactly: $0) }) else { return [] }
    var base = try location(units[unit].attributes.lowPC, in: unit)
    var cursor = DWARFCursor(section(.ranges), at: offset)
    var result: [DWARFRange] = []
    while true {
      try charge(16)
      let position = cursor.offset
      let (first, second) = (cursor.u64(), cursor.u64())
      if cursor.failed { throw malformed("a list of ranges does not end", at: offset, in: .ranges) }
      if first == .max {
        base = location(of: second, in: .ranges, at: position + 8)
        continue
      }
      let isRelocated = sections.relocated[DWARFSections.Kind.ranges.rawValue][position] != nil
      if first == 0 && second == 0 && !isRelocated { return result }
      // 1, 1 is what lld leaves of a range that it has dropped.
      guard second > first else { continue }
      if isRelocated || base == nil {
        guard let start = location(of: first, in: .ranges, at: position) else { continue }
        result.append(DWARFRange(start: start, byteCount: second - first))
      } else if let base {
        result.append(DWARFRange(start: base.advanced(by: first), byteCount: second - first))
      }
    }
  }

  /// `.debug_rnglists` (DWARF 5, 2.17.3 and 7.25).
  private func rangeList(_ value: DWARFValue, in unit: Int) throws(ObjectFileError) -> [DWARFRange] {
    guard let offset = try rangeListOffset(value, in: unit) else { return [] }
    var base = try location(units[unit].attributes.lowPC, in: unit)
    var cursor = DWARFCursor(section(.rangeLists), at: offset)
    var result: [DWARFRange] = []
    while true {
      try charge(8)
      let kind = cursor.u8()
      if cursor.failed { throw malformed("a list of ranges does not end", at: offset, in: .rangeLists) }
      switch kind {
      case 0: return result
      case 1: base = try location(.addressIndex(cursor.uleb()), in: unit)
      case 5: base = listedAddress(&cursor)
      default:
        guard let range = try range(kind, &cursor, base: base, in: unit) else {
          throw malformed("a list of ranges has an entry of kind \(kind)", at: offset, in: .rangeLists)
        }
        if let start = range.start { result.append(DWARFRange(start: start, byteCount: range.byteCount)) }
      }
    }
  }

  /// One range; its start is nil where the linker has dropped it. Nil for an entry of an unknown kind.
  private func range(
    _ kind: UInt8, _ cursor: inout DWARFCursor, base: DWARFLocation?, in unit: Int
  ) throws(ObjectFileError) -> (start: DWARFLocation?, byteCount: UInt64)? {
    switch kind {
    case 2:
      let start = try location(.addressIndex(cursor.uleb()), in: unit)
      let end = try location(.addressIndex(cursor.uleb()), in: unit)
      return (start, start.flatMap { end?.distance(from: $0) } ?? 0)
    case 3: return (try location(.addressIndex(cursor.uleb()), in: unit), cursor.uleb())
    case 4:
      let (first, second) = (cursor.uleb(), cursor.uleb())
      return (base?.advanced(by: first), second &- first)
    case 6:
      let start = listedAddress(&cursor)
      let end = listedAddress(&cursor)
      return (start, start.flatMap { end?.distance(from: $0) } ?? 0)
    case 7: return (listedAddress(&cursor), cursor.uleb())
    default: return nil
    }
  }

  private func listedAddress(_ cursor: inout DWARFCursor) -> DWARFLocation? {
    let position = cursor.offset
    return location(of: cursor.u64(), in: .rangeLists, at: position)
  }

  private func rangeListOffset(_ value: DWARFValue, in unit: Int) throws(ObjectFileError) -> Int? {
    guard case .rangeListIndex(let index) = value else { return value.unsigned.flatMap { Int(exactly: $0) } }
    // Without a base the table follows the section's first header (DWARF 5, 7.28: 12 bytes).
    let base = units[unit].attributes.rangeListsBase ?? 12
    let (distance, overflow) = Int(clamping: index).multipliedReportingOverflow(by: 4)
    let (position, tooFar) = base.addingReportingOverflow(distance)
    guard !overflow, !tooFar else { throw malformed("range list \(index) is out of range", at: base, in: .rangeLists) }
    var cursor = DWARFCursor(section(.rangeLists), at: position)
    let offset = base.addingReportingOverflow(Int(cursor.u32()))
    if cursor.failed || offset.overflow {
      throw malformed("range list \(index) is out of range", at: base, in: .rangeLists)
    }
    return offset.partialValue
  }
}

extension DWARFLocation {
  /// How far this is behind `start`; nil where the two are not in one section, or the other way around.
  fileprivate func distance(from start: DWARFLocation) -> UInt64? {
    switch (self, start) {
    case (.address(let end), .address(let start)):
      end >= start ? end.rawValue - start.rawValue : nil
    case (.section(let index, let end), .section(let same, let start)):
      index == same && end >= start ? end - start : nil
    default: nil
    }
  }
}
