import Addressing

/// The section headers of an image being prepared: those it has, by their indexes, and new ones behind them.
struct ELFSectionTableDraft {
  private(set) var table: TableBytes
  private var nameOffsets: [String: UInt32] = [:]
  private(set) var names: TableBytes
  let namesFileOffset: FileOffset
  let fileOffset: FileOffset
  private let nameTableIndex: Int
  /// How far a section went: new address minus old, modulo 2^64.
  private(set) var moves: [Int: UInt64] = [:]

  static let entryByteCount = ELFHeader.sectionHeaderByteCount

  /// - Parameter newNames: of all sections that may be added, for where the table goes depends on their length.
  init(_ file: ELFFile, newNames: [String]) throws(ObjectFileError) {
    nameTableIndex = file.header.sectionNameTableIndex
    let oldNames = try file.storedBytes(of: file.section(at: nameTableIndex))
    names = TableBytes(oldNames.allBytes)
    for name in newNames {
      nameOffsets[name] = UInt32(clamping: names.count)
      names.append(Array(name.utf8))
      names.append(UInt8(0))
    }
    let count = file.sections.count
    table = TableBytes(
      try file.view.bytes(
        at: Int(clamping: file.header.sectionHeaderOffset.rawValue), count: count * Self.entryByteCount)
    )
    namesFileOffset = FileOffset(UInt64(file.view.count))
    fileOffset = FileOffset((namesFileOffset.rawValue + UInt64(names.count) + 7) & ~7)
    store(UInt64(namesFileOffset.rawValue), at: .offset, of: nameTableIndex)
    store(UInt64(names.count), at: .byteCount, of: nameTableIndex)
  }

  var count: Int { table.count / Self.entryByteCount }

  /// The end of the table with `additions` more headers.
  func end(withAdditions additions: Int) -> UInt64 {
    fileOffset.rawValue + UInt64((count + additions) * Self.entryByteCount)
  }

  /// Offsets of the fields of a section header (gABI, Section Header).
  enum Field: Int {
    case name = 0
    case type = 4
    case flags = 8
    case address = 16
    case offset = 24
    case byteCount = 32
    case link = 40
    case info = 44
    case alignment = 48
    case entrySize = 56
  }

  mutating func store<Value: FixedWidthInteger>(_ value: Value, at field: Field, of index: Int) {
    table.store(value, at: index * Self.entryByteCount + field.rawValue)
  }

  mutating func move(_ index: Int, to address: VirtualAddress, _ offset: FileOffset, byteCount: UInt64) {
    let old = table.load(UInt64.self, at: index * Self.entryByteCount + Field.address.rawValue)
    moves[index] = address.rawValue &- old
    store(address.rawValue, at: .address, of: index)
    store(offset.rawValue, at: .offset, of: index)
    store(byteCount, at: .byteCount, of: index)
  }

  /// - Precondition: `name` is one of the new names.
  mutating func rename(_ index: Int, to name: String) { store(nameOffsets[name] ?? 0, at: .name, of: index) }

  mutating func add(
    named name: String, type: ELFSectionType = .progBits, flags: ELFSectionFlags, at part: ELFArenaLayout.Part,
    link: Int = 0, alignment: UInt64, entrySize: UInt64 = 0
  ) -> Int {
    let index = count
    table.append(zeros: Self.entryByteCount)
    store(nameOffsets[name] ?? 0, at: .name, of: index)
    store(type.rawValue, at: .type, of: index)
    store(flags.rawValue, at: .flags, of: index)
    move(index, to: part.range.start, part.fileOffset, byteCount: part.range.byteCount)
    store(UInt32(link), at: .link, of: index)
    store(alignment, at: .alignment, of: index)
    store(entrySize, at: .entrySize, of: index)
    return index
  }

  /// A header that says nothing yet (gABI, Section Header: SHT_NULL), and what one of that name says first.
  ///
  /// - Precondition: `name` is one of the new names.
  mutating func addInactive(named name: String) -> (fileOffset: FileOffset, name: UInt32) {
    let index = count
    table.append(zeros: Self.entryByteCount)
    return (position(.name, of: index), nameOffsets[name] ?? 0)
  }

  /// The word that tells how long section `index` is.
  func sizeWord(of index: Int, scale: UInt32, bias: UInt32 = 0) -> ELFSizeWord {
    ELFSizeWord(fileOffset: position(.byteCount, of: index), byteCount: 8, scale: scale, bias: bias)
  }

  func infoWord(of index: Int) -> ELFSizeWord {
    ELFSizeWord(fileOffset: position(.info, of: index), byteCount: 4, scale: 1)
  }

  private func position(_ field: Field, of index: Int) -> FileOffset {
    FileOffset(fileOffset.rawValue + UInt64(index * Self.entryByteCount + field.rawValue))
  }

  /// What the ELF header must say of the number of sections; from 0xff00 on it says 0, and section 0 has the number
  /// (gABI, ELF Header, e_shnum).
  mutating func countInHeader() -> UInt16 {
    guard count >= 0xFF00 else { return UInt16(count) }
    store(UInt64(count), at: .byteCount, of: 0)
    return 0
  }
}
