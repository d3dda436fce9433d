import Addressing
import Journal
import ObjectFile

/// Keeps the dynamic loader's tables of an ELF file in step with pointers and imports.
///
/// An image that does not slide needs no record for a pointer of its own: the word is enough.
struct ELFLoaderRecords: LoaderRecords {
  var tables: ELFLoaderTables
  private let isPositionIndependent: Bool
  let store: JournalStore
  /// What several operations have a part in (sizes, symbols, strings, versions), by offset: the first before, the last
  /// after. Operations are sorted when the update is done, and must not depend on each other's order.
  private var shared: [FileOffset: FileEdit] = [:]

  /// - Parameter cursors: how far the tables are used on any branch; the bytes are those of the parent update.
  init(
    tables layout: ELFArenaLayout, store: JournalStore, parent: Digest, cursors: ArenaCursors
  ) throws(LinkError) {
    isPositionIndependent = store.base.isPositionIndependent
    self.store = store
    let counters = ELFTableCounters(
      relocations: cursors.relocations, dynamicSymbols: cursors.dynamicSymbols, dynamicStrings: cursors.dynamicStrings,
      versionNeeds: cursors.versionNeeds, unwindEntries: cursors.unwindEntries, unwindBytes: cursors.unwindBytes)
    do {
      tables = try ELFLoaderTables(layout: layout, counters: counters, fileName: store.base.preparedPath) {
        try store.fileBytes($0, count: $1, at: parent)
      }
    } catch {
      throw LinkError(.objectFile, cause: error)
    }
  }

  mutating func setPointer(at word: VirtualAddress, to target: VirtualAddress?) throws(LinkError) -> [FileEdit] {
    guard isPositionIndependent else { return [] }
    return try edit { (tables) throws(ObjectFileError) in
      try tables.setRelocation(at: word, to: target.map(ELFWordRelocation.relative))
    }
  }

  mutating func setBind(at word: VirtualAddress, to symbol: ImportedSymbol) throws(LinkError) -> [FileEdit] {
    let wanted = ELFImport(name: symbol.name, version: symbol.version, library: symbol.library)
    return try edit { (tables) throws(ObjectFileError) in
      let (index, edits) = try tables.symbol(for: wanted)
      return edits + (try tables.setRelocation(at: word, to: .symbol(index, addend: symbol.addend)))
    }
  }

  mutating func clear(_ word: VirtualAddress) throws(LinkError) -> [FileEdit] {
    guard tables.hasRelocations else { return [] }
    return try edit { (tables) throws(ObjectFileError) in try tables.setRelocation(at: word, to: nil) }
  }

  private mutating func edit(
    _ body: (inout ELFLoaderTables) throws(ObjectFileError) -> [FileEdit]
  ) throws(LinkError) -> [FileEdit] {
    do {
      return try body(&tables).filter { edit in
        if isRecord(edit) { return true }
        merge(edit)
        return false
      }
    } catch {
      throw LinkError(error.code == .noRoom ? .noLoaderRoom : .objectFile, symbol: error.symbol, cause: error)
    }
  }

  /// Whether it is one word's own relocation record.
  private func isRecord(_ edit: FileEdit) -> Bool {
    guard let table = tables.layout.relocations?.table else { return false }
    let end = table.fileOffset.rawValue + UInt64(table.capacity) * UInt64(table.entryByteCount)
    return table.fileOffset <= edit.offset && edit.offset.rawValue < end
  }

  private mutating func merge(_ edit: FileEdit) {
    guard let former = shared[edit.offset], former.after.count == edit.after.count else {
      shared[edit.offset] = edit
      return
    }
    shared[edit.offset] = FileEdit(offset: edit.offset, before: former.before, after: edit.after)
  }

  /// Adds the edits that belong to the update as a whole, ascending.
  mutating func finish(_ draft: inout UpdateDraft) {
    for edit in shared.values.filter({ $0.before != $0.after }).sorted(by: { $0.offset < $1.offset }) {
      draft.add(.write(WriteOperation(place: .file(edit.offset), before: edit.before, after: edit.after)))
    }
  }

  func advance(_ cursors: inout ArenaCursors) {
    cursors.relocations = tables.counters.relocations
    cursors.dynamicSymbols = tables.counters.dynamicSymbols
    cursors.dynamicStrings = tables.counters.dynamicStrings
    cursors.versionNeeds = tables.counters.versionNeeds
    cursors.unwindEntries = tables.counters.unwindEntries
    cursors.unwindBytes = tables.counters.unwindBytes
  }
}
