public import Addressing

/// What a linker may place on its own: a function, a datum, a literal ("subsection" in loader.h).
public struct MachOAtom: Hashable, Sendable {
  /// In `MachOFile.sections`.
  public let sectionIndex: Int
  /// In the file's own layout; of an image, up to where the next atom begins, padding included.
  public let range: AddressRange
  /// Indexes of the symbols at its start, in the order of the symbol table. Empty for nameless literals.
  public let names: ArraySlice<Int>
  /// Indexes of the symbols inside it, in the order of their addresses: N_ALT_ENTRY, labels that begin with `L`, and
  /// whatever name stands where nothing may be split.
  public let alternates: ArraySlice<Int>
}

/// All atoms of a file, in the order of its sections and in each by address.
///
/// - In an object with MH_SUBSECTIONS_VIA_SYMBOLS, and in an image, a section is split at its symbols; code of an image
///   also at its function starts. Else a section is one atom.
/// - Sections of literals and pointers are split by what they hold, and `__eh_frame` by its records, whatever the flag.
public struct MachOAtoms: RandomAccessCollection, Sendable {
  private var atoms: [MachOAtom] = []
  /// Where each section's atoms are.
  private var ranges: [Range<Int>] = []

  public var startIndex: Int { 0 }
  public var endIndex: Int { atoms.count }
  public subscript(index: Int) -> MachOAtom { atoms[index] }

  init(_ file: MachOFile) throws(ObjectFileError) {
    var members = try Self.symbolsBySection(file)
    let starts = file.isImage ? try file.functionStarts() ?? [] : []
    let maySplit = file.isImage || file.header.flags.contains(.subsectionsViaSymbols)
    for section in file.sections {
      let first = atoms.count
      let symbols = Symbols(sorting: &members[section.index])
      var cuts = try file.literalCuts(of: section)
      if cuts == nil, maySplit {
        cuts = symbols.entries.lazy.filter { $0.beginsAtom }.map(\.address)
        if section.attributes.hasInstructions {
          cuts?.append(contentsOf: starts.lazy.filter { section.range.contains($0) }.map(\.rawValue))
        }
      }
      append(section, cuts: cuts ?? [], symbols)
      ranges.append(first..<atoms.count)
    }
  }

  /// The atom that holds the byte at an address.
  public func atom(containing address: VirtualAddress, in section: MachOSection) -> MachOAtom? {
    guard ranges.indices.contains(section.index), section.range.contains(address) else { return nil }
    let candidates = atoms[ranges[section.index]]
    let index = candidates.partitioningIndex { $0.range.start > address }
    guard index > candidates.startIndex, atoms[index - 1].range.contains(address) else { return nil }
    return atoms[index - 1]
  }

  /// The atoms of a section.
  public func atoms(of section: MachOSection) -> ArraySlice<MachOAtom> {
    ranges.indices.contains(section.index) ? atoms[ranges[section.index]] : []
  }

  /// What a symbol names: from its address to the end of its atom. Nil for symbols that name nothing in their section,
  /// such as `__mh_execute_header`.
  public func range(of symbol: MachOSymbol, in file: MachOFile) -> AddressRange? {
    guard let ordinal = symbol.sectionOrdinal, ordinal <= file.sections.count,
      let atom = atom(containing: VirtualAddress(symbol.value), in: file.sections[ordinal - 1])
    else { return nil }
    return AddressRange(
      start: VirtualAddress(symbol.value), byteCount: atom.range.end.rawValue - symbol.value)
  }

  // MARK: Building

  private struct Entry {
    let address: UInt64
    let index: Int
    let beginsAtom: Bool
  }

  /// The symbols of one section by address, those that begin an atom first, and their indexes alone beside them.
  private struct Symbols {
    let entries: [Entry]
    let indexes: [Int]

    init(sorting entries: inout [Entry]) {
      entries.sort { ($0.address, $0.beginsAtom ? 0 : 1, $0.index) < ($1.address, $1.beginsAtom ? 0 : 1, $1.index) }
      self.entries = entries
      indexes = entries.map(\.index)
    }
  }

