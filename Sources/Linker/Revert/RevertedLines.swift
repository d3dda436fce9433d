import Addressing
import Journal

/// The lines of the source of bodies that functions go back to: whoever asks finds them with the update that went back.
struct RevertedLines {
  let store: JournalStore
  /// The update at which the bodies were the newest ones.
  let parent: Digest

  func map(of atoms: [AtomChange]) throws(LinkError) -> SourceMap {
    var bodies: [VirtualAddress: (lines: BodyLines, files: [String])] = [:]
    for change in atoms where change.atomKind == .function {
      guard let start = change.after?.body.start, bodies[start] == nil else { continue }
      bodies[start] = try lines(of: change.atom, at: start)
    }
    var map = SourceMap()
    var files: [String: Int] = [:]
    for (_, body) in bodies.sorted(by: { $0.key < $1.key }) {
      var lines = body.lines
      lines.rows = lines.rows.map { row in
        guard body.files.indices.contains(row.file) else { return row }
        var moved = row
        moved.file = files[body.files[row.file]] ?? files.count
        files[body.files[row.file]] = moved.file
        return moved
      }
      map.bodies.append(lines)
    }
    map.files = files.sorted { $0.value < $1.value }.map(\.key)
    return map
  }

  /// Nil for a body of the base image, whose lines are in its own debug information, and where there are none.
  private func lines(
    of atom: AtomIdentity, at start: VirtualAddress
  ) throws(LinkError) -> (lines: BodyLines, files: [String])? {
    try fromJournal { () throws(JournalError) in
      guard let placed = try store.placement(of: atom, at: parent), placed.update != .base else { return nil }
      let sources = try store.update(holding: placed.update).content.sources
      return sources.bodies.first { $0.start == start }.map { ($0, sources.files) }
    }
  }
}
