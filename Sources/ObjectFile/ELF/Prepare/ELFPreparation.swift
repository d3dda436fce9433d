import Addressing

/// The work of preparing an image, in the order in which each step needs the ones before:
///
/// 1. where the tables go: behind the file's bytes, and behind the image's addresses;
/// 2. the program header table first in them, then the moved tables, each naming its size words;
/// 3. the arena's parts, `gap` bytes behind the image's addresses;
/// 4. program headers, section headers, dynamic section and ELF header, now that all places are known.
struct ELFPreparation {
  let image: ELFAdoptableImage
  let request: ELFArenaRequest
  var sections: ELFSectionTableDraft
  var dynamic: ELFDynamicTableDraft?
  var tables: ELFTableSegmentDraft
  let programHeaders: ELFArenaLayout.Part
  /// Where the arena begins at the earliest: `gap` bytes behind the image.
  private let arenaStart: VirtualAddress

  /// Tables, code, constants, the writable part; and what three of them grow by.
  static let mostAddedSegments = 4 + ELFArenaGrowth.partCount
  private var addedSegmentCount: Int { Self.addedSegmentCount(request) }
  /// The name of what stays behind of a RELR table: readers expect relocations of a section named `.relr.dyn`.
  static let replacedSectionName = ".hcsj.relr"
  private static let newSectionNames = [
    ELFAdoptableImage.headerSectionName, ".hcsj.code", ".hcsj.constants", ".hcsj.cells", ".hcsj.flags", ".hcsj.data",
    ".hcsj.eh_frame", ".rela.dyn", replacedSectionName,
  ]

  init(_ image: ELFAdoptableImage, _ request: ELFArenaRequest) throws(ObjectFileError) {
    self.image = image
    self.request = request
    sections = try ELFSectionTableDraft(image.file, newNames: Self.newSectionNames)
    dynamic = image.dynamic.flatMap { ELFDynamicTableDraft($0) }
    let additions = Self.newSectionNames.count + ELFArenaGrowth.partCount
    let fileEnd = sections.end(withAdditions: additions).roundedUp(to: image.pageByteCount)
    guard let place = Self.tablePlace(image, request, fileEnd: fileEnd) else { throw Self.outOfReach(image) }
    tables = ELFTableSegmentDraft(start: place.start, fileOffset: place.fileOffset)
    arenaStart = place.arena
    let segments = image.file.segments
    programHeaders = tables.reserve(
      UInt64((segments.count + Self.addedSegmentCount(request)) * ELFHeader.programHeaderByteCount))
  }

  /// Where the tables stand: close behind the image, as far from their file offset as the ELF header is from its own.
  /// Kernels before 5.18, and qemu-user, tell a program the address of its program headers (AT_PHDR) by that distance
  /// (fs/binfmt_elf.c, create_elf_tables: load_addr + e_phoff; linux-user/elfload.c), which its loader believes. Only a
  /// file that would become much longer for it has the tables in front of the arena.
  private static func tablePlace(
    _ image: ELFAdoptableImage, _ request: ELFArenaRequest, fileEnd: UInt64
  ) -> (start: VirtualAddress, fileOffset: FileOffset, arena: VirtualAddress)? {
    // So far below the end of the address space that no sum of table sizes, of which there are 32-bit numbers, wraps.
    guard let arena = image.range.end.advanced(by: request.gap)?.alignedUp(to: image.pageByteCount),
      arena.rawValue < 1 << 48, fileEnd < 1 << 48, let behind = image.range.end.alignedUp(to: image.pageByteCount)
    else { return nil }
    let first = image.file.segments.filter { $0.type == .load && $0.memoryByteCount > 0 }
      .min { $0.range.start < $1.range.start }
    let distance = (first?.range.start.rawValue ?? 0) &- (first?.fileOffset.rawValue ?? 0)
    let start = max(behind.rawValue, fileEnd &+ distance)
    let offset = start &- distance
    guard first?.fileOffset.rawValue == 0, start.isMultiple(of: image.pageByteCount), offset >= fileEnd,
      offset - fileEnd <= Self.longestHole, start < arena.rawValue, arena.rawValue - start >= Self.longestHole / 4
    else { return (arena, FileOffset(fileEnd), arena) }
    return (VirtualAddress(start), FileOffset(offset), arena)
  }

