/// A string table (gABI, String Table): NUL-terminated names, found by their offset.
///
/// It is empty or ends in NUL, so that a name that begins within it also ends within it.
public struct ELFStringTable: Sendable {
  public let view: ByteView

  public init(_ view: ByteView) throws(ObjectFileError) {
    if view.count > 0, view.loadValidated(UInt8.self, at: view.count - 1) != 0 {
      throw ObjectFileError(
        .badString, file: view.fileName, offset: view.fileOffset, detail: "the string table does not end in NUL")
    }
    self.view = view
  }

  /// Whether a name begins at `offset`. Offset 0 is the empty name, even in an empty table.
  func holds(_ offset: UInt32) -> Bool { offset == 0 || Int(offset) < view.count }

  public func bytes(at offset: UInt32) throws(ObjectFileError) -> ByteView {
    view.isEmpty && offset == 0 ? view : try view.cStringBytes(at: Int(offset))
  }

  public func string(at offset: UInt32) throws(ObjectFileError) -> String { try bytes(at: offset).text }
}
