import Addressing
import Journal
import ObjectFile

// As for ELF: writes of memory that only new bodies need, which stay in a process as the bodies do.
extension MachOLoaderRecords {
  mutating func addUnwind(of functions: [PlacedFunction]) throws(LinkError) -> [Operation] {
    let sorted = functions.compactMap(\.machO).sorted { $0.start < $1.start }
    let lacksOthers = try tableEdits { (table) throws(ObjectFileError) in try table.lacksOthers() } ?? false
    var others: [(offset: FileOffset, bytes: [UInt8])] = []
    if lacksOthers, let part = unwind?.room.part { others = try TableWrites.ofAllBranches(store, in: part) }
    return try unwindWrites(isFresh: true) { (table) throws(ObjectFileError) in
      try table.adopt(others) + table.add(sorted)
    }
  }

  func personalityCells() throws(LinkError) -> [VirtualAddress] {
    var records = self
    return try records.tableEdits { (table) throws(ObjectFileError) in try table.personalities() } ?? []
  }

  func hasUnwind(at start: VirtualAddress) throws(LinkError) -> Bool {
    var records = self
    let found = try records.tableEdits { (table) throws(ObjectFileError) in try table.function(at: start) != nil }
    return found ?? false
  }

  mutating func replaceUnwind(of function: PlacedFunction) throws(LinkError) -> [Operation] {
    guard let function = function.machO else { return [] }
    return try unwindWrites(isFresh: false) { (table) throws(ObjectFileError) in try table.replace(function) }
  }

  private mutating func unwindWrites(
    isFresh: Bool, _ body: (inout MachOUnwindTable) throws(ObjectFileError) -> [FileEdit]
  ) throws(LinkError) -> [Operation] {
    guard let edits = try tableEdits(body), let part = unwind?.room.part else { return [] }
    return TableWrites.operations(edits, in: part, isFresh: isFresh)
  }

  /// Nil for an image without a table.
  private mutating func tableEdits<Result>(
    _ body: (inout MachOUnwindTable) throws(ObjectFileError) -> Result
  ) throws(LinkError) -> Result? {
    guard var table = unwind else { return nil }
    defer { unwind = table }
    do {
      return try body(&table)
    } catch {
      throw LinkError(error.code == .noRoom ? .noLoaderRoom : .objectFile, symbol: error.symbol, cause: error)
    }
  }
}
