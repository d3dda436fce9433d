public import Journal

/// How long a prepared image's file is at each update: an update that makes the arena grow makes the file longer.
public struct FileLengths {
  /// In bytes; nil for an update that is not known.
  public var byteCount: (_ update: Digest) throws -> UInt64?

  public init(byteCount: @escaping (_ update: Digest) throws -> UInt64?) {
    self.byteCount = byteCount
  }

  /// Nobody tells: what `init` made is the least.
  public static var unknown: FileLengths { FileLengths { _ in nil } }
}
