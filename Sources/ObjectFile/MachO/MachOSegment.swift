public import Addressing

/// A segment (`struct segment_command_64`). An object has one, without a name, around all its sections.
public struct MachOSegment: FileSegment, Hashable, Sendable {
  /// Among the segments, from 0: the number that fixups name it by.
  public let index: Int
  public let name: String
  public let address: VirtualAddress
  public let memoryByteCount: UInt64
  public let fileOffset: FileOffset
  public let fileByteCount: UInt64
  public let maximumProtection: PageProtection
  /// What it is mapped with.
  public let protection: PageProtection
  public let flags: MachOSegmentFlags
  /// Indexes of its sections in `MachOFile.sections`.
  public let sectionIndexes: Range<Int>
  /// Where the command stands in the file.
  public let commandOffset: FileOffset

  /// The addresses it takes up. Every segment of a `MachOFile` was checked not to wrap around.
  public var range: AddressRange { AddressRange(start: address, byteCount: memoryByteCount) }

  static let commandByteCount = 72
}

/// `flags` of a segment.
public struct MachOSegmentFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// SG_NORELOC
  public static let noRelocations = MachOSegmentFlags(rawValue: 0x4)
  /// SG_PROTECTED_VERSION_1: encrypted
  public static let protected = MachOSegmentFlags(rawValue: 0x8)
  /// SG_READ_ONLY: made read-only once the loader has applied its fixups
  public static let readOnlyAfterFixups = MachOSegmentFlags(rawValue: 0x10)
}

/// The segments and sections of a file, as their commands say; checked by `check`.
struct MachOSegmentTable {
  var segments: [MachOSegment] = []
  var sections: [MachOSection] = []

  /// MAX_SECT (mach-o/nlist.h): a symbol names its section by one byte.
  static let sectionCountAtMost = 255

  init(_ commands: MachOLoadCommands, name: String) throws(ObjectFileError) {
    for command in commands where command.kind == .segment { try append(command, name) }
  }

  private mutating func append(_ command: MachOLoadCommand, _ name: String) throws(ObjectFileError) {
    let view = command.view
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      ObjectFileError(code, file: name, offset: command.fileOffset, detail: detail, format: .machO)
    }
    guard view.count >= MachOSegment.commandByteCount else {
      throw failure(.truncated, "a segment's command of \(view.count) bytes")
    }
    let sectionCount = UInt64(try view.load(UInt32.self, at: 64))
    let headers = try view.table(
      at: UInt64(MachOSegment.commandByteCount), count: sectionCount, entryByteCount: UInt64(MachOSection.byteCount))
    let first = sections.count
    guard first + Int(sectionCount) <= Self.sectionCountAtMost else {
      throw failure(.malformedTable, "more than \(Self.sectionCountAtMost) sections")
    }
    for index in 0..<Int(sectionCount) {
      let header = try headers.slice(UInt64(index * MachOSection.byteCount), UInt64(MachOSection.byteCount))
      sections.append(try MachOSection(header, index: sections.count, segmentIndex: segments.count))
    }
    segments.append(
      MachOSegment(
        index: segments.count, name: try view.slice(8, 16).paddedText,
        address: VirtualAddress(try view.load(UInt64.self, at: 24)),
        memoryByteCount: try view.load(UInt64.self, at: 32),
        fileOffset: FileOffset(try view.load(UInt64.self, at: 40)),
        fileByteCount: try view.load(UInt64.self, at: 48),
        maximumProtection: PageProtection(machProtection: try view.load(UInt32.self, at: 56)),
        protection: PageProtection(machProtection: try view.load(UInt32.self, at: 60)),
        flags: MachOSegmentFlags(rawValue: try view.load(UInt32.self, at: 68)),
        sectionIndexes: first..<sections.count, commandOffset: command.fileOffset))
  }
}

extension PageProtection {
  /// VM_PROT_READ 1, VM_PROT_WRITE 2, VM_PROT_EXECUTE 4 (mach/vm_prot.h).
  init(machProtection bits: UInt32) { self = PageProtection(rawValue: UInt8(bits & 7)) }
}

extension ByteView {
  /// The text of a field of fixed size, which NULs fill up where it is shorter.
  var paddedText: String {
    withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
