public import Addressing

/// An executable with an arena beside it and room to grow in `__LINKEDIT`: the same bytes, but for header, load commands
/// and what the loader reads, with the arena before a `__LINKEDIT` that has moved.
///
/// The arena is a hole of a sparse file.
public struct MachOPreparedImage: PreparedFile {
  public let layout: MachOArenaLayout
  /// Nil for an image without an unwind table.
  public let unwindRoom: MachOUnwindRoom?
  public private(set) var contents: SparseImage
  /// Of the image as it was.
  private let oldSignature: MachOCodeSignature?
  /// Where the code signature goes, in an image that has one. Its bytes are a hole until `signed` fills them.
  private let signature: Range<UInt64>?

  /// - Throws: `notAdoptable`, `alreadyPrepared`, `noRoomForCommands`, `outOfReach`, and what is wrong with the file.
  public init(preparing file: MachOFile, request: MachOArenaRequest) throws(ObjectFileError) {
    let image = try MachOAdoptableImage(file)
    oldSignature = try file.codeSignature()
    var preparation = try MachOPreparation(image, request)
    let made = try preparation.run(oldSignature)
    layout = made.layout
    unwindRoom = preparation.unwindRoom(made.layout)
    signature = made.signature
    // What follows the segments is in `pieces`, at its new place.
    contents = SparseImage(
      original: try file.view.slice(0, image.linkEdit.fileOffset.rawValue), pieces: made.pieces,
      byteCount: made.layout.fileByteCount)
  }

  /// The image with its ad-hoc signature made anew, the last thing to be done; the same where it has none.
  ///
  /// - Throws: `signedByIdentity`, for nobody else can sign in its place.
  public func signed(sha256: MachOCodeSignature.Hash) throws(ObjectFileError) -> MachOPreparedImage {
    guard let signature, let oldSignature else { return self }
    var image = self
    let bytes = try oldSignature.resigned(codeLimit: signature.lowerBound, sha256: sha256) {
      (offset, count) throws(ObjectFileError) in contents.bytes(at: offset, count: count)
    }
    image.contents = contents.replacingPiece(at: FileOffset(signature.lowerBound), with: bytes)
    return image
  }

  /// The image with `bytes` at the start of the arena's header page.
  ///
  /// - Precondition: they fit in it.
  public func withHeader(_ bytes: [UInt8]) -> MachOPreparedImage {
    precondition(UInt64(bytes.count) <= layout.header.range.byteCount, "the header page is left")
    var image = self
    image.contents = contents.replacingPiece(at: layout.header.fileOffset, with: bytes)
    return image
  }
}
