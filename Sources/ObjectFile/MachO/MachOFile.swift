public import Addressing

/// A 64-bit little-endian Mach-O file for x86-64 or arm64: object, executable or dynamic library.
///
/// Nothing of its contents is copied: symbols and relocations are decoded where they stand, and names become strings
/// only when asked for. What `init` checks holds for the value's whole life: the load commands lie in the file one after
/// the other, no segment or section wraps around the address space, those of an image share no addresses, sections lie
/// in their segments and share no bytes. Whatever else the file says is checked where it is used.
///
/// Source of all facts, where no other is named: mach-o/loader.h, nlist.h and reloc.h of Apple's cctools.
public struct MachOFile: Sendable {
  public let name: String
  public let view: ByteView
  public let header: MachOHeader
  public let loadCommands: MachOLoadCommands
  public let segments: [MachOSegment]
  public let sections: [MachOSection]
  private let map: SegmentMap

  public init(_ file: MappedFile) throws(ObjectFileError) {
    try self.init(file.view, name: file.path)
  }

  /// A file within a file, such as a member of an archive: all offsets count from the start of `view`.
  public init(_ view: ByteView, name: String) throws(ObjectFileError) {
    header = try MachOHeader(view, name: name)
    loadCommands = try MachOLoadCommands(view, header: header, name: name)
    let table = try MachOSegmentTable(loadCommands, name: name)
    self.name = name
    self.view = view
    segments = table.segments
    map = SegmentMap(table.segments)
    sections = table.sections
    try checkSegments()
    try checkSections()
    try checkSectionsDisjoint()
  }

  /// Whether it is linked: an executable or a library.
  public var isImage: Bool { header.type != .object }

  func failure(
    _ code: ObjectFileError.Code, at offset: FileOffset? = nil, in section: MachOSection? = nil, symbol: String? = nil,
    detail: String? = nil
  ) -> ObjectFileError {
    ObjectFileError(
      code, file: name, offset: offset, section: section?.fullName, symbol: symbol, detail: detail, format: .machO)
  }
}

// MARK: Sections

extension MachOFile {
  public func segment(named name: String) -> MachOSegment? { segments.first { $0.name == name } }

  public func section(named name: String, in segmentName: String) -> MachOSection? {
    sections.first { $0.name == name && $0.segmentName == segmentName }
  }

  /// The section that a record of the file refers to, counted from 1.
  public func section(ordinal: Int) throws(ObjectFileError) -> MachOSection {
    guard ordinal >= 1, ordinal <= sections.count else {
      throw failure(.badSectionIndex, detail: "section \(ordinal) of \(sections.count)")
    }
    return sections[ordinal - 1]
  }

  /// The section an address lies in.
  public func section(containing address: VirtualAddress) -> MachOSection? {
    sections.first { $0.range.contains(address) }
  }

  /// The section's bytes in the file: empty for those of zeros.
  public func contents(of section: MachOSection) throws(ObjectFileError) -> ByteView {
    guard !section.type.isZeroFill else { return try view.slice(0, 0) }
    do {
      return try view.slice(section.fileOffset.rawValue, section.byteCount)
    } catch {
      throw failure(
        .truncated, at: section.fileOffset, in: section,
        detail: "0x\(String(section.byteCount, radix: 16)) bytes of 0x\(String(view.count, radix: 16))")
    }
  }
}

// MARK: Addresses

extension MachOFile {
  /// Where the byte at an address stands in the file. Nil where no segment has it from the file (`__bss`).
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

  /// Where the Mach header is mapped: the address of `__TEXT`, from which the slide of a task is told and function
  /// starts, the entry and data in code count. Nil in an object.
  ///
  /// The symbol `__mh_execute_header` should be the same, but Zig 0.10's linker gives it another value.
  public var headerAddress: VirtualAddress? {
    guard isImage else { return nil }
    return segments.first { $0.fileOffset.rawValue == 0 && $0.fileByteCount > 0 }?.address
  }
}
