public import Addressing

/// A file that is made of another one: its first bytes, and pieces that replace or follow them. What neither gives is a
/// hole, and reads as zero.
public struct SparseImage: Sendable {
  /// Bytes that are not the original's, or lie beyond it.
  struct Piece: Sendable {
    var fileOffset: FileOffset
    var bytes: [UInt8]
  }

  let original: ByteView
  /// Later ones lie over earlier ones.
  var pieces: [Piece]
  public internal(set) var byteCount: UInt64

  /// Bytes of the file; beyond its end there are none.
  public func bytes(at offset: FileOffset, count: Int) -> [UInt8] {
    let end = min(byteCount, offset.advanced(by: UInt64(max(count, 0)))?.rawValue ?? byteCount)
    guard offset.rawValue < end else { return [] }
    var result = [UInt8](repeating: 0, count: Int(end - offset.rawValue))
    original.withUnsafeBytes { whole in
      copy(whole, from: FileOffset(0), to: &result, at: offset)
    }
    for piece in pieces {
      piece.bytes.withUnsafeBytes { copy($0, from: piece.fileOffset, to: &result, at: offset) }
    }
    return result
  }

  /// The image with other bytes, of any number, in the piece that begins at `offset`.
  func replacingPiece(at offset: FileOffset, with bytes: [UInt8]) -> SparseImage {
    var image = self
    image.pieces.removeAll { $0.fileOffset == offset }
    image.pieces.append(Piece(fileOffset: offset, bytes: bytes))
    return image
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
    var result = [0..<UInt64(original.count)]
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
