import Addressing
import Journal
import ObjectFile

// The unwind table is mapped: what is added to it are writes of memory, in tasks as in files. No thread can be in the new
// bodies before the commit, so a task gets them while it runs. Taken back they stay there, as the bodies do, in which a
// thread may still be.
extension ELFLoaderRecords {
  mutating func addUnwind(of functions: [PlacedFunction]) throws(LinkError) -> [Operation] {
    let sorted = functions.compactMap(\.elf).sorted { $0.start < $1.start }
    let others = try lacksUnwindOfOthers() ? try TableWrites.ofAllBranches(store, in: tables.layout.tables) : []
    return try unwindWrites(isFresh: true) { (tables) throws(ObjectFileError) in
      try tables.adoptUnwind(others) + tables.addUnwind(of: sorted)
    }
  }

  /// Every CIE names its own.
  func personalityCells() -> [VirtualAddress] { [] }

  func hasUnwind(at start: VirtualAddress) throws(LinkError) -> Bool {
    var tables = tables
    do { return try tables.hasUnwind(at: start) } catch { throw LinkError(.objectFile, cause: error) }
  }

  mutating func replaceUnwind(of function: PlacedFunction) throws(LinkError) -> [Operation] {
    guard let function = function.elf else { return [] }
    return try unwindWrites(isFresh: false) { (tables) throws(ObjectFileError) in try tables.replaceUnwind(of: function)
    }
  }

  private mutating func lacksUnwindOfOthers() throws(LinkError) -> Bool {
    do { return try tables.lacksUnwindOfOthers() } catch { throw LinkError(.objectFile, cause: error) }
  }

  private mutating func unwindWrites(
    isFresh: Bool, _ body: (inout ELFLoaderTables) throws(ObjectFileError) -> [FileEdit]
  ) throws(LinkError) -> [Operation] {
    let edits: [FileEdit]
    do {
      edits = try body(&tables)
    } catch {
      throw LinkError(error.code == .noRoom ? .noLoaderRoom : .objectFile, symbol: error.symbol, cause: error)
    }
    return TableWrites.operations(edits, in: tables.layout.tables, isFresh: isFresh)
  }

  /// Program headers are mapped with the tables: unwinders and collectors of garbage go by those in memory (dl_iterate_phdr). A
  /// process that goes back keeps them, as it keeps the bodies.
  func grow() -> [Operation] {
    guard let growth = tables.layout.growth else { return [] }
    let segments = TableWrites.operations(growth.segmentEdits(), in: tables.layout.tables, isFresh: true)
    let sections = growth.sectionEdits().map { edit in
      Operation.write(WriteOperation(place: .file(edit.offset), before: edit.before, after: edit.after))
    }
    return segments + sections
  }
}
