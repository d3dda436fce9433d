public import Addressing

/// An executable with an arena beside it and room to grow in the loader's tables: the same bytes, but for the ELF
/// header and the dynamic section, with more behind them. The old tables stay where they were, read by no one.
///
/// The arena, and the room in the tables, are holes of a sparse file.
public struct ELFPreparedImage: Sendable {
  public let layout: ELFArenaLayout
  private(set) var contents: SparseImage

  public init(preparing file: ELFFile, request: ELFArenaRequest) throws(ObjectFileError) {
    var preparation = try ELFPreparation(ELFAdoptableImage(file), request)
    let (layout, pieces) = try preparation.run()
    self.layout = layout
    contents = SparseImage(original: file.view, pieces: pieces, byteCount: layout.fileByteCount)
  }

  public var byteCount: UInt64 { contents.byteCount }

  /// What is in use of the tables before anything is added.
  public var counters: ELFTableCounters { ELFTableCounters(of: layout) }

  /// The image with `bytes` at the start of the arena's header page.
  ///
  /// - Precondition: they fit in it.
  public func withHeader(_ bytes: [UInt8]) -> ELFPreparedImage {
    precondition(UInt64(bytes.count) <= layout.header.range.byteCount, "the header page is left")
    var image = self
    image.contents.pieces.removeAll { $0.fileOffset == layout.header.fileOffset }
    image.contents.pieces.append(SparseImage.Piece(fileOffset: layout.header.fileOffset, bytes: bytes))
    return image
  }

  /// Bytes of the prepared file; beyond its end there are none.
  public func bytes(at offset: FileOffset, count: Int) -> [UInt8] { contents.bytes(at: offset, count: count) }

  /// The ranges of the file that are no holes, ascending; between and behind them it is zero.
  public var filledRanges: [Range<UInt64>] { contents.filledRanges }

  /// See `SparseImage.write(toNewFile:permissionsOf:)`.
  public func write(toNewFile path: String, permissionsOf originalPath: String) throws(ObjectFileError) {
    try contents.write(toNewFile: path, permissionsOf: originalPath)
  }
}
