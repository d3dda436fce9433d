/// A note (gABI, Note Section).
public struct ELFNote: Sendable {
  public let name: String
  public let type: UInt32
  public let descriptor: ByteView
}

extension ELFFile {
  /// All notes: those of the note segments, or, where there is none, of the note sections.
  public func notes() throws(ObjectFileError) -> [ELFNote] {
    var result: [ELFNote] = []
    for area in noteAreas { try appendNotes(of: area, to: &result) }
    return result
  }

  /// The descriptor of the NT_GNU_BUILD_ID note, the image's identity.
  public var buildID: [UInt8]? {
    for area in noteAreas {
      var notes: [ELFNote] = []
      // A damaged area gives the notes before the damage; a missing identity is refused by whoever needs one.
      try? appendNotes(of: area, to: &notes)
      if let note = notes.first(where: { $0.name == "GNU" && $0.type == 3 }) { return note.descriptor.allBytes }
    }
    return nil
  }

  private typealias NoteArea = (offset: UInt64, byteCount: UInt64, alignment: UInt64)

  private var noteAreas: [NoteArea] {
    let fromSegments: [NoteArea] = segments.compactMap {
      $0.type == .note ? ($0.fileOffset.rawValue, $0.fileByteCount, $0.alignment) : nil
    }
    guard fromSegments.isEmpty else { return fromSegments }
    return sections.compactMap {
      $0.type == .note && !$0.flags.contains(.compressed)
        ? ($0.fileOffset.rawValue, $0.byteCount, $0.alignment) : nil
    }
  }

  private func appendNotes(of area: NoteArea, to result: inout [ELFNote]) throws(ObjectFileError) {
    let bytes = try view.slice(area.offset, area.byteCount)
    // Fields are padded to 4 bytes, but to 8 where the area is aligned to 8 (.note.gnu.property).
    let padding: UInt64 = area.alignment == 8 ? 8 : 4
    func padded(_ size: UInt64) -> UInt64 { (size + padding - 1) & ~(padding - 1) }
    var at: UInt64 = 0
    while at < UInt64(bytes.count) {
      let head = try bytes.slice(at, 12)
      let nameByteCount = UInt64(head.loadValidated(UInt32.self, at: 0))
      let descriptorByteCount = UInt64(head.loadValidated(UInt32.self, at: 4))
      let name = try bytes.slice(at + 12, nameByteCount)
      let descriptorAt = padded(at + 12 + nameByteCount)
      result.append(
        ELFNote(
          name: nameByteCount == 0 ? "" : try name.cString(at: 0), type: head.loadValidated(UInt32.self, at: 8),
          descriptor: try bytes.slice(descriptorAt, descriptorByteCount)))
      at = padded(descriptorAt + descriptorByteCount)
    }
  }
}
