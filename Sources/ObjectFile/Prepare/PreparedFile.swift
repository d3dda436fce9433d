public import Addressing

/// A prepared image that is still to be written, whatever its format.
public protocol PreparedFile: Sendable {
  var contents: SparseImage { get }
}

extension PreparedFile {
  public var byteCount: UInt64 { contents.byteCount }

  /// Bytes of the prepared file; beyond its end there are none.
  public func bytes(at offset: FileOffset, count: Int) -> [UInt8] { contents.bytes(at: offset, count: count) }

  /// The ranges of the file that are no holes, ascending; between and behind them it is zero.
  public var filledRanges: [Range<UInt64>] { contents.filledRanges }

  /// See `SparseImage.write(toNewFile:permissionsOf:)`.
  public func write(toNewFile path: String, permissionsOf originalPath: String) throws(ObjectFileError) {
    try contents.write(toNewFile: path, permissionsOf: originalPath)
  }
}