  private static let longestHole: UInt64 = 128 << 20

  /// The program headers of the prepared image: indexes of the old ones, nil for an added one. PT_LOAD entries ascend
  /// by address (gABI, Program Loading), and the arena is above all others.
  private func order(_ segments: ELFSegments) -> [Int?] {
    let lastLoad = segments.lastIndex { $0.type == .load } ?? 0
    let head = Array(segments.startIndex...lastLoad).map { Optional($0) }
    let tail = Array(lastLoad + 1..<segments.endIndex).map { Optional($0) }
    return head + Array(repeating: nil, count: addedSegmentCount) + tail
  }

  private static func addedSegmentCount(_ request: ELFArenaRequest) -> Int {
    mostAddedSegments - (request.growth == nil ? ELFArenaGrowth.partCount : 0)
  }

  static func outOfReach(_ image: ELFAdoptableImage) -> ObjectFileError {
    image.file.failure(
      .outOfReach,
      detail: "with the arena it would span more than the 2 GiB that a 32-bit displacement reaches, or the gap "
        + "between them is too wide")
  }

  /// The bytes that differ from the original's, and the layout.
  mutating func run() throws(ObjectFileError) -> (layout: ELFArenaLayout, pieces: [SparseImage.Piece]) {
    let relocations = try moveRelocations()
    let symbols = try moveSymbols()
    let unwind = try moveUnwindTable()
    var layout = try placeArena()
    layout.relocations = relocations
    layout.symbols = symbols
    layout.unwind = unwind
    addArenaSections(&layout)
    let headerCount = sections.countInHeader()
    var pieces = tables.pieces.map { SparseImage.Piece(fileOffset: $0.fileOffset, bytes: $0.bytes) }
    pieces.append(.init(fileOffset: programHeaders.fileOffset, bytes: try programHeaderTable(layout)))
    pieces.append(.init(fileOffset: sections.namesFileOffset, bytes: sections.names.bytes))
    pieces.append(.init(fileOffset: sections.fileOffset, bytes: sections.table.bytes))
    pieces.append(.init(fileOffset: FileOffset(0), bytes: try elfHeader(sectionCount: headerCount)))
    if let dynamic { pieces.append(.init(fileOffset: dynamic.fileOffset, bytes: dynamic.bytes)) }
    pieces += try movedSymbols()
    return (layout, pieces)
  }

  /// The values of `.symtab` symbols in sections that have moved, such as `__GNU_EH_FRAME_HDR`.
  private func movedSymbols() throws(ObjectFileError) -> [SparseImage.Piece] {
    guard let table = try image.file.symbolTable(.static) else { return [] }
    var pieces: [SparseImage.Piece] = []
    for symbol in table {
      guard case .section(let index) = symbol.place, let distance = sections.moves[index] else { continue }
      var value = TableBytes()
      value.append(symbol.value &+ distance)
      // st_value is at 8 (gABI, Symbol Table).
      let offset = FileOffset(table.fileOffset(of: symbol.index).rawValue + 8)
      pieces.append(.init(fileOffset: offset, bytes: value.bytes))
    }
    return pieces
  }

  // MARK: The arena

