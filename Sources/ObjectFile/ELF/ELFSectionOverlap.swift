/// Refuses a file whose sections share bytes, so that reading all sections costs no more than reading the file.
///
/// Of 100,000 sections that each claim the whole file, a reader would otherwise make hours of work. No assembler or
/// compiler overlaps sections of an object. Linkers that rewrite an image in place may leave some overlap behind: images
/// are held to four times their size in all.
struct ELFSectionOverlap {
  private let file: ELFFile

  init(_ file: ELFFile) { self.file = file }

  func check() throws(ObjectFileError) {
    if file.header.type == .relocatable {
      try checkDisjoint()
    } else {
      try checkTotal()
    }
  }

  /// The bytes a section has in the file. Nil if it has none, or claims some past the end, which no one can read.
  private func storedRange(_ index: Int) -> Range<UInt64>? {
    let type = file.sections.type(of: index)
    guard type != .noBits, type != .null else { return nil }
    let extent = file.sections.extent(of: index)
    let (end, overflow) = extent.fileOffset.addingReportingOverflow(extent.byteCount)
    guard extent.byteCount > 0, !overflow, end <= UInt64(file.view.count) else { return nil }
    return extent.fileOffset..<end
  }

  private func checkDisjoint() throws(ObjectFileError) {
    if isAscending { return }
    // The GNU assembler writes all relocations after all contents: apart, both are in order, and the sort only merges.
    var ranges: [(range: Range<UInt64>, index: Int)] = []
    for wantsRelocations in [false, true] {
      for index in file.sections.indices
      where (file.sections.type(of: index) == .relocationsWithAddends) == wantsRelocations {
        if let range = storedRange(index) { ranges.append((range, index)) }
      }
    }
    ranges.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (left, right) in zip(ranges, ranges.dropFirst()) where left.range.upperBound > right.range.lowerBound {
      throw file.failure(
        .overlappingSections, in: file.sections[right.index],
        detail: "it shares bytes with section \(left.index), \(file.name(of: file.sections[left.index]))")
    }
  }

  /// Whether each section begins where the one before it has ended.
  private var isAscending: Bool {
    var end: UInt64 = 0
    for index in file.sections.indices {
      guard let range = storedRange(index) else { continue }
      if range.lowerBound < end { return false }
      end = range.upperBound
    }
    return true
  }

  private func checkTotal() throws(ObjectFileError) {
    var room = UInt64(file.view.count) * 4
    for index in file.sections.indices {
      guard let range = storedRange(index) else { continue }
      guard range.upperBound - range.lowerBound <= room else {
        throw file.failure(
          .overlappingSections, in: file.sections[index], detail: "the sections claim the file many times over")
      }
      room -= range.upperBound - range.lowerBound
    }
  }
}
