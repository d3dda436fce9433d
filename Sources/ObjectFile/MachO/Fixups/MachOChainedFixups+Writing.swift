public import Addressing

extension MachOChainedFixups {
  /// Makes `fixups` the whole of what the chains of one page hold.
  ///
  /// A word that was in a chain and is so no longer keeps its bytes: what it holds then is for the caller to write.
  ///
  /// - Throws: `malformedFixups` for a fixup outside the page or its segment, or that no word can say.
  func set(
    _ fixups: [MachOChainedFixup], inPage page: Int, ofSegment segment: Int, in buffer: inout PatchBuffer,
    places: MachOSegmentPlaces
  ) throws(ObjectFileError) {
    guard starts.indices.contains(segment), let starts = starts[segment], page < starts.pageCount else {
      throw failure("there is no page \(page) of chains", MachOFixupPlace(segment: segment, offset: 0), places)
    }
    let chain = try MachOChainedPage(
      fixups, page: page, format: starts.format, pageByteCount: starts.pageByteCount,
      base: starts.imageBase(of: places[segment]), file: payload.fileName)
    for (place, word) in chain.words {
      guard place.segment == segment, let at = places.fileOffset(of: place) else {
        throw failure("a fixup outside the file", place, places)
      }
      try buffer.write(TableBytes.encoded(word), at: at)
    }
    let start = FileOffset(starts.pageStartsOffset.rawValue + 2 * UInt64(page))
    try buffer.write(TableBytes.encoded(chain.start), at: start)
  }

  /// Adds, replaces (a value) or removes (nil) single words in the chains that are there.
  ///
  /// - Parameter file: the whole image, of which the fixups were read.
  /// - Returns: the edits of the words, their neighbours in the chains and the pages' starts. A removed word keeps its
  ///   bytes.
  public func edits(
    setting changes: [MachOFixupPlace: MachOChainedValue?], in file: ByteView, places: MachOSegmentPlaces
  ) throws(ObjectFileError) -> [FileEdit] {
    var buffer = PatchBuffer(file)
    try set(changes, in: &buffer, places: places)
    return buffer.takeEdits()
  }

  func set(
    _ changes: [MachOFixupPlace: MachOChainedValue?], in buffer: inout PatchBuffer, places: MachOSegmentPlaces
  ) throws(ObjectFileError) {
    struct Page: Hashable { var segment: Int, index: UInt64 }
    var byPage: [Page: [MachOFixupPlace]] = [:]
    for place in changes.keys.sorted() {
      guard starts.indices.contains(place.segment), let starts = starts[place.segment] else {
        throw failure("a fixup in a segment without chains", place, places)
      }
      byPage[Page(segment: place.segment, index: place.offset / starts.pageByteCount), default: []].append(place)
    }
    for (page, changed) in byPage.sorted(by: { ($0.key.segment, $0.key.index) < ($1.key.segment, $1.key.index) }) {
      let index = Int(clamping: page.index)
      var values: [MachOFixupPlace: MachOChainedValue] = [:]
      for fixup in try fixups(inPage: index, ofSegment: page.segment, in: &buffer, places: places) {
        values[fixup.place] = fixup.value
      }
      for place in changed { values[place] = changes[place] ?? nil }
      let fixups = values.map { MachOChainedFixup(place: $0.key, value: $0.value) }
      try set(fixups, inPage: index, ofSegment: page.segment, in: &buffer, places: places)
    }
  }
}

/// The one chain of a page, as words and the page's start.
///
/// One is always enough: `next` reaches 4095 times four bytes, the whole of a page of 16 KiB.
struct MachOChainedPage {
  private(set) var words: [(place: MachOFixupPlace, word: UInt64)] = []
  /// `page_start`.
  private(set) var start = MachOChainedStarts.none

  init(
    _ fixups: [MachOChainedFixup], page: Int, format: MachOChainedPointerFormat, pageByteCount: UInt64,
    base: VirtualAddress, file: String
  ) throws(ObjectFileError) {
    let sorted = fixups.sorted { $0.place < $1.place }
    func failure(_ fixup: MachOChainedFixup, _ detail: String) -> ObjectFileError {
      ObjectFileError(
        .malformedFixups, file: file,
        detail: "\(detail) at offset 0x\(String(fixup.place.offset, radix: 16)) of segment \(fixup.place.segment)")
    }
    for (index, fixup) in sorted.enumerated() {
      guard fixup.place.offset / pageByteCount == UInt64(page) else { throw failure(fixup, "a fixup outside its page") }
      var next: UInt64 = 0
      if index + 1 < sorted.count {
        next = sorted[index + 1].place.offset - fixup.place.offset
        guard next >= MachOFixupPlace.wordByteCount else { throw failure(fixup, "two fixups overlap") }
      }
      guard let word = MachOChainedPointer(fixup.value, next: next).word(format, base: base) else {
        throw failure(fixup, "a word of a chain has no room for \(fixup.value), or the next one is not aligned,")
      }
      words.append((fixup.place, word))
    }
    if let first = sorted.first { start = UInt16(first.place.offset % pageByteCount) }
  }
}
