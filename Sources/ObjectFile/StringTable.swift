/// A string table (gABI, String Table; Mach-O's LC_SYMTAB): NUL-terminated names, found by their offset.
///
/// It is empty or ends in NUL, so that a name that begins within it also ends within it.
public struct StringTable: Sendable {
  public let view: ByteView

  public init(_ view: ByteView) throws(ObjectFileError) {
    if view.count > 0, view.loadValidated(UInt8.self, at: view.count - 1) != 0 {
      throw ObjectFileError(
        .badString, file: view.fileName, offset: view.fileOffset, detail: "the string table does not end in NUL",
        format: view.format)
    }
    self.view = view
  }

  /// Whether a name begins at `offset`. Offset 0 is the empty name, even in an empty table.
  func holds(_ offset: UInt32) -> Bool { offset == 0 || Int(offset) < view.count }

  public func bytes(at offset: UInt32) throws(ObjectFileError) -> ByteView {
    view.isEmpty && offset == 0 ? view : try view.cStringBytes(at: Int(offset))
  }

  /// Whether the name at `offset` is `text`: compared where it stands, without looking for its end first.
  public func matches(_ text: String, at offset: UInt32) -> Bool {
    let text = text.utf8
    guard Int(offset) < view.count, text.count < view.count - Int(offset) else { return text.isEmpty && holds(offset) }
    return view.withUnsafeBytes { bytes in
      bytes[Int(offset) + text.count] == 0 && bytes[Int(offset)...].starts(with: text)
    }
  }

  public func string(at offset: UInt32) throws(ObjectFileError) -> String { try bytes(at: offset).text }
}
