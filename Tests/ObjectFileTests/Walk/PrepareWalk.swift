import Addressing
public import ObjectFile

/// Prepares an image and adds to its tables in every way the module has, or, where the bytes begin with an encoded
/// layout, adds to the tables that the rest of the bytes are then taken for.
///
/// Whatever the bytes are, it ends without a trap, and what was edited can be taken back.
public struct PrepareWalk {
  /// Errors met, so that a caller can look at what kinds there were.
  public private(set) var errors: [ObjectFileError] = []
  public private(set) var editCount = 0

  public init() {}

  public mutating func walk(_ bytes: [UInt8]) {
    if bytes.starts(with: [0x45, 0x48, 0x43, 0x53]) { return walkTables(bytes) }
    attempt { walk throws(ObjectFileError) in
      let request = ELFArenaRequest(
        codeByteCount: 1 << 12, constantByteCount: 1 << 12, cellByteCount: 1 << 12, flagByteCount: 0,
        dataByteCount: 1 << 12, relocationRoom: 4, symbolRoom: 3, stringRoom: 64, versionNeedRoom: 64,
        unwindEntryRoom: 2, unwindByteRoom: 128)
      let file = try ELFFile(MappedFile(bytes: bytes, name: "walked"))
      let image = try ELFPreparedImage(preparing: file, request: request)
      let layout = image.layout
      precondition(ELFArenaLayout(encoded: layout.encoded) == layout, "a layout must be read back as it was written")
      let words = try file.dynamicRelocations()?.table.prefix(4).map { VirtualAddress($0.offset) } ?? []
      walk.add(to: layout, image.counters, at: words) { image.bytes(at: $0, count: $1) }
    }
  }

  private mutating func walkTables(_ bytes: [UInt8]) {
    // The layout's length is not told: the longest prefix that is one.
    for count in stride(from: min(bytes.count, 1600) / 8 * 8, to: 0, by: -8) {
      guard let layout = ELFArenaLayout(encoded: Array(bytes.prefix(count))) else { continue }
      let file = bytes.dropFirst(count)
      add(to: layout, ELFTableCounters(of: layout), at: [VirtualAddress(0)]) { offset, count in
        guard offset.rawValue <= file.count + 0x10000 else { throw ObjectFileError(.truncated, file: "walked") }
        let found = Array(file.dropFirst(Int(clamping: offset.rawValue)).prefix(count))
        return found + [UInt8](repeating: 0, count: count - found.count)
      }
      return
    }
  }

  private mutating func add(
    to layout: ELFArenaLayout, _ counters: ELFTableCounters, at words: [VirtualAddress],
    read: @escaping (FileOffset, Int) throws -> [UInt8]
  ) {
    attempt { walk throws(ObjectFileError) in
      var tables = try ELFLoaderTables(layout: layout, counters: counters, fileName: "walked", read: read)
      for version in [nil, "V", "GLIBC_2.2.5"] {
        walk.attempt { walk throws(ObjectFileError) in
          let wanted = ELFImport(name: "x", version: version, library: "libc.so.6")
          let (index, edits) = try tables.symbol(for: wanted)
          walk.take(edits)
          let cell = VirtualAddress(layout.cells.range.start.rawValue &+ UInt64(index))
          walk.take(try tables.setRelocation(at: cell, to: .symbol(index, addend: 8)))
        }
      }
      for word in words + [layout.cells.range.start] {
        walk.attempt { walk throws(ObjectFileError) in
          _ = try tables.relocation(at: word)
          walk.take(try tables.setRelocation(at: word, to: .relative(word)))
          walk.take(try tables.setRelocation(at: word, to: nil))
        }
      }
      walk.addUnwindEntries(&tables, layout)
    }
  }

  private mutating func addUnwindEntries(_ tables: inout ELFLoaderTables, _ layout: ELFArenaLayout) {
    for at in [layout.tables.range.start, layout.code.range.start] {
      attempt { walk throws(ObjectFileError) in
        let information = ELFUnwindRecord(bytes: [4, 0, 0, 0, 0, 0, 0, 0], fields: [])
        let description = ELFUnwindRecord(
          bytes: [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], fields: [.init(offset: 8, byteCount: 4, target: at)])
        walk.take(
          try tables.addUnwind(of: [
            ELFUnwindFunction(start: at, commonInformation: information, description: description)
          ]))
      }
    }
  }

  private mutating func attempt(_ body: (inout PrepareWalk) throws(ObjectFileError) -> Void) {
    do {
      try body(&self)
    } catch {
      precondition(!error.description.isEmpty)
      errors.append(error)
    }
  }

  private mutating func take(_ edits: [FileEdit]) { editCount += edits.count }
}
