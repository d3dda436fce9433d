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
  mutating func addUnwind(of functions: [ELFUnwindFunction]) throws(LinkError) -> [Operation]

  /// For a function rewritten where it stands, in which no thread is when it is.
  mutating func replaceUnwind(of function: ELFUnwindFunction) throws(LinkError) -> [Operation]

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
  case machO

  init(_ base: BaseImage) throws(LinkError) {
    switch base.format {
    case .machO: self = .machO
    case .elf:
      guard let layout = ELFArenaLayout(encoded: base.arena.loaderTables) else {
        throw LinkError(.journal, detail: "the arena's description in the journal cannot be read")
      }
      self = .elf(layout)
    }
  }

  /// Nil where functions cannot be given unwind information.
  var unwindRoom: ELFUnwindRoom? {
    guard case .elf(let layout) = self else { return nil }
    return layout.unwind.flatMap { $0.hasRoom ? $0 : nil }
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
    case .machO: try MachOLoaderRecords(store: store, parent: parent)
    }
  }
}
