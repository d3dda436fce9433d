/// A word of a chain and what it becomes.
public struct MachOChainedFixup: Hashable, Sendable {
  public var place: MachOFixupPlace
  public var value: MachOChainedValue

  public init(place: MachOFixupPlace, value: MachOChainedValue) {
    self.place = place
    self.value = value
  }
}

extension MachOChainedFixups {
  /// The words of all chains, by place.
  ///
  /// - Parameter file: the whole image, of which the fixups were read.
  /// - Throws: `malformedFixups` where a chain leaves its page or the file, meets another one, or binds what is not
  ///   imported.
  public func fixups(in file: ByteView, places: MachOSegmentPlaces) throws(ObjectFileError) -> [MachOChainedFixup] {
    var source = FileWindow(file)
    var result: [MachOChainedFixup] = []
    for (segment, starts) in starts.enumerated() {
      for page in 0..<(starts?.pageCount ?? 0) {
        result += try fixups(inPage: page, ofSegment: segment, in: &source, places: places)
      }
    }
    return result
  }

  /// The words of the chains of one page; none where the segment has no such page.
  public func fixups(
    inPage page: Int, ofSegment segment: Int, in file: ByteView, places: MachOSegmentPlaces
  ) throws(ObjectFileError) -> [MachOChainedFixup] {
    var source = FileWindow(file)
    return try fixups(inPage: page, ofSegment: segment, in: &source, places: places)
  }

  func fixups(
    inPage page: Int, ofSegment segment: Int, in source: inout some FileSource, places: MachOSegmentPlaces
  ) throws(ObjectFileError) -> [MachOChainedFixup] {
    guard starts.indices.contains(segment), places.indices.contains(segment), let starts = starts[segment], page >= 0,
      page < starts.pageCount
    else { return [] }
    let base = starts.imageBase(of: places[segment])
    let pageStart = UInt64(page) * starts.pageByteCount
    let pageEnd = pageStart + starts.pageByteCount
    var result: [MachOChainedFixup] = []
    // The chains of a page follow each other, so that no word is in two of them.
    var free = pageStart
    for start in try starts.chainStarts(ofPage: page, in: &source) {
      var place = MachOFixupPlace(segment: segment, offset: pageStart + start)
      while true {
        guard place.offset >= free, place.offset < pageEnd, let at = places.fileOffset(of: place) else {
          throw failure("a chain leaves its page or the file, or meets another one", place, places)
        }
        let pointer = MachOChainedPointer(word: try source.load(UInt64.self, at: at), starts.format, base: base)
        if case .bind(let ordinal, _) = pointer.value, ordinal >= imports.count {
          throw failure("a word is bound to import \(ordinal) of \(imports.count)", place, places)
        }
        result.append(MachOChainedFixup(place: place, value: pointer.value))
        free = place.offset + MachOFixupPlace.wordByteCount
        if pointer.next == 0 { break }
        place.offset += pointer.next
      }
    }
    return result
  }

  /// The symbol that a word is bound to, the addend that stands in the word included; nil for what is no import.
  public func target(_ value: MachOChainedValue) -> MachOBindTarget? {
    guard case .bind(let ordinal, let addend) = value, imports.indices.contains(ordinal) else { return nil }
    var target = imports[ordinal]
    target.addend &+= Int64(addend)
    return target
  }

  func failure(_ detail: String, _ place: MachOFixupPlace, _ places: MachOSegmentPlaces) -> ObjectFileError {
    ObjectFileError(
      .malformedFixups, file: payload.fileName, offset: places.fileOffset(of: place),
      detail: "\(detail), in segment \(place.segment) at offset 0x\(String(place.offset, radix: 16))")
  }
}
