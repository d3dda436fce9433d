import Addressing

/// A file that is read page by page from elsewhere, and changed only here: what has been written is read back, and can
/// be taken as edits.
struct PatchBuffer {
  private let byteCount: UInt64
  private let read: (FileOffset, Int) throws -> [UInt8]
  let fileName: String
  private var pages: [UInt64: [UInt8]] = [:]
  private var edits: [FileEdit] = []

  private static let pageByteCount: UInt64 = 4096

  init(byteCount: UInt64, fileName: String, read: @escaping (FileOffset, Int) throws -> [UInt8]) {
    self.byteCount = byteCount
    self.fileName = fileName
    self.read = read
  }

  mutating func bytes(at offset: FileOffset, count: Int) throws(ObjectFileError) -> [UInt8] {
    let end = try self.end(of: count, from: offset)
    var result: [UInt8] = []
    var at = offset.rawValue
    while at < end {
      let page = try loadPage(at / Self.pageByteCount)
      let start = Int(at % Self.pageByteCount)
      let size = min(page.count - start, Int(end - at))
      result += page[start..<start + size]
      at += UInt64(size)
    }
    return result
  }

  mutating func load<Value: FixedWidthInteger>(
    _ type: Value.Type, at offset: FileOffset
  ) throws(ObjectFileError) -> Value {
    TableBytes(try bytes(at: offset, count: MemoryLayout<Value>.size)).load(type, at: 0)
  }

  /// Nothing is noted where the bytes stand there already.
  mutating func write(_ bytes: [UInt8], at offset: FileOffset) throws(ObjectFileError) {
    let before = try self.bytes(at: offset, count: bytes.count)
    guard before != bytes else { return }
    overwrite(offset, bytes)
    edits.append(FileEdit(offset: offset, before: before, after: bytes))
  }

  /// - Precondition: the pages have been read.
  private mutating func overwrite(_ offset: FileOffset, _ bytes: [UInt8]) {
    for (index, byte) in bytes.enumerated() {
      let at = offset.rawValue + UInt64(index)
      pages[at / Self.pageByteCount]?[Int(at % Self.pageByteCount)] = byte
    }
  }

  /// What was written since the last time, in the order of writing.
  mutating func takeEdits() -> [FileEdit] {
    defer { edits = [] }
    return edits
  }

  /// As if nothing had been written since `takeEdits`.
  mutating func discardEdits() {
    for edit in edits.reversed() { overwrite(edit.offset, edit.before) }
    edits = []
  }

  private func end(of count: Int, from offset: FileOffset) throws(ObjectFileError) -> UInt64 {
    guard count >= 0, let end = offset.advanced(by: UInt64(count)), end.rawValue <= byteCount else {
      throw ObjectFileError(.truncated, file: fileName, offset: offset, detail: "\(count) bytes wanted")
    }
    return end.rawValue
  }

  private mutating func loadPage(_ index: UInt64) throws(ObjectFileError) -> [UInt8] {
    if let page = pages[index] { return page }
    let start = FileOffset(index * Self.pageByteCount)
    let size = Int(min(Self.pageByteCount, byteCount - start.rawValue))
    let page: [UInt8]
    do { page = try read(start, size) } catch {
      throw ObjectFileError(.unreadable, file: fileName, offset: start, cause: error)
    }
    guard page.count == size else {
      throw ObjectFileError(.truncated, file: fileName, offset: start, detail: "\(size) bytes wanted")
    }
    pages[index] = page
    return page
  }
}
