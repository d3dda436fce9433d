public import Addressing

/// Chained fixups to be written anew: for an image that gets segments, or room for more imports.
public struct MachOChainedDraft: Sendable {
  /// The chains of one segment.
  public struct Segment: Sendable {
    /// The segment's address less that of the image's header.
    public var offset: UInt64
    /// How many pages, from the first, can hold chains. At least those that do.
    public var pageCount: Int
    public var fixups: [MachOChainedFixup]

    public init(offset: UInt64, pageCount: Int, fixups: [MachOChainedFixup]) {
      self.offset = offset
      self.pageCount = pageCount
      self.fixups = fixups
    }
  }

  public var format: MachOChainedPointerFormat
  public var pageByteCount: UInt64
  public var maxValidPointer: UInt32 = 0
  /// In the order of the image's segments: dyld wants an entry for each. Nil where one has no chains.
  public var segments: [Segment?]
  public var imports: [MachOBindTarget]
  /// At least this format, so that imports that are added later can have addends.
  public var importFormat: MachOChainedImportFormat
  /// For how many more imports there is to be room, and for how many bytes of names.
  public var importRoom = 0
  public var nameRoom = 0
  /// The image's name, for messages.
  public let file: String

  /// An empty one.
  public init(format: MachOChainedPointerFormat, pageByteCount: UInt64, segmentCount: Int, file: String) {
    self.format = format
    self.pageByteCount = pageByteCount
    self.file = file
    segments = [Segment?](repeating: nil, count: segmentCount)
    imports = []
    importFormat = .plain
  }

  /// What an image has. Nil where no segment of it has chains, which would say of what format they are.
  ///
  /// - Parameter whole: the whole image.
  public init?(
    _ fixups: MachOChainedFixups, in whole: ByteView, places: MachOSegmentPlaces
  ) throws(ObjectFileError) {
    guard let first = fixups.starts.lazy.compactMap({ $0 }).first else { return nil }
    self.init(
      format: first.format, pageByteCount: first.pageByteCount, segmentCount: places.count, file: whole.fileName)
    maxValidPointer = first.maxValidPointer
    imports = fixups.imports
    importFormat = fixups.importFormat
    let all = Dictionary(grouping: try fixups.fixups(in: whole, places: places), by: \.place.segment)
    for (index, starts) in fixups.starts.enumerated() {
      guard let starts else { continue }
      guard starts.pageByteCount == pageByteCount else {
        throw ObjectFileError(.unsupportedFixup, file: whole.fileName, detail: "chains in pages of different sizes")
      }
      segments[index] = Segment(offset: starts.segmentOffset, pageCount: starts.pageCount, fixups: all[index] ?? [])
    }
  }

  /// What LC_DYLD_CHAINED_FIXUPS is to point to, and the words of the chains, by place.
  ///
  /// - Parameter base: the address of the image's header.
  /// - Throws: `malformedFixups` for a fixup outside its segment's pages or that no word can say, `unsupportedFixup` for
  ///   an import that no format can hold.
  public func encode(
    base: VirtualAddress
  ) throws(ObjectFileError) -> (payload: [UInt8], words: [(place: MachOFixupPlace, word: UInt64)]) {
    var words: [(place: MachOFixupPlace, word: UInt64)] = []
    // `dyld_chained_starts_in_image`: the count and an offset for each segment.
    var starts = TableBytes()
    starts.append(UInt32(segments.count))
    starts.append(zeros: 4 * segments.count)
    for (index, segment) in segments.enumerated() {
      guard let segment else { continue }
      starts.append(zeros: -starts.count & 7)
      starts.store(UInt32(starts.count), at: 4 + 4 * index)
      starts.append(try record(of: segment, index, base: base, &words))
    }
    let names = self.names
    let format = try importFormat(nameByteCount: names.pool.count + nameRoom)
    var payload = TableBytes()
    // The starts begin at a multiple of 8, as linkers write them.
    let startsOffset = Int(MachOChainedFixups.headerByteCount + 7) & ~7
    let importsOffset = (startsOffset + starts.count + 7) & ~7
    let importsByteCount = (imports.count + importRoom) * format.entryByteCount
    for field in [
      0, startsOffset, importsOffset, importsOffset + importsByteCount, imports.count, Int(format.rawValue), 0,
    ] {
      payload.append(UInt32(clamping: field))
    }
    payload.append(zeros: startsOffset - payload.count)
    payload.append(starts.bytes)
    payload.append(zeros: importsOffset - payload.count)
    for (target, nameOffset) in zip(imports, names.offsets) {
      let entry = MachOChainedImportEntry(
        library: target.library.rawValue, isWeakImport: target.isWeakImport, nameOffset: nameOffset,
        addend: target.addend)
      payload.append(entry.bytes(format))
    }
    payload.append(zeros: importRoom * format.entryByteCount)
    payload.append(names.pool)
    payload.append(zeros: nameRoom)
    payload.append(zeros: -payload.count & 7)
    return (payload.bytes, words)
  }

  private func importFormat(nameByteCount: Int) throws(ObjectFileError) -> MachOChainedImportFormat {
    let needed = MachOChainedImportFormat.smallest(for: imports, nameByteCount: nameByteCount)
    let format = needed.rawValue < importFormat.rawValue ? importFormat : needed
    if let target = imports.first(where: { !format.canHold($0) }) {
      throw ObjectFileError(
        .unsupportedFixup, file: file, symbol: target.symbol, detail: "an import of library \(target.library.rawValue)")
    }
    return format
  }

  /// Each name once, and where those of the imports stand. No name begins at 0, where linkers leave a NUL.
  private var names: (pool: [UInt8], offsets: [Int]) {
    var pool: [UInt8] = [0]
    var known: [[UInt8]: Int] = [:]
    let offsets = imports.map { target in
      let name = Array(target.symbol.utf8) + [0]
      if let offset = known[name] { return offset }
      defer { pool += name }
      known[name] = pool.count
      return pool.count
    }
    return (pool, offsets)
  }

  private func record(
    of segment: Segment, _ index: Int, base: VirtualAddress,
    _ words: inout [(place: MachOFixupPlace, word: UInt64)]
  ) throws(ObjectFileError) -> [UInt8] {
    let byPage = Dictionary(grouping: segment.fixups) { Int(clamping: $0.place.offset / pageByteCount) }
    let last = byPage.keys.max() ?? -1
    guard last < segment.pageCount, segment.pageCount <= UInt16.max,
      segment.fixups.allSatisfy({ $0.place.segment == index })
    else {
      throw ObjectFileError(
        .malformedFixups, file: file, detail: "fixups in page \(last) of the \(segment.pageCount) of segment \(index)")
    }
    var record = TableBytes()
    record.append(UInt32(MachOChainedStarts.headerByteCount + 2 * segment.pageCount))
    record.append(UInt16(truncatingIfNeeded: pageByteCount))
    record.append(format.rawValue)
    record.append(segment.offset)
    record.append(maxValidPointer)
    record.append(UInt16(segment.pageCount))
    for page in 0..<segment.pageCount {
      let chain = try MachOChainedPage(
        byPage[page] ?? [], page: page, format: format, pageByteCount: pageByteCount, base: base, file: file)
      words += chain.words
      record.append(chain.start)
    }
    return record.bytes
  }
}
