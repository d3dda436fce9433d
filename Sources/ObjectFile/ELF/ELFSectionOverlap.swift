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
  private func storedRange(_ section: ELFSection) -> Range<UInt64>? {
    guard section.type != .noBits, section.type != .null, section.byteCount > 0 else { return nil }
    let (end, overflow) = section.fileOffset.rawValue.addingReportingOverflow(section.byteCount)
    guard !overflow, end <= UInt64(file.view.count) else { return nil }
    return section.fileOffset.rawValue..<end
  }

  private func checkDisjoint() throws(ObjectFileError) {
    var ranges: [(range: Range<UInt64>, index: Int)] = []
    var isAscending = true
    for section in file.sections {
      guard let range = storedRange(section) else { continue }
      if let last = ranges.last, last.range.lowerBound > range.lowerBound { isAscending = false }
      ranges.append((range, section.index))
    }
    // Compilers write sections in the order of their bytes, so that sorting is seldom needed.
    if !isAscending { ranges.sort { $0.range.lowerBound < $1.range.lowerBound } }
    for (left, right) in zip(ranges, ranges.dropFirst()) where left.range.upperBound > right.range.lowerBound {
      throw file.failure(
        .overlappingSections, in: file.sections[right.index],
        detail: "it shares bytes with section \(left.index), \(file.name(of: file.sections[left.index]))")
    }
  }

  private func checkTotal() throws(ObjectFileError) {
    var room = UInt64(file.view.count) * 4
    for section in file.sections {
      guard let range = storedRange(section) else { continue }
      guard range.upperBound - range.lowerBound <= room else {
        throw file.failure(.overlappingSections, in: section, detail: "the sections claim the file many times over")
      }
      room -= range.upperBound - range.lowerBound
    }
  }
}
