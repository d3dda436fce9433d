import Addressing
import Journal
import ObjectFile

/// Keeps what the dynamic loader reads of the file in step with the pointers and imports of an update.
protocol LoaderRecords {
  /// Makes the loader fill the word with `target` and the slide, or leave it alone.
  ///
  /// - Returns: the edits that are this word's own.
  mutating func setPointer(at word: VirtualAddress, to target: VirtualAddress?) throws(LinkError) -> [FileEdit]

  /// Makes the loader fill the word with the address that it finds for the symbol.
  mutating func setBind(at word: VirtualAddress, to symbol: ImportedSymbol) throws(LinkError) -> [FileEdit]

  /// Makes the loader leave a word alone that it filled from another image's symbol.
  mutating func clear(_ word: VirtualAddress) throws(LinkError) -> [FileEdit]

  /// - Parameter functions: of this update, with their places.
  mutating func addUnwind(of functions: [PlacedFunction]) throws(LinkError) -> [Operation]

  /// Cells of the personality routines that the unwind table names, where it can name few: each is to be named once.
  func personalityCells() throws(LinkError) -> [VirtualAddress]

  /// Whether unwinders find something for a function that begins there.
  func hasUnwind(at start: VirtualAddress) throws(LinkError) -> Bool

  /// For a function rewritten where it stands, in which no thread is when it is.
  mutating func replaceUnwind(of function: PlacedFunction) throws(LinkError) -> [Operation]

  /// What tells kernel, unwinders and readers of the file that the arena has grown.
  func grow() -> [Operation]

  /// Adds what belongs to the update as a whole, once it holds everything else.
  mutating func finish(_ draft: inout UpdateDraft) throws(LinkError)

  /// Notes in the cursors how far the tables are used now.
  func advance(_ cursors: inout ArenaCursors)
}

/// Tells, of the base image, which words the loader makes pointers into it.
protocol BasePointers {
  /// Where the word at `address` leads; nil for one that the loader leaves alone, or binds.
  mutating func target(at address: VirtualAddress) throws(LinkError) -> VirtualAddress?
}

/// What the formats of images have that the loader reads, as far as it decides how pointers are kept.
enum ImageTables {
  case elf(ELFArenaLayout)
  case machO(MachOUnwindRoom?)

  init(_ base: BaseImage) throws(LinkError) {
    switch base.format {
    case .machO:
      let encoded = base.arena.loaderTables
      self = .machO(MachOUnwindRoom(encoded: encoded))
      guard encoded.isEmpty || MachOUnwindRoom(encoded: encoded) != nil else { throw Self.unreadable }
    case .elf:
      guard let layout = ELFArenaLayout(encoded: base.arena.loaderTables) else {
        throw Self.unreadable
      }
      self = .elf(layout)
    }
  }

  private static var unreadable: LinkError {
    LinkError(.journal, detail: "the arena's description in the journal cannot be read")
  }

  /// Nil where functions cannot be given unwind information.
  var unwindRoom: UnwindRoom? {
    switch self {
    case .elf(let layout): layout.unwind.flatMap { $0.hasRoom ? .elf($0) : nil }
    case .machO(let room): room.map(UnwindRoom.machO)
    }
  }

  func basePointers(_ store: JournalStore) -> any BasePointers {
    switch self {
    case .elf(let layout): BaseRelocations(store: store, tables: layout)
    case .machO: MachOBasePointers(store: store)
    }
  }

  /// - Parameter cursors: how far the tables are used on any branch; the bytes are those of the parent update.
  func loaderRecords(
    store: JournalStore, parent: Digest, cursors: ArenaCursors
  ) throws(LinkError) -> any LoaderRecords {
    switch self {
    case .elf(let layout): try ELFLoaderRecords(tables: layout, store: store, parent: parent, cursors: cursors)
    case .machO(let room):
      try MachOLoaderRecords(store: store, parent: parent, unwindRoom: room, cursors: cursors)
    }
  }
}

/// Where an image has its unwind information, in the form of its format.
enum UnwindRoom {
  case elf(ELFUnwindRoom)
  case machO(MachOUnwindRoom)
}

/// Writes of mapped tables, which only bodies that nobody has entered yet need.
enum TableWrites {
  /// - Parameters:
  ///   - edits: all of them in `part`.
  ///   - isFresh: they fill what was free; a process that goes back keeps them, as it keeps the bodies.
  static func operations(_ edits: [FileEdit], in part: ArenaPart, isFresh: Bool) -> [Operation] {
    edits.map { edit in
      let address = part.range.start.rawValue &+ (edit.offset.rawValue &- part.fileOffset.rawValue)
      return .write(
        WriteOperation(
          place: .virtual(VirtualAddress(address)), before: edit.before, after: edit.after, isFresh: isFresh))
    }
  }

  /// What any update of the history has written into what was free in `part`.
  static func ofAllBranches(
    _ store: JournalStore, in part: ArenaPart
  ) throws(LinkError) -> [(offset: FileOffset, bytes: [UInt8])] {
    try fromJournal { () throws(JournalError) in
      var writes: [(offset: FileOffset, bytes: [UInt8])] = []
      for number in try store.numbersWithContent().reversed() {
        for case .write(let write) in try store.update(holding: number).content.operations where write.isFresh {
          guard case .virtual(let start) = write.place, part.range.contains(start),
            let offset = part.fileOffset.advanced(by: start.rawValue - part.range.start.rawValue)
          else { continue }
          writes.append((offset, write.after))
        }
      }
      return writes
    }
  }
}
