public import Addressing

/// Where the chains of a segment begin: `dyld_chained_starts_in_segment`.
public struct MachOChainedStarts: Hashable, Sendable {
  public let format: MachOChainedPointerFormat
  /// 0x1000 or 0x4000.
  public let pageByteCount: UInt64
  public let pageCount: Int
  /// `segment_offset`: the segment's address less the image's.
  public let segmentOffset: UInt64
  /// `max_valid_pointer`, which only 32-bit images use.
  public let maxValidPointer: UInt32
  /// Where `page_start` stands in the file.
  let pageStartsOffset: FileOffset
  /// How many words of two bytes stand there: one for each page, and the lists of pages with several chains.
  let startWordCount: Int

  /// The fields before `page_start`.
  static let headerByteCount = 22
  /// DYLD_CHAINED_PTR_START_NONE
  static let none: UInt16 = 0xFFFF
  /// DYLD_CHAINED_PTR_START_MULTI and, in the list that it leads to, DYLD_CHAINED_PTR_START_LAST.
  static let multiple: UInt16 = 0x8000

  /// The address of the image's header.
  public func imageBase(of segment: MachOSegmentPlace) -> VirtualAddress {
    VirtualAddress(segment.range.start.rawValue &- segmentOffset)
  }

  /// - Parameter table: `dyld_chained_starts_in_image`, up to the imports.
  init(_ table: ByteView, at offset: UInt64, segment: MachOSegmentPlace) throws(ObjectFileError) {
    let whole = try table.suffix(from: offset)
    let record = try whole.slice(0, UInt64(try whole.load(UInt32.self, at: 0)))
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      ObjectFileError(code, file: table.fileName, offset: record.fileOffset, detail: "\(detail), in \(segment.name)")
    }
    let pageByteCount = UInt64(try record.load(UInt16.self, at: 4))
    guard pageByteCount == 0x1000 || pageByteCount == 0x4000 else {
      throw failure(.malformedFixups, "chains in pages of \(pageByteCount) bytes")
    }
    let rawFormat = try record.load(UInt16.self, at: 6)
    guard let format = MachOChainedPointerFormat(rawValue: rawFormat) else {
      throw failure(.unsupportedFixup, "pointer format \(MachOChainedPointerFormat.name(of: rawFormat))")
    }
    segmentOffset = try record.load(UInt64.self, at: 8)
    guard segmentOffset <= segment.range.start.rawValue else {
      throw failure(.malformedFixups, "segment offset 0x\(String(segmentOffset, radix: 16))")
    }
    maxValidPointer = try record.load(UInt32.self, at: 16)
    pageCount = Int(try record.load(UInt16.self, at: 20))
    (self.format, self.pageByteCount) = (format, pageByteCount)
    let words = try record.suffix(from: UInt64(Self.headerByteCount))
    pageStartsOffset = words.fileOffset
    startWordCount = words.count / 2
    guard pageCount <= startWordCount else { throw failure(.malformedFixups, "\(pageCount) pages beyond its size") }
    guard pageCount == 0 || UInt64(pageCount - 1) * pageByteCount < segment.range.byteCount else {
      throw failure(.malformedFixups, "\(pageCount) pages beyond the segment")
    }
    var source = FileWindow(words)
    var listed = 0
    for page in 0..<pageCount {
      let starts = try chainStarts(ofPage: page, in: &source)
      if starts.count > 1 { listed += starts.count }
      // Each start in the lists is of one page.
      guard listed <= startWordCount else { throw failure(.malformedFixups, "pages with the same lists of starts") }
    }
  }

  /// The offsets in a page at which its chains begin, in ascending order.
  ///
  /// - Precondition: there is such a page.
  func chainStarts(
    ofPage page: Int, in source: inout some FileSource
  ) throws(ObjectFileError) -> [UInt64] {
    let word = try startWord(page, page: page, in: &source)
    if word == Self.none { return [] }
    if word & Self.multiple == 0 { return [try checked(word, page: page, source)] }
    var starts: [UInt64] = []
    var index = Int(word & ~Self.multiple)
    while true {
      let entry = try startWord(index, page: page, in: &source)
      let offset = try checked(entry & ~Self.multiple, page: page, source)
      guard index >= pageCount, starts.last.map({ $0 < offset }) ?? true else {
        throw failure("the list of the starts of page \(page) is out of order", source)
      }
      starts.append(offset)
      index += 1
      if entry & Self.multiple != 0 { return starts }
    }
  }

  private func startWord(
    _ index: Int, page: Int, in source: inout some FileSource
  ) throws(ObjectFileError) -> UInt16 {
    guard index < startWordCount else { throw failure("the list of the starts of page \(page) is cut off", source) }
    return try source.load(UInt16.self, at: FileOffset(pageStartsOffset.rawValue + 2 * UInt64(index)))
  }

  private func checked(_ start: UInt16, page: Int, _ source: some FileSource) throws(ObjectFileError) -> UInt64 {
    guard UInt64(start) < pageByteCount else { throw failure("the chain of page \(page) begins outside it", source) }
    return UInt64(start)
  }

  private func failure(_ detail: String, _ source: some FileSource) -> ObjectFileError {
    ObjectFileError(.malformedFixups, file: source.fileName, offset: pageStartsOffset, detail: detail)
  }
}