  private static func symbolsBySection(_ file: MachOFile) throws(ObjectFileError) -> [[Entry]] {
    var result: [[Entry]] = Array(repeating: [], count: file.sections.count)
    guard let table = try file.symbolTable() else { return result }
    for symbol in table {
      guard !symbol.isDebugging, let ordinal = symbol.sectionOrdinal else { continue }
      let section = file.sections[ordinal - 1]
      guard symbol.value >= section.address.rawValue, symbol.value <= section.range.end.rawValue else { continue }
      // The assembler's own labels (MCAsmInfo's private prefix); they stay where a relocation needs them.
      let isLabel = try table.nameBytes(of: symbol).withUnsafeBytes { $0.first == 0x4C }
      result[ordinal - 1].append(
        Entry(address: symbol.value, index: symbol.index, beginsAtom: !symbol.isAlternateEntry && !isLabel))
    }
    return result
  }

  private mutating func append(_ section: MachOSection, cuts: [UInt64], _ symbols: Symbols) {
    let end = section.range.end.rawValue
    var starts = cuts
    // A section without bytes still has the symbols that stand in it.
    if section.byteCount > 0 || !symbols.entries.isEmpty { starts.append(section.address.rawValue) }
    starts.sort()
    var position = 0
    for (index, start) in starts.enumerated() where index == 0 || starts[index - 1] != start {
      let next = starts[index...].first { $0 != start } ?? end
      let isLast = next == end && !(starts.last == end && start != end)
      let first = position
      while position < symbols.entries.count, symbols.entries[position].address <= start { position += 1 }
      let inside = position
      while position < symbols.entries.count, symbols.entries[position].address < next || isLast { position += 1 }
      atoms.append(
        MachOAtom(
          sectionIndex: section.index, range: AddressRange(start: VirtualAddress(start), byteCount: next - start),
          names: symbols.indexes[first..<inside], alternates: symbols.indexes[inside..<position]))
    }
  }
}

extension MachOFile {
  public func atoms() throws(ObjectFileError) -> MachOAtoms { try MachOAtoms(self) }

  /// Where the literals or pointers of a section begin; nil for a section that is split by its symbols.
  fileprivate func literalCuts(of section: MachOSection) throws(ObjectFileError) -> [UInt64]? {
    func every(_ byteCount: UInt64) -> [UInt64] {
      Array(stride(from: section.address.rawValue, to: section.range.end.rawValue, by: Int(byteCount)))
    }
    if let byteCount = section.type.literalByteCount { return every(byteCount) }
    switch section.type {
    case .cStrings: return try stringCuts(of: section)
    case .literalPointers, .nonLazyPointers, .lazyPointers, .lazyLibraryPointers, .threadLocalPointers, .initializers,
      .terminators, .threadLocalInitializers:
      return every(8)
    case .initializerOffsets: return every(4)
    case .interposing: return every(16)
    case .stubs where section.stubByteCount > 0: return every(UInt64(section.stubByteCount))
    default: break
    }
    switch (section.segmentName, section.name) {
    // struct unwind_info_compact_entry of ld64: 32 bytes in a 64-bit object.
    case ("__LD", "__compact_unwind"), (_, "__cfstring"): return every(32)
    case ("__TEXT", "__eh_frame"): return try unwindCuts(of: section)
    default: return nil
    }
  }

  private func stringCuts(of section: MachOSection) throws(ObjectFileError) -> [UInt64] {
    let start = section.address.rawValue
    return try contents(of: section).withUnsafeBytes { bytes in
      var cuts: [UInt64] = bytes.isEmpty ? [] : [start]
      for (index, byte) in bytes.enumerated() where byte == 0 && index + 1 < bytes.count {
        cuts.append(start + UInt64(index) + 1)
      }
      return cuts
    }
  }

  /// The records of `__eh_frame` (LSB, Exception Frames): a length, and so many bytes behind it; 0xFFFFFFFF escapes to
  /// a length in 64 bits.
  private func unwindCuts(of section: MachOSection) throws(ObjectFileError) -> [UInt64] {
    let bytes = try contents(of: section)
    var cuts: [UInt64] = []
    var at: UInt64 = 0
    while at < UInt64(bytes.count) {
      cuts.append(section.address.rawValue + at)
      let short = UInt64(try bytes.load(UInt32.self, at: Int(at)))
      let isLong = short == 0xFFFF_FFFF
      let length = isLong ? try bytes.load(UInt64.self, at: Int(at) + 4) : short
      let rest = try bytes.suffix(from: at + (isLong ? 12 : 4))
      guard length <= UInt64(rest.count) else {
        throw failure(.truncated, at: rest.fileOffset, in: section, detail: "a record of \(length) bytes")
      }
      at += length + (isLong ? 12 : 4)
    }
    return cuts
  }
}
