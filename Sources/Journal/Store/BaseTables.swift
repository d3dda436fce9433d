import Addressing
import Foundation
import GRDB

/// The rows of the base image: written once, when the journal is made.
enum BaseTables {
  static let chunkByteCount = 65_536

  /// What every statement of the base proof reads: all columns, in the order of the primary key.
  static let provedTables = [
    "base": "id", "base_segment": "ordinal", "base_unit": "id", "base_type_digest": "id",
    "base_symbol": "space, address, ordinal", "base_import": "id", "base_type": "id", "base_library": "ordinal",
  ]

  /// Measured: ten updates of a small program take 56 KB in pages of 1024 bytes, 152 KB in pages of 4096; for 100,000
  /// symbols the larger pages are as small, and faster. The arena's size says nothing of either.
  static func pageSize(for base: BaseImage) -> Int { base.originalByteCount < 1 << 20 ? 1024 : 4096 }

  static func insert(_ base: BaseImage, _ content: BaseContent, into db: Database) throws {
    guard BaseDigest.digest(original: base.originalDigest, arena: base.arena) == base.digest else {
      throw JournalError(.invalidBase, digest: base.digest, detail: "its digest is not that of its file and arena")
    }
    try insertImage(base, into: db)
    try insertChunks(base, content.readPreparedImage, into: db)
    try SymbolTable.insert(content.symbols, into: db)
    try insertImports(content.imports, into: db)
    try insertTypes(content.types, into: db)
    for (ordinal, library) in content.libraries.enumerated() {
      try db.run(
        "INSERT INTO base_library VALUES (?, ?, ?, ?)",
        [ordinal, library.soname, library.path, library.buildID])
    }
    try db.run("INSERT INTO arena_cursor VALUES (1, ?)", [CursorCoding.encode(base.arena.cursors)])
    for index in Schema.baseIndexes { try db.execute(sql: index) }
    for table in provedTables.keys.sorted() {
      try db.run("INSERT INTO base_proof VALUES (?, ?)", [table, try proof(of: table, in: db)])
    }
  }

  private static func insertImage(_ base: BaseImage, into db: Database) throws {
    try db.run(
      "INSERT INTO base VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        Int(base.format.rawValue), Int(base.architecture.rawValue), base.isPositionIndependent,
        base.identity, base.digest, base.originalDigest, base.preparedDigest,
        base.originalPath, base.preparedPath, try stored(base.originalByteCount, refusingWith: .invalidBase),
        try stored(base.preparedByteCount, refusingWith: .invalidBase),
        try stored(base.entryPoint, refusingWith: .invalidBase), base.switchesStacks,
        BaseCoding.encode(base.arena),
      ])
    for (ordinal, segment) in base.segments.enumerated() {
      try db.run(
        "INSERT INTO base_segment VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
          ordinal, try stored(segment.range.start, refusingWith: .invalidBase),
          try stored(segment.range.byteCount, refusingWith: .invalidBase),
          try stored(segment.fileOffset.rawValue, refusingWith: .invalidBase),
          try stored(segment.fileByteCount, refusingWith: .invalidBase), Int(segment.protection.rawValue),
          segment.isPartOfArena,
        ])
    }
  }

  private static func insertChunks(_ base: BaseImage, _ read: BaseContent.Reader, into db: Database) throws {
    var offset: UInt64 = 0
    while offset < base.preparedByteCount {
      let count = Int(min(UInt64(chunkByteCount), base.preparedByteCount - offset))
      let bytes = try read(FileOffset(offset), count)
      guard bytes.count == count else {
        throw JournalError(.invalidBase, offset: FileOffset(offset), detail: "the prepared image ends too early")
      }
      if bytes.contains(where: { $0 != 0 }) {
        try db.run(
          "INSERT INTO base_chunk VALUES (?, ?, ?)",
          [Int64(offset / UInt64(chunkByteCount)), count, LZ4Block.compress(bytes) ?? bytes])
      }
      offset += UInt64(count)
    }
  }

  private static func insertImports(_ imports: [BaseImport], into db: Database) throws {
    for entry in imports {
      try db.run(
        "INSERT INTO base_import (name, version, library, addend, slot, kind) VALUES (?, ?, ?, ?, ?, ?)",
        [
          entry.symbol.name, entry.symbol.version, entry.symbol.library, entry.symbol.addend,
          try stored(entry.slot, refusingWith: .invalidBase), Int(entry.kind.rawValue),
        ])
    }
  }

  private static func insertTypes(_ types: [TypeLayout], into db: Database) throws {
    var seen: Set<TypeLayout> = []
    for type in types where seen.insert(type).inserted {
      try db.run(
        "INSERT INTO base_type (name, byte_count, layout) VALUES (?, ?, ?)",
        [type.name, try stored(type.byteCount, refusingWith: .invalidBase), type.layout])
    }
  }

  /// SHA-256 over the values of all rows: SQLite has no checksums of its own.
  static func proof(of table: String, in db: Database) throws -> Digest {
    let order = provedTables[table] ?? NoteTables.keys[table] ?? "rowid"
    let rows = try db.cursor("SELECT * FROM \(table) ORDER BY \(order)")
    return try Digest.sha256(pieces: { () throws -> [UInt8]? in
      var writer = ByteWriter()
      while writer.bytes.count < chunkByteCount, let row = try rows.next() { try writer.append(row) }
      return writer.bytes.isEmpty ? nil : writer.bytes
    })
  }
}

/// The stored form of the arena's cursors: as in an update.
enum CursorCoding {
  static func encode(_ cursors: ArenaCursors) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(cursors)
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]) throws(JournalError) -> ArenaCursors {
    var reader = ByteReader(bytes, refusingWith: .damaged)
    let cursors = try reader.cursors()
    try reader.finish()
    return cursors
  }
}
