public import Addressing

/// A 64-bit little-endian ELF file: relocatable object, executable or shared library, of any machine.
///
/// Nothing is copied: headers, symbols and relocations are decoded where they stand, at each access, and names become
/// strings only when asked for. What `init` checks holds for the value's whole life: the tables of section and program
/// headers lie in the file, no section or segment wraps around the address space, every section has a name, no two
/// sections of an object share bytes. Whatever else the file says is checked where it is used.
public struct ELFFile: Sendable {
  public let name: String
  public let view: ByteView
  public let header: ELFHeader
  public let sections: ELFSections
  public let segments: ELFSegments
  let sectionNames: StringTable
  private let map: SegmentMap

  public init(_ file: MappedFile) throws(ObjectFileError) {
    try self.init(file.view, name: file.path)
  }

  /// A file within a file, such as a member of an archive: all offsets count from the start of `view`.
  public init(_ view: ByteView, name: String) throws(ObjectFileError) {
    header = try ELFHeader(view, name: name)
    self.name = name
    self.view = view
    segments = ELFSegments(
      table: header.programHeaderCount == 0
        ? try view.slice(0, 0)
        : try view.table(
          at: header.programHeaderOffset.rawValue, count: UInt64(header.programHeaderCount),
          entryByteCount: UInt64(ELFHeader.programHeaderByteCount)))
    map = SegmentMap(segments.lazy.filter { $0.type == .load })
    sections = ELFSections(
      table: header.sectionHeaderCount == 0
        ? try view.slice(0, 0)
        : try view.table(
          at: header.sectionHeaderOffset.rawValue, count: UInt64(header.sectionHeaderCount),
          entryByteCount: UInt64(ELFHeader.sectionHeaderByteCount)))
    sectionNames = try Self.sectionNames(view, sections, header, name: name)
    try checkSections()
    try ELFSectionOverlap(self).check()
    try checkSegments()
  }

  private static func sectionNames(
    _ view: ByteView, _ sections: ELFSections, _ header: ELFHeader, name: String
  ) throws(ObjectFileError) -> StringTable {
    let index = header.sectionNameTableIndex
    guard index != 0 else { return try StringTable(view.slice(0, 0)) }
    guard index < sections.count else {
      throw ObjectFileError(.badSectionIndex, file: name, detail: "e_shstrndx \(index) of \(sections.count) sections")
    }
    let section = sections[index]
    guard section.type == .stringTable else {
      throw ObjectFileError(.unexpectedSectionType, file: name, detail: "e_shstrndx \(index) is no string table")
    }
    return try StringTable(view.slice(section.fileOffset.rawValue, section.byteCount))
  }

  private func checkSections() throws(ObjectFileError) {
    // Section 0 holds the escaped counts, not a range.
    for index in sections.indices.dropFirst() {
      let extent = sections.extent(of: index)
      guard sectionNames.holds(extent.nameOffset) else {
        throw failure(.badString, at: sections.fileOffset(ofHeader: index), detail: "name of section \(index)")
      }
      guard AddressRange(validating: VirtualAddress(extent.address), byteCount: extent.byteCount) != nil else {
        throw failure(.addressWrapsAround, in: sections[index])
      }
    }
  }

  private func checkSegments() throws(ObjectFileError) {
    // What the kernel loads (load_elf_phdrs: 64 KiB); it also bounds each look-up of an address. Cores have more.
    guard segments.count <= 65536 / ELFHeader.programHeaderByteCount || header.type == .core else {
      throw failure(.malformedTable, at: header.programHeaderOffset, detail: "\(segments.count) program headers")
    }
    for segment in segments {
      guard AddressRange(validating: segment.address, byteCount: segment.memoryByteCount) != nil else {
        throw failure(
          .addressWrapsAround, at: segments.fileOffset(ofHeader: segment.index), detail: "segment \(segment.index)")
      }
    }
  }

