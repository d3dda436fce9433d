public import Addressing

/// What the loader puts in a word.
public enum ELFWordRelocation: Hashable, Sendable {
  /// An address of this image, plus the slide.
  case relative(VirtualAddress)
  /// The address of a dynamic symbol, by its index, plus the addend.
  case symbol(UInt32, addend: Int64)
}

extension ELFLoaderTables {
  /// Whether pointers in the image need relocation records at all: not where the image never slides, and has no table.
  public var hasRelocations: Bool { layout.relocations != nil }

  /// The relocation of the word at an address, as it is now; nil where it has none.
  public mutating func relocation(at word: VirtualAddress) throws(ObjectFileError) -> ELFWordRelocation? {
    guard let table = layout.relocations?.table, let index = try indexOfRecord(at: word) else { return nil }
    let record = try buffer.bytes(at: table.offset(ofEntry: index), count: 24)
    let bytes = TableBytes(record)
    let addend = bytes.load(Int64.self, at: 16)
    switch bytes.load(UInt32.self, at: 8) {
    case types.none: return nil
    case types.relative: return .relative(VirtualAddress(UInt64(bitPattern: addend)))
    case types.absolute, types.globalData: return .symbol(bytes.load(UInt32.self, at: 12), addend: addend)
    case let type:
      throw failure(
        .unsupportedRelocation, at: table.offset(ofEntry: index), detail: "relocation type \(type) on \(word)")
    }
  }

  /// Makes the loader fill the word at an address, whose relocation, if it has one, is replaced; nil takes it away.
  public mutating func setRelocation(
    at word: VirtualAddress, to relocation: ELFWordRelocation?
  ) throws(ObjectFileError) -> [FileEdit] {
    guard let room = layout.relocations else {
      throw failure(.noRoom, detail: "there is no table of dynamic relocations (DT_RELA) to add one for \(word)")
    }
    return try change { (tables) throws(ObjectFileError) in
      if let index = try tables.indexOfRecord(at: word) {
        try tables.lowerRelativeCount(room, to: index, for: relocation)
        try tables.buffer.write(tables.record(relocation, at: word), at: room.table.offset(ofEntry: index))
      } else if let relocation {
        try tables.addRecord(relocation, at: word, room.table)
      }
    }.edits
  }

  private mutating func addRecord(
    _ relocation: ELFWordRelocation, at word: VirtualAddress, _ table: ELFTableRoom
  ) throws(ObjectFileError) {
    let used = max(counters.relocations, try presentCount(of: table))
    let index = try room(for: 1, in: table, used: used, called: "the table of dynamic relocations")
    try buffer.write(record(relocation, at: word), at: table.offset(ofEntry: index))
    try setCount(of: table, atLeast: index + 1)
    counters.relocations = index + 1
  }

  /// The record that stands for `word`; it keeps its place in the table whatever becomes of it.
  private mutating func indexOfRecord(at word: VirtualAddress) throws(ObjectFileError) -> UInt32? {
    guard let room = layout.relocations else { return nil }
    if let index = try sortedIndex(of: word, room) { return index }
    let end = try presentCount(of: room.table)
    guard room.sortedCount < end else { return nil }
    let records = TableBytes(
      try buffer.bytes(at: room.table.offset(ofEntry: room.sortedCount), count: Int(end - room.sortedCount) * 24))
    // Backwards: what was added last is what changes most.
    for index in (0..<Int(end - room.sortedCount)).reversed()
    where records.load(UInt64.self, at: index * 24) == word.rawValue { return room.sortedCount + UInt32(index) }
    return nil
  }

  private mutating func sortedIndex(
    of word: VirtualAddress, _ room: ELFRelocationRoom
  ) throws(ObjectFileError) -> UInt32? {
    let table = room.table
    let found = try (0..<room.sortedCount).partitioningIndex { (index) throws(ObjectFileError) in
      try buffer.load(UInt64.self, at: table.offset(ofEntry: index)) >= word.rawValue
    }
    guard found < room.sortedCount else { return nil }
    return try buffer.load(UInt64.self, at: table.offset(ofEntry: found)) == word.rawValue ? found : nil
  }

  /// glibc takes the first DT_RELACOUNT records for relative and stops the program at one that is not
  /// (dl-machine.h, elf_machine_rela_relative); behind them it looks at each.
  private mutating func lowerRelativeCount(
    _ room: ELFRelocationRoom, to index: UInt32, for relocation: ELFWordRelocation?
  ) throws(ObjectFileError) {
    if case .relative = relocation { return }
    guard let word = room.relativeCountWord, try buffer.load(UInt64.self, at: word) > UInt64(index) else { return }
    var count = TableBytes()
    count.append(UInt64(index))
    try buffer.write(count.bytes, at: word)
  }

  /// A record that does nothing keeps its `r_offset`, so that it is found again.
  private func record(_ relocation: ELFWordRelocation?, at word: VirtualAddress) -> [UInt8] {
    var bytes = TableBytes()
    bytes.append(word.rawValue)
    switch relocation {
    case nil:
      bytes.append(types.none)
      bytes.append(UInt32(0))
      bytes.append(Int64(0))
    case .relative(let target):
      bytes.append(types.relative)
      bytes.append(UInt32(0))
      bytes.append(target.rawValue)
    case .symbol(let index, let addend):
      // The psABI gives GLOB_DAT no addend.
      bytes.append(addend == 0 ? types.globalData : types.absolute)
      bytes.append(index)
      bytes.append(addend)
    }
    return bytes.bytes
  }
}
