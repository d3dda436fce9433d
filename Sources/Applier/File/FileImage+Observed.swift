import Addressing
public import Journal

/// The files that the updates of an observed image's journal begin and end with.
public struct ObservedFiles {
  /// The newest update that has left a file of this digest; nil where none has.
  public var position: (_ file: Digest) throws -> TargetHeader.Position?
  /// The digest of the file at an update, or at the base image.
  public var file: (_ update: Digest) throws -> Digest

  public init(
    position: @escaping (_ file: Digest) throws -> TargetHeader.Position?,
    file: @escaping (_ update: Digest) throws -> Digest
  ) {
    self.position = position
    self.file = file
  }
}

extension FileImage {
  /// SHA-256 of the image, or of the copy that is to become it.
  func digest() throws(ApplyError) -> Digest {
    var next: UInt64 = 0
    return try Digest.sha256(pieces: { () throws(ApplyError) -> [UInt8]? in
      let piece = try read(at: next, count: 1 << 20)
      next += UInt64(piece.count)
      return piece.isEmpty ? nil : piece
    })
  }

  func position(of file: Digest) throws(ApplyError) -> TargetHeader.Position? {
    do {
      return try observed?.position(file)
    } catch {
      throw ApplyError(.positionUnknown, target: name, found: file.bytes, cause: error)
    }
  }

  /// What the operations have made must be, byte for byte, what the compiler wrote.
  func checkResult() throws(ApplyError) {
    let found = try digest()
    let wanted: Digest?
    do {
      wanted = try observed?.file(destination.digest)
    } catch {
      throw ApplyError(.positionUnknown, target: name, update: destination.number, cause: error)
    }
    guard found == wanted else {
      throw ApplyError(
        .contentMismatch, target: name, update: destination.number, expected: wanted?.bytes, found: found.bytes,
        detail: "the file would not be what was observed")
    }
  }
}
