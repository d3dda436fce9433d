public import Addressing

/// Chained fixups: the pointers that dyld fills form chains within pages, each word holding the way to the next one
/// (`<mach-o/fixup-chains.h>`).
///
/// The header, the table of imports and the starts are checked when the value is made; the chains when they are walked.
public struct MachOChainedFixups: Sendable {
  public private(set) var imports: [MachOBindTarget]
  public let importFormat: MachOChainedImportFormat
  /// For each segment of the image; nil where it has no fixups.
  public let starts: [MachOChainedStarts?]
  let layout: MachOChainedLayout
  let payload: ByteView
  /// Where the room for names behind those of the imports begins, from `layout.symbolsOffset`.
  private(set) var nameEnd: Int

  /// `dyld_chained_fixups_header`: seven fields of four bytes.
  static let headerByteCount: UInt64 = 28

  /// - Parameters:
  ///   - payload: what LC_DYLD_CHAINED_FIXUPS points to.
  ///   - libraryCount: how many dylibs the image loads.
  public init(_ payload: ByteView, libraryCount: Int, in places: MachOSegmentPlaces) throws(ObjectFileError) {
    let reader = MachOChainedReader(payload: payload)
    let layout = try reader.layout()
    self.payload = payload
    self.layout = layout
    importFormat = layout.importFormat
    (imports, nameEnd) = try reader.imports(layout, libraryCount: libraryCount)
    starts = try reader.starts(layout, in: places)
  }
}

/// The header's fields, checked against each other.
struct MachOChainedLayout: Hashable, Sendable {
  var startsOffset: UInt64
  var importsOffset: UInt64
  var symbolsOffset: UInt64
  var importCount: Int
  var importFormat: MachOChainedImportFormat
}

/// Reads the tables in the order in which they refer to each other.
private struct MachOChainedReader {
  let payload: ByteView

  func layout() throws(ObjectFileError) -> MachOChainedLayout {
    let version = try field(0)
    guard version == 0 else { throw failure(.unsupportedFixup, 0, "chained fixups of version \(version)") }
    guard let format = MachOChainedImportFormat(rawValue: try field(20)) else {
      throw failure(.unsupportedFixup, 20, "imports of format \(try field(20))")
    }
    guard try field(24) == 0 else {
      throw failure(.unsupportedFixup, 24, "compressed symbol names (symbols_format \(try field(24)))")
    }
    let layout = MachOChainedLayout(
      startsOffset: UInt64(try field(4)), importsOffset: UInt64(try field(8)), symbolsOffset: UInt64(try field(12)),
      importCount: Int(try field(16)), importFormat: format)
    // dyld wants them in this order (mach_o/ChainedFixups.cpp, valid).
    let importsEnd = layout.importsOffset + UInt64(layout.importCount) * UInt64(format.entryByteCount)
    guard layout.startsOffset >= MachOChainedFixups.headerByteCount, layout.startsOffset <= layout.importsOffset,
      importsEnd <= layout.symbolsOffset, layout.symbolsOffset <= UInt64(payload.count)
    else { throw failure(.malformedFixups, 4, "starts, imports and symbols overlap or are out of order") }
    return layout
  }

  func imports(_ layout: MachOChainedLayout, libraryCount: Int) throws(ObjectFileError) -> (
    [MachOBindTarget], nameEnd: Int
  ) {
    let entries = try payload.table(
      at: layout.importsOffset, count: UInt64(layout.importCount),
      entryByteCount: UInt64(layout.importFormat.entryByteCount))
    let symbols = try payload.suffix(from: layout.symbolsOffset)
    var result: [MachOBindTarget] = []
    var (textByteCount, nameEnd) = (0, 0)
    for index in 0..<layout.importCount {
      let entry = try MachOChainedImportEntry(entries, index, layout.importFormat)
      let library = MachOBindLibrary(entry.library)
      guard library.isKnown(libraryCount: libraryCount) else {
        throw failure(.malformedFixups, layout.importsOffset, "import \(index) is of library \(entry.library)")
      }
      guard entry.nameOffset < symbols.count else {
        throw failure(.badString, layout.importsOffset, "the name of import \(index) is outside the symbols")
      }
      var cursor = MachOStreamCursor(symbols, at: entry.nameOffset)
      let name = try cursor.name()
      // Entries may share a name, but no linker's do so much that reading takes more than the table's own size.
      textByteCount += name.utf8.count
      nameEnd = max(nameEnd, cursor.offset)
      guard textByteCount <= 16 * payload.count else {
        throw failure(.malformedFixups, layout.importsOffset, "imports whose names overlap")
      }
      result.append(
        MachOBindTarget(
          library: library, symbol: name, addend: entry.addend, isWeakImport: entry.isWeakImport))
    }
    return (result, nameEnd)
  }

