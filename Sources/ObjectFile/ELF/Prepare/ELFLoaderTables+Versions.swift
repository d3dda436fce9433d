import Addressing

/// The chain of needed versions (LSB, Version Requirements): a Verneed for each library, which links to the next; a
/// chain of Vernaux for its versions. Both records are 16 bytes, and all links are distances from the linking record.
extension ELFLoaderTables {
  struct NeededVersion {
    var at: FileOffset
    var index: UInt16
    /// Offset in the dynamic strings.
    var name: UInt32
  }

  struct NeededLibrary {
    var at: FileOffset
    var name: UInt32
    var versions: [NeededVersion]
  }

  private static let recordByteCount: UInt32 = 16

  /// What the file has of the chain. Hostile links end in an error: a chain visits no more records than there is room.
  mutating func libraries(_ room: ELFVersionRoom) throws(ObjectFileError) -> [NeededLibrary] {
    var result: [NeededLibrary] = []
    var steps = 0
    var at: FileOffset? = room.needs.usedCount > 0 ? room.needs.fileOffset : nil
    while let record = at {
      try step(&steps, record, room)
      let first = try buffer.load(UInt32.self, at: field(8, of: record))
      var library = NeededLibrary(
        at: record, name: try buffer.load(UInt32.self, at: field(4, of: record)), versions: [])
      var auxiliary = first == 0 ? nil : record.advanced(by: UInt64(first))
      while let version = auxiliary {
        try step(&steps, version, room)
        library.versions.append(
          NeededVersion(
            at: version, index: try buffer.load(UInt16.self, at: field(6, of: version)) & 0x7FFF,
            name: try buffer.load(UInt32.self, at: field(8, of: version))))
        auxiliary = try next(of: version)
      }
      result.append(library)
      at = try next(of: record)
    }
    return result
  }

  private func field(_ offset: UInt64, of record: FileOffset) -> FileOffset { FileOffset(record.rawValue &+ offset) }

  /// `vn_next` and `vna_next` both stand at 12.
  private mutating func next(of record: FileOffset) throws(ObjectFileError) -> FileOffset? {
    let distance = try buffer.load(UInt32.self, at: field(12, of: record))
    return distance == 0 ? nil : record.advanced(by: UInt64(distance))
  }

  private func step(_ steps: inout Int, _ record: FileOffset, _ room: ELFVersionRoom) throws(ObjectFileError) {
    steps += 1
    let start = room.needs.fileOffset.rawValue
    guard steps <= Int(room.needs.capacity / Self.recordByteCount), record.rawValue >= start,
      record.rawValue - start <= UInt64(room.needs.capacity) - UInt64(Self.recordByteCount)
    else { throw failure(.cyclicReference, at: record, detail: "the needed versions") }
  }

  /// The version index for an import, 1 (VER_NDX_GLOBAL) for one without version.
  mutating func versionIndex(for wanted: ELFImport, _ room: ELFSymbolRoom) throws(ObjectFileError) -> UInt16 {
    guard let version = wanted.version else { return 1 }
    guard let versions = room.versions else {
      throw failure(
        .noRoom, symbol: wanted.name, detail: "it has no symbol versions, so that \(version) cannot be asked for")
    }
    guard let libraryName = wanted.library else {
      throw failure(.badString, symbol: wanted.name, detail: "version \(version) of no library")
    }
    let libraries = try libraries(versions)
    let strings = try strings(room)
    let library = libraries.first { string(at: $0.name, in: strings) == libraryName }
    if let found = library?.versions.first(where: { string(at: $0.name, in: strings) == version }) {
      return found.index
    }
    let highest = libraries.flatMap(\.versions).map(\.index).max() ?? 1
    let index = max(highest, versions.highestDefinedIndex, 1) + 1
    guard index < 0x7FFF else { throw failure(.noRoom, symbol: wanted.name, detail: "all version indexes are used") }
    let name = try stringOffset(of: version, room)
    if let library {
      try add(version, named: name, index: index, to: library, versions)
    } else {
      let libraryOffset = try stringOffset(of: libraryName, room)
      try addLibrary(libraryOffset, behind: libraries, version: version, named: name, index: index, versions)
    }
    return index
  }

  /// The records behind the chain come first, the link to them last: the chain is whole at every moment.
  private mutating func add(
    _ version: String, named name: UInt32, index: UInt16, to library: NeededLibrary, _ room: ELFVersionRoom
  ) throws(ObjectFileError) {
    let offset = try reserveNeeds(Self.recordByteCount, room, version)
    try buffer.write(Self.auxiliary(version, name, index), at: room.needs.offset(ofEntry: offset))
    try useNeeds(offset + Self.recordByteCount, room)
    let previous = library.versions.last
    let link = previous.map { field(12, of: $0.at) } ?? field(8, of: library.at)
    try writeLink(link, from: previous?.at ?? library.at, to: room.needs.offset(ofEntry: offset))
    try write(UInt16(clamping: library.versions.count + 1), at: field(2, of: library.at))
  }

  private mutating func addLibrary(
    _ library: UInt32, behind libraries: [NeededLibrary], version: String, named name: UInt32, index: UInt16,
    _ room: ELFVersionRoom
  ) throws(ObjectFileError) {
    guard let last = libraries.last else {
      throw failure(.malformedTable, at: room.needs.fileOffset, detail: "the needed versions are empty")
    }
    let offset = try reserveNeeds(2 * Self.recordByteCount, room, version)
    var record = TableBytes()
    record.append(UInt16(1))  // vn_version
    record.append(UInt16(1))  // vn_cnt
    record.append(library)
    record.append(Self.recordByteCount)  // vn_aux
    record.append(UInt32(0))  // vn_next
    record.append(Self.auxiliary(version, name, index))
    try buffer.write(record.bytes, at: room.needs.offset(ofEntry: offset))
    try useNeeds(offset + 2 * Self.recordByteCount, room)
    try writeLink(field(12, of: last.at), from: last.at, to: room.needs.offset(ofEntry: offset))
    for word in room.libraryCountWords {
      try buffer.write(word.bytes(count: UInt32(clamping: libraries.count + 1)), at: word.fileOffset)
    }
  }

  /// Where `size` bytes can be added; records are aligned to 4.
  private mutating func reserveNeeds(
    _ size: UInt32, _ room: ELFVersionRoom, _ version: String
  ) throws(ObjectFileError) -> UInt32 {
    let used = max(counters.versionNeeds, try presentCount(of: room.needs))
    let padding = (4 - used % 4) % 4
    let name = "the table of needed versions"
    return try self.room(for: padding + size, in: room.needs, used: used, called: name, symbol: version) + padding
  }

  private mutating func useNeeds(_ end: UInt32, _ room: ELFVersionRoom) throws(ObjectFileError) {
    try setCount(of: room.needs, atLeast: end)
    counters.versionNeeds = end
  }

  private mutating func writeLink(
    _ link: FileOffset, from record: FileOffset, to target: FileOffset
  ) throws(ObjectFileError) {
    guard target > record else { throw failure(.malformedTable, at: record, detail: "a needed version") }
    try write(UInt32(clamping: target.rawValue - record.rawValue), at: link)
  }

  /// A Vernaux that ends its chain.
  private static func auxiliary(_ version: String, _ name: UInt32, _ index: UInt16) -> [UInt8] {
    var record = TableBytes()
    record.append(SystemVHash.hash(version))
    record.append(UInt16(0))  // vna_flags
    record.append(index)
    record.append(name)
    record.append(UInt32(0))  // vna_next
    return record.bytes
  }
}
