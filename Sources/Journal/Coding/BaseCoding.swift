/// The canonical encoding of an arena: part of the base digest, and how a journal stores it.
enum BaseCoding {
  private static let version: UInt8 = 1

  static func encode(_ arena: Arena) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(version)
    for range in [
      arena.code, arena.constants, arena.writable, arena.header, arena.cells, arena.flags, arena.data,
    ] { writer.append(range) }
    writer.append(byteString: arena.loaderTables)
    writer.append(arena.cursors)
    return writer.bytes
  }

  static func decodeArena(_ bytes: [UInt8]) throws(JournalError) -> Arena {
    var reader = ByteReader(bytes, refusingWith: .malformedBase)
    guard try reader.byte() == version else { throw reader.refusal("unknown version of the arena's encoding") }
    let arena = Arena(
      code: try reader.range(), constants: try reader.range(), writable: try reader.range(),
      header: try reader.range(), cells: try reader.range(), flags: try reader.range(), data: try reader.range(),
      loaderTables: try reader.byteString(), cursors: try reader.cursors())
    try reader.finish()
    return arena
  }
}

extension ByteWriter {
  mutating func append(_ cursors: ArenaCursors) {
    for address in cursors.addresses { append(address) }
    for count in cursors.counts { append(varint: UInt64(count)) }
  }
}

extension ByteReader {
  mutating func cursors() throws(JournalError) -> ArenaCursors {
    ArenaCursors(
      code: try address(), constants: try address(), cells: try address(), data: try address(),
      flags: try address(), relocations: try varint32(), dynamicSymbols: try varint32(),
      unwindEntries: try varint32(), dynamicStrings: try varint32(), versionNeeds: try varint32(),
      unwindBytes: try varint32())
  }
}
