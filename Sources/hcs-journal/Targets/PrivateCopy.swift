import Addressing
import Foundation
import Journal

/// The journal's own image, as a file of its own: of an observed program, for a process must not map the one that its compiler
/// rewrites, since what is written there shows in pages that the process has not touched yet; and for whoever needs an
/// image that nobody else moves.
struct PrivateCopy {
  let path: String
  private let folder: URL

  init(of store: JournalStore) throws {
    let name = URL(fileURLWithPath: store.base.originalPath).lastPathComponent
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("hcs-journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let file = folder.appendingPathComponent(name.isEmpty ? "image" : name)
    path = file.path
    do {
      let byteCount = store.base.isPrepared ? store.base.preparedByteCount : store.base.originalByteCount
      try Self.write(byteCount, of: store, to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    } catch {
      remove()
      throw error
    }
  }

  private static func write(_ byteCount: UInt64, of store: JournalStore, to file: URL) throws {
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    defer { try? handle.close() }
    var offset: UInt64 = 0
    while offset < byteCount {
      let bytes = try store.baseFileBytes(at: FileOffset(offset), count: Int(min(byteCount - offset, 1 << 20)))
      // An arena is mostly zeroes: they are left to the file system.
      if bytes.contains(where: { $0 != 0 }) {
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: bytes)
      }
      offset += UInt64(bytes.count)
    }
    try handle.truncate(atOffset: byteCount)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}
