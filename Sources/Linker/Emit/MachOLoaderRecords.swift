import Addressing
import Journal
import ObjectFile

/// Keeps chained fixups, or the opcodes that rebase and bind, of a Mach-O file in step with pointers and imports, and
/// its signature in step with all that changes.
///
/// Words of a chain hold the way to the next one, and opcodes are one stream: what the file gets is made when the whole
/// update is known.
struct MachOLoaderRecords: LoaderRecords {
  let store: JournalStore
  private let parent: Digest
  private let file: MachOFile
  private let tables: MachOLoaderTables
  private let libraries: [String]
  private var pointers: [VirtualAddress: MachOPointer?] = [:]
  /// Nil for an image without an unwind table.
  var unwind: MachOUnwindTable?

  /// - Parameter cursors: how far the unwind table is used on any branch.
  init(
    store: JournalStore, parent: Digest, unwindRoom: MachOUnwindRoom?, cursors: ArenaCursors
  ) throws(LinkError) {
    self.store = store
    self.parent = parent
    unwind = unwindRoom.map { room in
      MachOUnwindTable(
        room, functionCount: cursors.unwindEntries,
        exceptionTableCount: cursors.unwindBytes / MachOUnwindTable.entryByteCount, fileName: store.base.preparedPath
      ) { try store.fileBytes($0, count: $1, at: parent) }
    }
    do throws(ObjectFileError) {
      file = try MachOFile(tablesOf: store.base.preparedPath, byteCount: store.base.preparedByteCount) {
        try store.fileBytes($0, count: $1, at: parent)
      }
      tables = try MachOLoaderTables(file) { try store.fileBytes($0, count: $1, at: parent) }
      libraries = try file.libraries().map(\.name)
    } catch {
      throw LinkError(.objectFile, cause: error)
    }
  }

  mutating func setPointer(at word: VirtualAddress, to target: VirtualAddress?) throws(LinkError) -> [FileEdit] {
    if store.base.isPositionIndependent { pointers[word] = .some(target.map(MachOPointer.address)) }
    return []
  }

  mutating func setBind(at word: VirtualAddress, to symbol: ImportedSymbol) throws(LinkError) -> [FileEdit] {
    let number = symbol.library.flatMap { libraries.firstIndex(of: $0) }.map { MachOBindLibrary($0 + 1) }
    pointers[word] = .symbol(
      MachOBindTarget(library: number ?? .flatLookup, symbol: symbol.name, addend: symbol.addend))
    return []
  }

  mutating func clear(_ word: VirtualAddress) -> [FileEdit] {
    pointers[word] = .some(nil)
    return []
  }

  /// Its arena does not grow.
  func grow() -> [Operation] { [] }

  func advance(_ cursors: inout ArenaCursors) {
    guard let unwind else { return }
    cursors.unwindEntries = unwind.functionCount
    cursors.unwindBytes = unwind.exceptionTableCount * MachOUnwindTable.entryByteCount
  }

  // MARK: The whole update

  mutating func finish(_ draft: inout UpdateDraft) throws(LinkError) {
    do throws(ObjectFileError) {
      var edits: [FileOffset: FileEdit] = [:]
      for edit in try tables.edits(setting: pointers) {
        let former = edits[edit.offset].flatMap { $0.after.count == edit.after.count ? $0.before : nil }
        edits[edit.offset] = FileEdit(offset: edit.offset, before: former ?? edit.before, after: edit.after)
      }
      try draft.setWords { (cell) throws(ObjectFileError) in try words(of: cell, edits) }
      for cell in pointers.keys {
        if let offset = store.base.fileOffset(of: cell) { edits[offset] = nil }
      }
      for edit in edits.values.sorted(by: { $0.offset < $1.offset }) { Self.add(edit, to: &draft) }
      try sign(&draft)
    } catch {
      throw LinkError(error.code == .noRoom ? .noLoaderRoom : .objectFile, symbol: error.symbol, cause: error)
    }
  }

  /// What the file holds at a cell before and after the update; nil for one that no fixups are of.
  private func words(
    of cell: VirtualAddress, _ edits: [FileOffset: FileEdit]
  ) throws(ObjectFileError) -> (before: UInt64, after: UInt64)? {
    guard pointers.keys.contains(cell), let offset = store.base.fileOffset(of: cell) else { return nil }
    guard let edit = edits[offset], let before = edit.before.littleEndian64(at: 0),
      let after = edit.after.littleEndian64(at: 0)
    else {
      let word = try read(offset, 8).littleEndian64(at: 0) ?? 0
      return (word, word)
    }
    return (before, after)
  }

  private func read(_ offset: FileOffset, _ count: Int) throws(ObjectFileError) -> [UInt8] {
    do {
      return try store.fileBytes(offset, count: count, at: parent)
    } catch {
      throw ObjectFileError(.unreadable, file: file.name, offset: offset, cause: error, format: .machO)
    }
  }

  /// Only what differs: a stream of opcodes is mostly as it was.
  private static func add(_ edit: FileEdit, to draft: inout UpdateDraft) {
    for run in ByteRuns.differences(edit.before, edit.after) {
      draft.add(
        .write(
          WriteOperation(
            place: .file(FileOffset(edit.offset.rawValue + UInt64(run.lowerBound))), before: Array(edit.before[run]),
            after: Array(edit.after[run]))))
    }
  }

  /// The hashes of all pages that the update changes. That of the header page is not among them: whoever writes the
  /// header writes it.
  private func sign(_ draft: inout UpdateDraft) throws(ObjectFileError) {
    guard let signature = try file.codeSignature() else { return }
    let edits = draft.fileEdits { store.base.fileOffset(of: $0) }
    let hashes = try signature.edits(
      signing: edits, byteCount: store.base.preparedByteCount, sha256: { Digest.sha256(of: $0).bytes },
      read: { try read($0, $1) })
    for edit in hashes {
      draft.add(.write(WriteOperation(place: .file(edit.offset), before: edit.before, after: edit.after)))
    }
  }
}

/// The pointers of a Mach-O base image, by its fixups.
struct MachOBasePointers: BasePointers {
  private let store: JournalStore
  /// Read at the first question.
  private var tables: MachOLoaderTables?

  init(store: JournalStore) { self.store = store }

  /// A word that is bound to what the image itself defines, which another image might override, is a pointer to that.
  mutating func target(at address: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    switch try pointer(at: address) {
    case nil: return nil
    case .address(let target): return target
    case .symbol(let bound):
      let symbols = try fromJournal { () throws(JournalError) in try store.baseSymbols(named: bound.symbol) }
      return symbols.first { $0.binding != .local }?.address.displaced(by: bound.addend)
    }
  }

  private mutating func pointer(at address: VirtualAddress) throws(LinkError) -> MachOPointer? {
    do throws(ObjectFileError) {
      var known = try loaded()
      defer { tables = known }
      return try known.pointer(at: address)
    } catch {
      throw LinkError(.objectFile, cause: error)
    }
  }

  private func loaded() throws(ObjectFileError) -> MachOLoaderTables {
    if let tables { return tables }
    let store = store
    let read = { (offset: FileOffset, count: Int) throws -> [UInt8] in
      try store.baseFileBytes(at: offset, count: count)
    }
    let file = try MachOFile(
      tablesOf: store.base.preparedPath, byteCount: store.base.preparedByteCount, read: read)
    return try MachOLoaderTables(file, read: read)
  }
}