  private func placeArena() throws(ObjectFileError) -> ELFArenaLayout {
    let page = image.pageByteCount
    var address = tables.start
    var offset = tables.fileOffset
    func range(_ byteCount: UInt64) throws(ObjectFileError) -> AddressRange {
      // An upper bound well above what can be reached keeps the sums below from overflowing.
      guard byteCount < 1 << 32 else { throw Self.outOfReach(image) }
      let size = max(byteCount, page).roundedUp(to: page)
      guard let range = AddressRange(validating: address, byteCount: size) else { throw Self.outOfReach(image) }
      address = range.end
      return range
    }
    func place(_ byteCount: UInt64) throws(ObjectFileError) -> ELFArenaLayout.Part {
      let part = ELFArenaLayout.Part(range: try range(byteCount), fileOffset: offset)
      offset = FileOffset(offset.rawValue + part.range.byteCount)
      return part
    }
    let growth = request.growth
    var grown: [AddressRange] = []
    let tablesPart = try place(max(tables.byteCount, reservedEnd - tables.fileOffset.rawValue))
    address = max(address, arenaStart)
    let code = try place(request.codeByteCount)
    if let growth { grown.append(try range(growth.codeByteCount)) }
    let constants = try place(request.constantByteCount)
    if let growth { grown.append(try range(growth.constantByteCount)) }
    let header = try place(page)
    let cells = try place(request.cellByteCount)
    let flags = try place(request.flagByteCount)
    let data = try place(request.dataByteCount)
    let writableEnd = address
    if let growth { grown.append(try range(growth.dataByteCount)) }
    guard address.rawValue - image.range.start.rawValue < 1 << 31 else { throw Self.outOfReach(image) }
    let writable = ELFArenaLayout.Part(
      range: AddressRange(start: header.range.start, byteCount: writableEnd.rawValue - header.range.start.rawValue),
      fileOffset: header.fileOffset)
    return ELFArenaLayout(
      machine: image.file.header.machine, fileByteCount: offset.rawValue, tables: tablesPart, code: code,
      constants: constants, writable: writable, header: header, cells: cells, flags: flags, data: data,
      growth: growthLayout(grown, behind: offset.rawValue))
  }

  /// The first whole page of the file behind the program headers.
  private var reserve: FileOffset {
    let end = programHeaders.fileOffset.rawValue + programHeaders.range.byteCount
    return FileOffset(end.roundedUp(to: image.pageByteCount))
  }

  /// What the parts that grow map until then ends in the tables' segment: readers who ask by file offsets whose a section is
  /// find the arena's in their own segments.
  private var reservedEnd: UInt64 {
    guard let growth = request.growth else { return tables.fileOffset.rawValue }
    let longest = max(growth.codeByteCount, growth.constantByteCount, growth.dataByteCount)
    return reserve.rawValue + min(longest, 1 << 32).roundedUp(to: image.pageByteCount)
  }

  private func growthLayout(_ ranges: [AddressRange], behind fileByteCount: UInt64) -> ELFArenaGrowth? {
    guard ranges.count == ELFArenaGrowth.partCount else { return nil }
    var offset = fileByteCount
    let parts = ranges.map { range in
      defer { offset += range.byteCount }
      return ArenaPart(range: range, fileOffset: FileOffset(offset))
    }
    let added = order(image.file.segments).enumerated().filter { $0.element == nil }.map(\.offset)
    let headers = added.map {
      FileOffset(programHeaders.fileOffset.rawValue + UInt64($0 * ELFHeader.programHeaderByteCount))
    }
    // Ascending by address: tables, code, more code, constants, more of them, the writable part, more data.
    return ELFArenaGrowth(
      code: parts[0], constants: parts[1], data: parts[2], reserve: reserve,
      programHeaders: [headers[2], headers[4], headers[6]],
      sectionHeaders: [], sectionNames: [])
  }

  private mutating func addArenaSections(_ layout: inout ELFArenaLayout) {
    let parts: [(String, ELFSectionFlags, ELFArenaLayout.Part)] = [
      (".hcsj.code", [.allocated, .executable], layout.code),
      (".hcsj.constants", [.allocated], layout.constants),
      (ELFAdoptableImage.headerSectionName, [.allocated, .write], layout.header),
      (".hcsj.cells", [.allocated, .write], layout.cells),
      (".hcsj.flags", [.allocated, .write], layout.flags),
      (".hcsj.data", [.allocated, .write], layout.data),
    ]
    for (name, flags, part) in parts { _ = sections.add(named: name, flags: flags, at: part, alignment: 64) }
    guard layout.growth != nil else { return }
    for name in [".hcsj.code", ".hcsj.constants", ".hcsj.data"] {
      let header = sections.addInactive(named: name)
      layout.growth?.sectionHeaders.append(header.fileOffset)
      layout.growth?.sectionNames.append(header.name)
    }
  }

