import Addressing

extension MachOFile {
  func checkSegments() throws(ObjectFileError) {
    guard header.type != .object || segments.count <= 1 else {
      throw failure(.malformedTable, detail: "an object with \(segments.count) segments")
    }
    for segment in segments {
      let at = segment.commandOffset
      guard AddressRange(validating: segment.address, byteCount: segment.memoryByteCount) != nil else {
        throw failure(.addressWrapsAround, at: at, detail: "segment \(segment.name)")
      }
      guard segment.fileOffset.rawValue <= UInt64(view.count),
        segment.fileByteCount <= UInt64(view.count) - segment.fileOffset.rawValue
      else {
        throw failure(.truncated, at: at, detail: "segment \(segment.name) ends behind the file")
      }
      guard segment.fileByteCount <= segment.memoryByteCount else {
        throw failure(.malformedTable, at: at, detail: "segment \(segment.name) is longer in the file than in memory")
      }
      guard !segment.flags.contains(.protected) else {
        throw failure(.encrypted, at: at, detail: "segment \(segment.name)")
      }
    }
    try checkSegmentsDisjoint()
    guard !isImage || headerAddress != nil else {
      throw failure(.malformedTable, detail: "no segment maps the Mach header")
    }
  }

  /// Segments share no addresses and sections none either: what stands at an address is then one thing, and reading all
  /// sections costs no more than reading the file.
  private func checkSegmentsDisjoint() throws(ObjectFileError) {
    let mapped = segments.filter { $0.memoryByteCount > 0 }.sorted { $0.address < $1.address }
    for (left, right) in zip(mapped, mapped.dropFirst()) where left.range.overlaps(right.range) {
      throw failure(.overlappingSegments, at: right.commandOffset, detail: "\(left.name) and \(right.name)")
    }
  }

  func checkSections() throws(ObjectFileError) {
    for section in sections {
      let segment = segments[section.segmentIndex]
      guard let range = AddressRange(validating: section.address, byteCount: section.byteCount) else {
        throw failure(.addressWrapsAround, in: section)
      }
      guard segment.range.contains(range) else {
        throw failure(.malformedTable, in: section, detail: "it leaves its segment")
      }
      guard !section.type.isZeroFill, section.byteCount > 0 else { continue }
      // One rule for a section's place in the file, so that its contents are what is mapped at its address.
      let distance = section.address.rawValue - segment.address.rawValue
      guard section.fileOffset == segment.fileOffset.advanced(by: distance) else {
        throw failure(
          .malformedTable, at: section.fileOffset, in: section,
          detail: "its place in the file is not that of its address")
      }
      guard distance <= segment.fileByteCount, section.byteCount <= segment.fileByteCount - distance else {
        throw failure(.truncated, at: section.fileOffset, in: section, detail: "it ends behind its segment")
      }
    }
  }

  func checkSectionsDisjoint() throws(ObjectFileError) {
    let placed = sections.filter { $0.byteCount > 0 }.sorted { $0.address < $1.address }
    for (left, right) in zip(placed, placed.dropFirst()) where left.range.overlaps(right.range) {
      throw failure(.overlappingSections, in: right, detail: "it shares addresses with \(left.fullName)")
    }
  }
}
