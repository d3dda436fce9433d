import Addressing

/// The unwind table of an image that is being prepared: what the linker made, with room to grow.
struct MachOUnwindDraft {
  let info: MachOUnwindInfo
  private let section: MachOSection
  private let header: VirtualAddress
  private let functionRoom: UInt32
  private let exceptionTableRoom: UInt32

  /// Nil where the image has no table.
  init?(_ image: MachOAdoptableImage, _ request: MachOArenaRequest) throws(ObjectFileError) {
    guard let section = image.file.section(named: MachOUnwindInfo.sectionName, in: "__TEXT"),
      let info = try image.file.unwindInfo()
    else { return nil }
    guard info.personalities.count <= MachOUnwindRoom.personalityCount else {
      throw image.file.failure(
        .malformedTable, in: section, detail: "\(info.personalities.count) personality routines, of 3 that can be named"
      )
    }
    self.info = info
    self.section = section
    header = image.base
    functionRoom = min(request.unwindRoom, MachOUnwindRoom.mostFunctions)
    exceptionTableRoom = request.exceptionTableRoom
  }

  private var tables: [(start: UInt32, table: UInt32)] {
    info.functions.compactMap { function in function.exceptionTable.map { (function.start, $0) } }
  }

  func room(in part: ArenaPart, code: AddressRange) -> MachOUnwindRoom {
    MachOUnwindRoom(
      header: header, section: section.address, part: part, code: code,
      functionCount: UInt32(clamping: info.functions.count), exceptionTableCount: UInt32(clamping: tables.count),
      functionRoom: functionRoom, exceptionTableRoom: exceptionTableRoom)
  }

  /// Before there is a place for it.
  var byteCount: UInt64 {
    let nowhere = AddressRange(start: VirtualAddress(0), byteCount: 0)
    return room(in: ArenaPart(range: nowhere, fileOffset: FileOffset(0)), code: nowhere).byteCount
  }

  /// The table in its part, and the header's words that lead to it: offset and count of personalities, and of the index.
  func pieces(_ room: MachOUnwindRoom, file: MachOFile) throws(ObjectFileError) -> [SparseImage.Piece] {
    guard let start = UInt32(exactly: room.part.range.start.rawValue &- room.section.rawValue),
      let codeStart = room.distance(to: room.code.start), let codeEnd = room.distance(to: room.code.end),
      UInt64(start) + room.byteCount <= UInt64(UInt32.max)
    else { throw file.failure(.outOfReach, in: section, detail: "the unwind table from where it was") }
    var bytes = TableBytes()
    for index in 0..<4 { bytes.append(index < info.personalities.count ? info.personalities[index] : 0) }
    for (function, table) in tables { append(function, table, to: &bytes) }
    for _ in 0..<exceptionTableRoom { append(MachOUnwindInfo.free, 0, to: &bytes) }
    appendPage(functionRoom, to: &bytes)
    for _ in 0..<functionRoom { append(MachOUnwindInfo.free, 0, to: &bytes) }
    appendFunctions(to: &bytes)
    appendIndex(room, from: start, codeStart, codeEnd, to: &bytes)
    var words = TableBytes()
    for word in [start, UInt32(MachOUnwindRoom.personalityCount), start + UInt32(room.index), room.indexCount] {
      words.append(word)
    }
    return [
      SparseImage.Piece(fileOffset: FileOffset(section.fileOffset.rawValue + 12), bytes: words.bytes),
      SparseImage.Piece(fileOffset: room.part.fileOffset, bytes: bytes.bytes),
    ]
  }

  private func append(_ first: UInt32, _ second: UInt32, to bytes: inout TableBytes) {
    bytes.append(first)
    bytes.append(second)
  }

  /// UNWIND_SECOND_LEVEL_REGULAR, entries behind the header.
  private func appendPage(_ count: UInt32, to bytes: inout TableBytes) {
    bytes.append(UInt32(2))
    bytes.append(UInt16(MachOUnwindRoom.pageHeaderByteCount))
    bytes.append(UInt16(truncatingIfNeeded: count))
  }

  private func appendFunctions(to bytes: inout TableBytes) {
    let size = Int(MachOUnwindRoom.functionsInPage)
    for first in stride(from: 0, to: info.functions.count, by: size) {
      let functions = info.functions[first..<min(first + size, info.functions.count)]
      appendPage(UInt32(functions.count), to: &bytes)
      for function in functions { append(function.start, function.encoding, to: &bytes) }
      bytes.append(zeros: (size - functions.count) * 8)
    }
  }

  private func appendIndex(
    _ room: MachOUnwindRoom, from start: UInt32, _ codeStart: UInt32, _ codeEnd: UInt32, to bytes: inout TableBytes
  ) {
    func append(_ function: UInt32, page: UInt32, tables: UInt64) {
      for word in [function, page, start + UInt32(tables)] { bytes.append(word) }
    }
    var tables = room.exceptionTables
    let size = Int(MachOUnwindRoom.functionsInPage)
    for (index, first) in stride(from: 0, to: info.functions.count, by: size).enumerated() {
      let page = start + UInt32(room.pages) + UInt32(index) * UInt32(MachOUnwindRoom.pageByteCount)
      append(info.functions[first].start, page: page, tables: tables)
      let functions = info.functions[first..<min(first + size, info.functions.count)]
      tables += UInt64(functions.filter { $0.exceptionTable != nil }.count) * MachOUnwindRoom.entryByteCount
    }
    append(min(info.end, codeStart), page: 0, tables: room.addedExceptionTables)
    append(codeStart, page: start + UInt32(room.addedFunctions), tables: room.addedExceptionTables)
    append(codeEnd, page: 0, tables: room.addedFunctions)
    append(0, page: 0, tables: room.addedFunctions)
  }
}
