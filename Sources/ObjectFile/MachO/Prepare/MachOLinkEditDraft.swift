import Addressing

/// What `__LINKEDIT` holds, piece by piece in the order it has, each with the load command that says where it is.
struct MachOLinkEditDraft {
  struct Chunk {
    /// What it is, where it gets other bytes.
    enum Kind: Hashable {
      case rebases, binds, chains, strings, other
    }

    let kind: Kind
    let oldOffset: UInt64
    var bytes: [UInt8]
    /// Index of the load command, and its fields.
    let command: Int
    let offsetField: Int
    /// Nil where the command counts entries.
    let sizeField: Int?
  }

  private(set) var chunks: [Chunk] = []
  let signatureCommand: Int?

  init(_ file: MachOFile) throws(ObjectFileError) {
    signatureCommand = file.loadCommands.first(.codeSignature)?.index
    for command in file.loadCommands {
      switch command.kind {
      case .codeSignature: break
      case .loaderInfo, .loaderInfoOnly:
        // rebase_off, bind_off, weak_bind_off, lazy_bind_off, export_off, each with its size.
        for (field, kind) in [(8, Chunk.Kind.rebases), (16, .binds), (24, .other), (32, .other), (40, .other)] {
          try append(file, command, kind, offsetField: field, sizeField: field + 4)
        }
      case .symbolTable:
        try append(file, command, .other, offsetField: 8, countField: 12, MachOSymbolTable.entryByteCount)
        try append(file, command, .strings, offsetField: 16, sizeField: 20)
      case .dynamicSymbolTable:
        try append(file, command, .other, offsetField: 56, countField: 60, 4)
      case let kind where MachOLoadCommandKind.linkEditData.contains(kind):
        try append(file, command, kind == .chainedFixups ? .chains : .other, offsetField: 8, sizeField: 12)
      default: break
      }
    }
    chunks.sort { ($0.oldOffset, $0.command, $0.offsetField) < ($1.oldOffset, $1.command, $1.offsetField) }
  }

  private mutating func append(
    _ file: MachOFile, _ command: MachOLoadCommand, _ kind: Chunk.Kind, offsetField: Int, sizeField: Int? = nil,
    countField: Int = 0, _ entryByteCount: Int = 1
  ) throws(ObjectFileError) {
    let offset = UInt64(try command.view.load(UInt32.self, at: offsetField))
    let count = UInt64(try command.view.load(UInt32.self, at: sizeField ?? countField)) * UInt64(entryByteCount)
    chunks.append(
      Chunk(
        kind: kind, oldOffset: offset, bytes: count == 0 ? [] : try file.view.slice(offset, count).allBytes,
        command: command.index, offsetField: offsetField, sizeField: sizeField))
  }

  func bytes(of kind: Chunk.Kind) -> [UInt8]? { chunks.first { $0.kind == kind }?.bytes }

  /// Gives a piece other bytes.
  mutating func replace(_ kind: Chunk.Kind, with bytes: [UInt8]) {
    guard let index = chunks.firstIndex(where: { $0.kind == kind }) else { return }
    chunks[index].bytes = bytes
  }

  /// Puts the pieces one after the other, and says so in their commands.
  ///
  /// - Returns: what goes where, and the first byte behind it all.
  func place(
    at start: FileOffset, _ commands: inout MachOCommandDraft
  ) -> (pieces: [SparseImage.Piece], end: UInt64) {
    var pieces: [SparseImage.Piece] = []
    var offset = start.rawValue
    for chunk in chunks {
      // A table that is empty has no place.
      guard !chunk.bytes.isEmpty else {
        commands.set(0, command: chunk.command, field: chunk.offsetField)
        continue
      }
      offset = (offset + 7) & ~7
      commands.set(offset, command: chunk.command, field: chunk.offsetField)
      if let sizeField = chunk.sizeField {
        commands.set(UInt64(chunk.bytes.count), command: chunk.command, field: sizeField)
      }
      pieces.append(SparseImage.Piece(fileOffset: FileOffset(offset), bytes: chunk.bytes))
      offset += UInt64(chunk.bytes.count)
    }
    return (pieces, offset)
  }
}
