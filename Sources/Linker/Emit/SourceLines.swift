import Addressing
import Journal
import ObjectFile

/// The lines of the source that objects were compiled from, for the bodies that an update takes from them.
struct SourceLines {
  private var tables: [DWARFLines?] = []
  /// Objects whose line information could not be read: an update is none the worse for it.
  private(set) var notes: [LinkNote] = []

  /// Objects in the order of the link set.
  mutating func add(_ input: ObjectInput, path: String) {
    do throws(ObjectFileError) {
      switch input {
      case .elf(let file): tables.append(try DWARFLines(file))
      case .machO(let file): tables.append(try DWARFLines(file))
      }
    } catch {
      tables.append(nil)
      notes.append(LinkNote(kind: .linesUnread, subject: path))
    }
  }

  /// - Parameter places: where each code piece of the update starts.
  mutating func map(of places: [PieceID: VirtualAddress], in set: LinkSet) -> SourceMap {
    var map = SourceMap()
    var files: [String: Int] = [:]
    for (id, start) in places.sorted(by: { $0.value < $1.value }) {
      guard let rows = rows(of: set[id], in: id.object, &files), !rows.isEmpty,
        let byteCount = UInt32(exactly: set[id].byteCount)
      else { continue }
      map.bodies.append(BodyLines(start: start, byteCount: byteCount, rows: rows))
    }
    map.files = files.sorted { $0.value < $1.value }.map(\.key)
    return map
  }

  private mutating func rows(
    of piece: ObjectPiece, in object: Int, _ files: inout [String: Int]
  ) -> [BodyLines.Row]? {
    guard tables.indices.contains(object), tables[object] != nil else { return nil }
    let changes: [(offset: UInt64, line: SourceLine?)]?
    do throws(ObjectFileError) {
      changes = try tables[object]?.changes(
        inSection: piece.section, from: piece.start, byteCount: piece.byteCount)
    } catch {
      tables[object] = nil
      notes.append(LinkNote(kind: .linesUnread, subject: piece.name))
      return nil
    }
    var last = 0
    return changes?.compactMap { change in
      if let line = change.line {
        last = files[line.file] ?? files.count
        files[line.file] = last
      }
      let line = change.line.flatMap { UInt32(exactly: $0.line) } ?? 0
      return UInt32(exactly: change.offset - piece.start).map { BodyLines.Row(offset: $0, file: last, line: line) }
    }
  }
}