  // MARK: Headers

  /// The table stands in a PT_LOAD of its own. From Linux 5.18 on the kernel tells the program its address (AT_PHDR) by
  /// the PT_LOAD that holds it (fs/binfmt_elf.c, load_elf_binary: phdr_addr); for older ones see `tablePlace`.
  private func programHeaderTable(_ layout: ELFArenaLayout) throws(ObjectFileError) -> [UInt8] {
    let segments = image.file.segments
    // Until the arena grows, what it grows by allows nothing.
    let growing = layout.growth?.parts.map { (ArenaPart(range: $0.range, fileOffset: reserve), UInt32(0)) }
    let own: [(ArenaPart, UInt32)] = [
      (layout.tables, 4), (layout.code, 5), (layout.constants, 4), (layout.writable, 6),
    ]
    var added = (own + (growing ?? [])).sorted { $0.0.range.start < $1.0.range.start }[...]
    var table = TableBytes()
    for index in order(segments) {
      if let index {
        table.append(try programHeader(segments[index]))
      } else if let (part, flags) = added.popFirst() {
        table.append(ELFSegmentType.load.rawValue)
        table.append(flags)
        table.append(placeFields(part, byteCount: part.range.byteCount))
        table.append(image.pageByteCount)
      }
    }
    return table.bytes
  }

  private func programHeader(_ segment: ELFSegment) throws(ObjectFileError) -> [UInt8] {
    let offset = image.file.segments.fileOffset(ofHeader: segment.index)
    var header = TableBytes(
      try image.file.view.bytes(at: Int(clamping: offset.rawValue), count: ELFHeader.programHeaderByteCount))
    switch segment.type {
    case .programHeaders:
      replacePlace(in: &header, programHeaders)
    case .unwindTable:
      if let unwind = unwindHeader { replacePlace(in: &header, unwind) }
    default: break
    }
    return header.bytes
  }

  private func replacePlace(in header: inout TableBytes, _ part: ELFArenaLayout.Part) {
    let fields = placeFields(part, byteCount: part.range.byteCount)
    let place = TableBytes(fields)
    for field in 0..<fields.count / 8 { header.store(place.load(UInt64.self, at: field * 8), at: 8 + field * 8) }
  }

  /// `p_offset`, `p_vaddr`, `p_paddr`, `p_filesz`, `p_memsz`.
  private func placeFields(_ part: ELFArenaLayout.Part, byteCount: UInt64) -> [UInt8] {
    var fields = TableBytes()
    for value in [part.fileOffset.rawValue, part.range.start.rawValue, part.range.start.rawValue, byteCount, byteCount]
    {
      fields.append(value)
    }
    return fields.bytes
  }

  /// Where the moved `.eh_frame_hdr` stands, its free entries included.
  var unwindHeader: ELFArenaLayout.Part?

  private func elfHeader(sectionCount: UInt16) throws(ObjectFileError) -> [UInt8] {
    var header = TableBytes(try image.file.view.bytes(at: 0, count: ELFHeader.byteCount))
    header.store(programHeaders.fileOffset.rawValue, at: 32)
    header.store(sections.fileOffset.rawValue, at: 40)
    header.store(UInt16(image.file.segments.count + addedSegmentCount), at: 56)
    header.store(sectionCount, at: 60)
    return header.bytes
  }
}

extension UInt64 {
  /// - Precondition: less than a page below 2^64.
  fileprivate func roundedUp(to page: UInt64) -> UInt64 { (self + page - 1) & ~(page - 1) }
}
