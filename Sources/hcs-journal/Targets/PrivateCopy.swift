import Addressing
import Foundation
import Journal

/// The first image of an observed program, as a file of its own: a process must not map the one that its compiler
/// rewrites, for what is written there shows in pages that the process has not touched yet.
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
      let bytes = try store.baseFileBytes(at: FileOffset(0), count: Int(clamping: store.base.originalByteCount))
      try Data(bytes).write(to: file)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    } catch {
      remove()
      throw error
    }
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}
