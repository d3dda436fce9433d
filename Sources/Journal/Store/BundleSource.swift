import Foundation

/// A bundle file, read from front to end in pieces: what it takes of memory does not grow with the history in it.
struct BundleSource {
  private static let pieceByteCount = 1 << 20

  private let handle: FileHandle
  let path: String
  /// Without the digest at the end.
  let contentByteCount: UInt64
  private(set) var position: UInt64 = 0

  /// Opens it, and refuses it unless all of it is what its digest says.
  init(path: String) throws(JournalError) {
    self.path = path
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw JournalError(.noSuchBundle, detail: path)
    }
    self.handle = handle
    let size = try Self.io { try handle.seekToEnd() }
    guard size >= UInt64(BundleFormat.headByteCount + Digest.byteCount) else {
      throw JournalError(.malformedBundle, detail: "\(path) has \(size) bytes")
    }
    contentByteCount = size - UInt64(Digest.byteCount)
    try seek(to: 0)
    let digest = try Digest.sha256 { () throws(JournalError) in try nextPiece() }
    position = contentByteCount
    guard try Digest(bytes: raw(Digest.byteCount)) == digest else {
      throw JournalError(.malformedBundle, detail: "the bytes of \(path) are not what the digest at its end says")
    }
    try seek(to: 0)
  }

  mutating func read(_ count: Int) throws(JournalError) -> [UInt8] {
    guard count >= 0, UInt64(count) <= contentByteCount - position else {
      throw JournalError(.malformedBundle, detail: "\(path) ends in the middle of an update")
    }
    return try raw(count)
  }

  var isAtEnd: Bool { position == contentByteCount }

  private mutating func nextPiece() throws(JournalError) -> [UInt8]? {
    let count = min(UInt64(Self.pieceByteCount), contentByteCount - position)
    return count == 0 ? nil : try raw(Int(count))
  }

  private mutating func seek(to offset: UInt64) throws(JournalError) {
    try Self.io { try handle.seek(toOffset: offset) }
    position = offset
  }

  private mutating func raw(_ count: Int) throws(JournalError) -> [UInt8] {
    let bytes = try Self.io { try handle.read(upToCount: count) ?? Data() }
    guard bytes.count == count else {
      throw JournalError(.malformedBundle, detail: "\(path) became shorter while it was read")
    }
    position += UInt64(count)
    return [UInt8](bytes)
  }

  private static func io<Value>(_ body: () throws -> Value) throws(JournalError) -> Value {
    do { return try body() } catch { throw JournalError(.storageFailed, cause: error) }
  }
}