  func starts(
    _ layout: MachOChainedLayout, in places: MachOSegmentPlaces
  ) throws(ObjectFileError) -> [MachOChainedStarts?] {
    let table = try payload.slice(layout.startsOffset, layout.importsOffset - layout.startsOffset)
    let count = Int(try table.load(UInt32.self, at: 0))
    // dyld lets the count be less only where a tool has added `__CTF`.
    guard count <= places.count else {
      throw failure(.malformedFixups, layout.startsOffset, "starts for \(count) segments of \(places.count)")
    }
    var result: [MachOChainedStarts?] = []
    for index in 0..<count {
      let offset = UInt64(try table.load(UInt32.self, at: 4 + 4 * index))
      result.append(offset == 0 ? nil : try MachOChainedStarts(table, at: offset, segment: places[index]))
    }
    let formats = Set(result.compactMap { $0?.format })
    guard formats.count <= 1 else {
      throw failure(.malformedFixups, layout.startsOffset, "segments with pointers of different formats")
    }
    return result + [MachOChainedStarts?](repeating: nil, count: places.count - count)
  }

  private func field(_ offset: Int) throws(ObjectFileError) -> UInt32 { try payload.load(UInt32.self, at: offset) }

  private func failure(_ code: ObjectFileError.Code, _ offset: UInt64, _ detail: String) -> ObjectFileError {
    ObjectFileError(code, file: payload.fileName, offset: payload.fileOffset.advanced(by: offset), detail: detail)
  }
}

extension MachOChainedFixups {
  /// The number of an import, which is added to the table where it is not in it.
  ///
  /// - Throws: `noRoom` where the table or its names have no room for one more.
  mutating func ordinal(
    of target: MachOBindTarget, in buffer: inout PatchBuffer
  ) throws(ObjectFileError) -> Int {
    if let known = imports.firstIndex(of: target) { return known }
    let size = UInt64(importFormat.entryByteCount)
    let entryOffset = layout.importsOffset + UInt64(imports.count) * size
    let name = Array(target.symbol.utf8) + [0]
    guard importFormat.canHold(target), importFormat != .wideAddend ? nameEnd < 1 << 23 : true,
      entryOffset + size <= layout.symbolsOffset, imports.count + 1 < MachOChainedPointerFormat.ordinalLimit,
      layout.symbolsOffset + UInt64(nameEnd + name.count) <= UInt64(payload.count)
    else {
      throw ObjectFileError(
        .noRoom, file: payload.fileName, offset: payload.fileOffset, symbol: target.symbol,
        detail: "\(imports.count) imports of chained fixups")
    }
    let entry = MachOChainedImportEntry(
      library: target.library.rawValue, isWeakImport: target.isWeakImport, nameOffset: nameEnd, addend: target.addend)
    try buffer.write(name, at: offset(layout.symbolsOffset + UInt64(nameEnd)))
    try buffer.write(entry.bytes(importFormat), at: offset(entryOffset))
    imports.append(target)
    nameEnd += name.count
    // `imports_count`, last: what it counts is there.
    try buffer.write(TableBytes.encoded(UInt32(imports.count)), at: offset(16))
    return imports.count - 1
  }

  /// Symbols added to the table of imports in the room that was left there.
  ///
  /// - Returns: the number of each, and the edits that write them into `file`, the whole image.
  public mutating func addImports(
    _ targets: [MachOBindTarget], in file: ByteView
  ) throws(ObjectFileError) -> (ordinals: [Int], edits: [FileEdit]) {
    var buffer = PatchBuffer(file)
    var ordinals: [Int] = []
    for target in targets { ordinals.append(try ordinal(of: target, in: &buffer)) }
    return (ordinals, buffer.takeEdits())
  }

  private func offset(_ inPayload: UInt64) -> FileOffset { FileOffset(payload.fileOffset.rawValue + inPayload) }
}
