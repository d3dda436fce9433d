import Addressing
import Journal
import ObjectFile

// The unwind table is mapped: what is added to it are writes of memory, in tasks as in files. No thread can be in the new
// bodies before the commit, so a task gets them while it runs. Taken back they stay there, as the bodies do, in which a
// thread may still be.
extension ELFLoaderRecords {
  mutating func addUnwind(of functions: [ELFUnwindFunction]) throws(LinkError) -> [Operation] {
    let sorted = functions.sorted { $0.start < $1.start }
    let others = try lacksUnwindOfOthers() ? try unwindWritesOfAllBranches() : []
    return try unwindWrites(isFresh: true) { (tables) throws(ObjectFileError) in
      try tables.adoptUnwind(others) + tables.addUnwind(of: sorted)
    }
  }

  mutating func replaceUnwind(of function: ELFUnwindFunction) throws(LinkError) -> [Operation] {
    try unwindWrites(isFresh: false) { (tables) throws(ObjectFileError) in try tables.replaceUnwind(of: function) }
  }

  private mutating func lacksUnwindOfOthers() throws(LinkError) -> Bool {
    do { return try tables.lacksUnwindOfOthers() } catch { throw LinkError(.objectFile, cause: error) }
  }

  private func unwindWritesOfAllBranches() throws(LinkError) -> [(offset: FileOffset, bytes: [UInt8])] {
    try fromJournal { () throws(JournalError) in
      var writes: [(offset: FileOffset, bytes: [UInt8])] = []
      for summary in try store.log() {
        for case .write(let write) in try store.update(summary.number).content.operations where write.isFresh {
          guard case .virtual(let start) = write.place, tables.layout.tables.range.contains(start),
            let offset = tables.layout.fileOffset(of: start)
          else { continue }
          writes.append((offset, write.after))
        }
      }
      return writes
    }
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
    let part = tables.layout.tables
    return edits.map { edit in
      let address = part.range.start.rawValue &+ (edit.offset.rawValue &- part.fileOffset.rawValue)
      return .write(
        WriteOperation(
          place: .virtual(VirtualAddress(address)), before: edit.before, after: edit.after, isFresh: isFresh))
    }
  }
}
