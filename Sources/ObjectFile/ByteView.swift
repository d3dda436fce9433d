public import Addressing

/// A window on a file's bytes that keeps them alive. All reading of a file goes through its bounds checks.
///
/// Integers are little-endian and need no alignment.
///
/// Unchecked: `start` points into memory of `owner`, which never changes and lives as long as the view.
public struct ByteView: @unchecked Sendable {
  let owner: MappedFile
  let start: UnsafeRawPointer
  public let count: Int

  /// - Precondition: `start ..< start + count` lies within the owner's memory.
  init(owner: MappedFile, start: UnsafeRawPointer, count: Int) {
    self.owner = owner
    self.start = start
    self.count = count
  }

  public var isEmpty: Bool { count == 0 }

  /// Where the window begins in the file that holds it.
  public var fileOffset: FileOffset { FileOffset(UInt64(start - owner.base)) }

  /// The name of the file, for messages.
  public var fileName: String { owner.path }

  /// Whose tools an error in the file names.
  var format: ObjectFileError.Format { owner.format }

  public func slice(_ offset: UInt64, _ count: UInt64) throws(ObjectFileError) -> ByteView {
    let whole = UInt64(self.count)
    guard offset <= whole, count <= whole - offset else { throw outside(offset, count) }
    return ByteView(owner: owner, start: start + Int(offset), count: Int(count))
  }

  /// Everything from `offset` on.
  public func suffix(from offset: UInt64) throws(ObjectFileError) -> ByteView {
    guard offset <= UInt64(count) else { throw outside(offset, 0) }
    return try slice(offset, UInt64(count) - offset)
  }

  /// The window on `count` records of `entryByteCount` bytes each.
  func table(at offset: UInt64, count: UInt64, entryByteCount: UInt64) throws(ObjectFileError) -> ByteView {
    let (size, overflow) = count.multipliedReportingOverflow(by: entryByteCount)
    guard !overflow else { throw outside(offset, .max) }
    return try slice(offset, size)
  }

  public func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(ObjectFileError) -> T {
    guard offset >= 0, offset <= count - MemoryLayout<T>.size else {
      throw outside(UInt64(clamping: offset), UInt64(MemoryLayout<T>.size))
    }
    return T(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// - Precondition: the integer lies within the view: for tables whose extent was checked when they were made.
  func loadValidated<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size, "a validated table was left")
    return T(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  public func bytes(at offset: Int, count: Int) throws(ObjectFileError) -> [UInt8] {
    guard offset >= 0, count >= 0 else { throw outside(UInt64(clamping: offset), UInt64(clamping: count)) }
    return try slice(UInt64(offset), UInt64(count)).allBytes
  }

  /// A copy of everything in the window.
  public var allBytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// The bytes from `offset` up to the next NUL, without it.
  public func cStringBytes(at offset: Int) throws(ObjectFileError) -> ByteView {
    guard offset >= 0, offset <= count else { throw outside(UInt64(clamping: offset), 1) }
    let rest = UnsafeRawBufferPointer(start: start + offset, count: count - offset)
    guard let length = rest.firstIndex(of: 0) else {
      throw ObjectFileError(
        .badString, file: owner.path, offset: fileOffset.advanced(by: UInt64(offset)), detail: "no NUL ends it",
        format: owner.format)
    }
    return ByteView(owner: owner, start: start + offset, count: length)
  }

  /// The text from `offset` up to the next NUL. Bytes that are no UTF-8 become U+FFFD: names are compared as bytes.
  public func cString(at offset: Int) throws(ObjectFileError) -> String {
    try cStringBytes(at: offset).text
  }

  /// The window's bytes as text. Bytes that are no UTF-8 become U+FFFD.
  public var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

  /// The pointer is valid only until `body` returns.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(owner) {} }
    return try body(UnsafeRawBufferPointer(start: start, count: count))
  }

  public func hasSameBytes(as other: ByteView) -> Bool {
    withUnsafeBytes { mine in other.withUnsafeBytes { mine.elementsEqual($0) } }
  }

  /// Whether the window holds exactly the UTF-8 of `text`, without making a string of it.
  public func equals(_ text: String) -> Bool {
    withUnsafeBytes { bytes in
      text.utf8.withContiguousStorageIfAvailable { bytes.elementsEqual($0) } ?? bytes.elementsEqual(text.utf8)
    }
  }

  private func outside(_ offset: UInt64, _ count: UInt64) -> ObjectFileError {
    ObjectFileError(
      .truncated, file: owner.path, offset: fileOffset.advanced(by: offset),
      detail: "0x\(String(count, radix: 16)) bytes wanted at 0x\(String(offset, radix: 16)) of "
        + "0x\(String(self.count, radix: 16))", format: owner.format)
  }
}
