public import Addressing

/// An executable with an arena beside it and room to grow in the loader's tables: the same bytes, but for the ELF
/// header and the dynamic section, with more behind them. The old tables stay where they were, read by no one.
///
/// The arena, and the room in the tables, are holes of a sparse file.
public struct ELFPreparedImage: PreparedFile {
  public let layout: ELFArenaLayout
  public private(set) var contents: SparseImage

  public init(preparing file: ELFFile, request: ELFArenaRequest) throws(ObjectFileError) {
    var preparation = try ELFPreparation(ELFAdoptableImage(file), request)
    let (layout, pieces) = try preparation.run()
    self.layout = layout
    contents = SparseImage(original: file.view, pieces: pieces, byteCount: layout.fileByteCount)
  }

  /// What is in use of the tables before anything is added.
  public var counters: ELFTableCounters { ELFTableCounters(of: layout) }

  /// The image with `bytes` at the start of the arena's header page.
  ///
  /// - Precondition: they fit in it.
  public func withHeader(_ bytes: [UInt8]) -> ELFPreparedImage {
    precondition(UInt64(bytes.count) <= layout.header.range.byteCount, "the header page is left")
    var image = self
    image.contents = contents.replacingPiece(at: layout.header.fileOffset, with: bytes)
    return image
  }
}
