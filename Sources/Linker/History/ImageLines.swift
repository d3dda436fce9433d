public import Addressing
import Foundation
public import Journal
import ObjectFile

/// The lines of the source that the base image's own code was made from, by the debug information in it.
///
/// It is read from the image where that still is what was adopted, else from the journal's copy.
public struct ImageLines {
  private let store: JournalStore
  private var lines: DWARFLines??

  public init(store: JournalStore) { self.store = store }

  /// Nil where the image tells none: without debug information, or with one that is not read.
  public mutating func line(at address: VirtualAddress) -> SourcePlace? {
    if lines == nil { lines = .some(load()) }
    guard let found = lines.flatMap({ $0 }) else { return nil }
    var reader = found
    defer { lines = .some(reader) }
    guard let line = try? reader.line(at: address), let number = UInt32(exactly: line.line) else { return nil }
    return SourcePlace(file: line.file, line: number)
  }

  private func load() -> DWARFLines? {
    let folder = URL(fileURLWithPath: store.path).deletingLastPathComponent()
    for path in [store.base.originalPath, store.base.preparedPath] {
      let beside = folder.appendingPathComponent(URL(fileURLWithPath: path).lastPathComponent).path
      for candidate in [path, beside] {
        guard let mapped = try? MappedFile(path: candidate), let file = try? ELFFile(mapped),
          let identity = try? ImageIdentity.of(file), identity == store.base.identity
        else { continue }
        return (try? DWARFLines(file)).flatMap { $0 }
      }
    }
    return ofJournal()
  }

  private func ofJournal() -> DWARFLines? {
    guard let file = JournalImage.file(of: store) else { return nil }
    return (try? DWARFLines(file)).flatMap { $0 }
  }
}
