public import Addressing

/// The ELF header (gABI, ELF Header), its counts read through the escapes for large files.
public struct ELFHeader: Hashable, Sendable {
  public var type: ELFFileType
  public var machine: ELFMachine
  /// `EI_OSABI`: 0 for System V, 3 where GNU extensions (IFUNC, unique symbols) are used.
  public var osABI: UInt8
  public var entry: VirtualAddress
  public var flags: UInt32
  public var programHeaderOffset: FileOffset
  public var programHeaderCount: Int
  public var sectionHeaderOffset: FileOffset
  public var sectionHeaderCount: Int
  /// The section that holds the section names, 0 (SHN_UNDEF) if none does.
  public var sectionNameTableIndex: Int

  static let byteCount = 64
  static let programHeaderByteCount = 56
  static let sectionHeaderByteCount = 64
}

/// `e_type`.
public enum ELFFileType: Hashable, Sendable {
  /// ET_REL
  case relocatable
  /// ET_EXEC
  case executable
  /// ET_DYN: a shared library, or a position-independent executable
  case sharedObject
  /// ET_CORE
  case core
  case other(UInt16)

  init(rawValue: UInt16) {
    switch rawValue {
    case 1: self = .relocatable
    case 2: self = .executable
    case 3: self = .sharedObject
    case 4: self = .core
    default: self = .other(rawValue)
    }
  }
}

/// `e_machine`.
public struct ELFMachine: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// EM_X86_64
  // swift-format-ignore: AlwaysUseLowerCamelCase
  public static let x86_64 = ELFMachine(rawValue: 62)
  /// EM_AARCH64
  public static let aarch64 = ELFMachine(rawValue: 183)
}

extension ELFMachine: CustomStringConvertible {
  public var description: String {
    switch self {
    case .x86_64: "x86-64"
    case .aarch64: "aarch64"
    default: "ELF machine \(rawValue)"
    }
  }
}

extension ELFHeader {
  init(_ view: ByteView, name: String) throws(ObjectFileError) {
    try Self.checkIdentity(view, name: name)
    guard view.count >= Self.byteCount else {
      throw ObjectFileError(.truncated, file: name, detail: "\(view.count) bytes hold no ELF header")
    }
    type = ELFFileType(rawValue: try view.load(UInt16.self, at: 16))
    machine = ELFMachine(rawValue: try view.load(UInt16.self, at: 18))
    osABI = try view.load(UInt8.self, at: 7)
    entry = VirtualAddress(try view.load(UInt64.self, at: 24))
    flags = try view.load(UInt32.self, at: 48)
    programHeaderOffset = FileOffset(try view.load(UInt64.self, at: 32))
    sectionHeaderOffset = FileOffset(try view.load(UInt64.self, at: 40))
    let counts = try Counts(view, sectionHeaderOffset: sectionHeaderOffset.rawValue, name: name)
    programHeaderCount = counts.programHeaders
    sectionHeaderCount = counts.sectionHeaders
    sectionNameTableIndex = counts.sectionNameTable
    try checkEntrySizes(view, name: name)
  }

  private static func checkIdentity(_ view: ByteView, name: String) throws(ObjectFileError) {
    guard view.count >= 16, try view.load(UInt32.self, at: 0) == 0x464C_457F else {
      throw ObjectFileError(.notELF, file: name, detail: kindOfForeignFile(view))
    }
    let fileClass = try view.load(UInt8.self, at: 4)
    guard fileClass == 2 else {
      throw ObjectFileError(
        .unsupportedClass, file: name, detail: fileClass == 1 ? "it is 32-bit" : "EI_CLASS \(fileClass)")
    }
    let byteOrder = try view.load(UInt8.self, at: 5)
    guard byteOrder == 1 else {
      throw ObjectFileError(
        .unsupportedByteOrder, file: name, detail: byteOrder == 2 ? "it is big-endian" : "EI_DATA \(byteOrder)")
    }
    let version = try view.load(UInt8.self, at: 6)
    guard version == 1 else {
      throw ObjectFileError(.unsupportedVersion, file: name, detail: "EI_VERSION \(version)")
    }
  }

  private func checkEntrySizes(_ view: ByteView, name: String) throws(ObjectFileError) {
    let ofProgramHeader = Int(try view.load(UInt16.self, at: 54))
    guard programHeaderCount == 0 || ofProgramHeader == Self.programHeaderByteCount else {
      throw ObjectFileError(.badEntrySize, file: name, detail: "e_phentsize \(ofProgramHeader)")
    }
    let ofSectionHeader = Int(try view.load(UInt16.self, at: 58))
    guard sectionHeaderCount == 0 || ofSectionHeader == Self.sectionHeaderByteCount else {
      throw ObjectFileError(.badEntrySize, file: name, detail: "e_shentsize \(ofSectionHeader)")
    }
  }

  /// What people hand over by mistake, told by its first bytes.
  private static func kindOfForeignFile(_ view: ByteView) -> String {
    func begins(_ bytes: [UInt8]) -> Bool { view.withUnsafeBytes { $0.starts(with: bytes) } }
    if view.isEmpty { return "it is empty" }
    if begins(Array("!<arch>\n".utf8)) { return "it is an archive; name its members" }
    if begins([0x42, 0x43, 0xC0, 0xDE]) { return "it is LLVM bitcode; compile without -flto" }
    if begins([0xCF, 0xFA, 0xED, 0xFE]) { return "it is a Mach-O file" }
    return "its first bytes are not 7f 45 4c 46"
  }
}

extension ELFHeader {
  /// The three counts that overflow into section header 0 (gABI, ELF Header: `e_phnum`, `e_shnum`, `e_shstrndx`).
  private struct Counts {
    var programHeaders: Int
    var sectionHeaders: Int
    var sectionNameTable: Int

    init(_ view: ByteView, sectionHeaderOffset: UInt64, name: String) throws(ObjectFileError) {
      programHeaders = Int(try view.load(UInt16.self, at: 56))
      sectionHeaders = Int(try view.load(UInt16.self, at: 60))
      sectionNameTable = Int(try view.load(UInt16.self, at: 62))
      guard sectionHeaderOffset != 0 else {
        (sectionHeaders, sectionNameTable) = (0, 0)
        return
      }
      guard sectionHeaders == 0 || sectionNameTable == 0xFFFF || programHeaders == 0xFFFF else { return }
      let first = try view.slice(sectionHeaderOffset, UInt64(ELFHeader.sectionHeaderByteCount))
      if sectionHeaders == 0 {
        let count = try first.load(UInt64.self, at: 32)
        guard let exact = Int(exactly: count) else {
          throw ObjectFileError(
            .truncated, file: name, offset: first.fileOffset, detail: "\(count) section headers do not fit")
        }
        sectionHeaders = exact
      }
      if sectionNameTable == 0xFFFF { sectionNameTable = Int(try first.load(UInt32.self, at: 40)) }
      if programHeaders == 0xFFFF { programHeaders = Int(try first.load(UInt32.self, at: 44)) }
    }
  }
}