  func failure(
    _ code: ObjectFileError.Code, at offset: FileOffset? = nil, in section: ELFSection? = nil, symbol: String? = nil,
    detail: String? = nil
  ) -> ObjectFileError {
    ObjectFileError(
      code, file: name, offset: offset, section: section.map { name(of: $0) }, symbol: symbol, detail: detail)
  }
}

// MARK: Sections

extension ELFFile {
  public func name(of section: ELFSection) -> String { nameBytes(of: section)?.text ?? "" }

  /// Compares bytes, without making a string.
  public func nameMatches(_ section: ELFSection, _ name: String) -> Bool {
    sectionNames.matches(name, at: section.nameOffset)
  }

  /// Whether the section's name begins so, without making a string.
  public func nameHasPrefix(_ section: ELFSection, _ prefix: String) -> Bool {
    nameBytes(of: section)?.withUnsafeBytes { $0.starts(with: prefix.utf8) } ?? false
  }

  /// The section's name as bytes. Nil only for a section of another file.
  public func nameBytes(of section: ELFSection) -> ByteView? { try? sectionNames.bytes(at: section.nameOffset) }

  public func section(named name: String) -> ELFSection? { sections.first { nameMatches($0, name) } }

  /// The section that a record of the file refers to.
  public func section(at index: Int) throws(ObjectFileError) -> ELFSection {
    guard sections.indices.contains(index) else {
      throw failure(.badSectionIndex, detail: "section \(index) of \(sections.count)")
    }
    return sections[index]
  }

  /// The section's bytes in the file: empty for `noBits` and the null section.
  public func contents(of section: ELFSection) throws(ObjectFileError) -> ByteView {
    guard !section.flags.contains(.compressed) else { throw failure(.compressedSection, in: section) }
    return try storedBytes(of: section)
  }

  /// The section's bytes as they stand in the file, compressed ones included.
  public func storedBytes(of section: ELFSection) throws(ObjectFileError) -> ByteView {
    guard section.type != .noBits, section.type != .null else { return try view.slice(0, 0) }
    do {
      return try view.slice(section.fileOffset.rawValue, section.byteCount)
    } catch {
      throw failure(
        .truncated, at: section.fileOffset, in: section,
        detail: "0x\(String(section.byteCount, radix: 16)) bytes of 0x\(String(view.count, radix: 16))")
    }
  }

  /// The section's bytes as whole records of `entryByteCount` bytes.
  func records(of section: ELFSection, entryByteCount: UInt64) throws(ObjectFileError) -> ByteView {
    // Some assemblers leave sh_entsize 0; any other value would make us misread every record.
    guard section.entrySize == entryByteCount || section.entrySize == 0 else {
      throw failure(.badEntrySize, in: section, detail: "sh_entsize \(section.entrySize) in place of \(entryByteCount)")
    }
    guard section.byteCount.isMultiple(of: entryByteCount) else {
      throw failure(
        .badEntrySize, in: section, detail: "sh_size \(section.byteCount) is no multiple of \(entryByteCount)")
    }
    return try contents(of: section)
  }
}

// MARK: Addresses

extension ELFFile {
  /// Where the byte at an address stands in the file. Nil where no segment has it from the file (`.bss`).
  public func fileOffset(of address: VirtualAddress) -> FileOffset? { map.fileOffset(of: address) }

  /// The address at which a byte of the file is mapped, by the first segment that maps it.
  public func virtualAddress(of offset: FileOffset) -> VirtualAddress? { map.virtualAddress(of: offset) }

  /// The bytes that the file puts at an address; all of them from one segment.
  public func bytes(at address: VirtualAddress, count: UInt64) throws(ObjectFileError) -> ByteView {
    guard let bytes = try map.bytes(at: address, count: count, in: view) else {
      throw failure(.unmappedAddress, detail: "0x\(String(count, radix: 16)) bytes at \(address)")
    }
    return bytes
  }

  /// The bytes from an address to the end of what its segment has in the file.
  public func bytes(from address: VirtualAddress) throws(ObjectFileError) -> ByteView {
    guard let bytes = try map.bytes(from: address, in: view) else {
      throw failure(.unmappedAddress, detail: "\(address)")
    }
    return bytes
  }
}
