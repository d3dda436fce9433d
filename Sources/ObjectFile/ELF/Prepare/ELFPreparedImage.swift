public import Addressing

/// An executable with an arena beside it and room to grow in the loader's tables: the same bytes, but for the ELF
/// header and the dynamic section, with more behind them. The old tables stay where they were, read by no one.
///
/// The arena, and the room in the tables, are holes of a sparse file.
public struct ELFPreparedImage: Sendable {
  /// Bytes that are not the original's, or lie beyond it.
  struct Piece: Sendable {
    var fileOffset: FileOffset
    var bytes: [UInt8]
  }

  public let layout: ELFArenaLayout
  let original: ELFFile
  private(set) var pieces: [Piece]

  public init(preparing file: ELFFile, request: ELFArenaRequest) throws(ObjectFileError) {
    var preparation = try ELFPreparation(ELFAdoptableImage(file), request)
    let (layout, pieces) = try preparation.run()
    self.layout = layout
    self.pieces = pieces
    original = file
  }

  public var byteCount: UInt64 { layout.fileByteCount }

  /// What is in use of the tables before anything is added.
  public var counters: ELFTableCounters { ELFTableCounters(of: layout) }

  /// The image with `bytes` at the start of the arena's header page.
  ///
  /// - Precondition: they fit in it.
  public func withHeader(_ bytes: [UInt8]) -> ELFPreparedImage {
    precondition(UInt64(bytes.count) <= layout.header.range.byteCount, "the header page is left")
    var image = self
    image.pieces.removeAll { $0.fileOffset == layout.header.fileOffset }
    image.pieces.append(Piece(fileOffset: layout.header.fileOffset, bytes: bytes))
    return image
  }

  /// Bytes of the prepared file; beyond its end there are none.
  public func bytes(at offset: FileOffset, count: Int) -> [UInt8] {
    let end = min(byteCount, offset.advanced(by: UInt64(max(count, 0)))?.rawValue ?? byteCount)
    guard offset.rawValue < end else { return [] }
    var result = [UInt8](repeating: 0, count: Int(end - offset.rawValue))
    original.view.withUnsafeBytes { whole in
      copy(whole, from: FileOffset(0), to: &result, at: offset)
    }
    for piece in pieces {
      piece.bytes.withUnsafeBytes { copy($0, from: piece.fileOffset, to: &result, at: offset) }
    }
    return result
  }

  /// Copies what lies in both ranges of the file.
  private func copy(
    _ source: UnsafeRawBufferPointer, from sourceOffset: FileOffset, to result: inout [UInt8], at offset: FileOffset
  ) {
    let start = max(sourceOffset.rawValue, offset.rawValue)
    let end = min(sourceOffset.rawValue + UInt64(source.count), offset.rawValue + UInt64(result.count))
    guard start < end else { return }
    let part = source[Int(start - sourceOffset.rawValue)..<Int(end - sourceOffset.rawValue)]
    result.withUnsafeMutableBytes {
      UnsafeMutableRawBufferPointer(rebasing: $0[Int(start - offset.rawValue)...]).copyBytes(from: part)
    }
  }

  /// The ranges of the file that are no holes, ascending; between and behind them it is zero.
  public var filledRanges: [Range<UInt64>] {
    var result = [0..<UInt64(original.view.count)]
    for piece in pieces.sorted(by: { $0.fileOffset < $1.fileOffset }) where !piece.bytes.isEmpty {
      let range = piece.fileOffset.rawValue..<piece.fileOffset.rawValue + UInt64(piece.bytes.count)
      if let last = result.last, range.lowerBound <= last.upperBound {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        result.append(range)
      }
    }
    return result
  }
}
