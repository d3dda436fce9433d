/// The Mach-O header (`struct mach_header_64`, mach-o/loader.h).
public struct MachOHeader: Hashable, Sendable {
  public var type: MachOFileType
  public var machine: MachOMachine
  public var flags: MachOFlags
  /// `ncmds`
  public var commandCount: Int
  /// `sizeofcmds`: what all load commands take up, right behind the header.
  public var commandByteCount: Int

  static let byteCount = 32
}

/// `filetype`: the kinds that are read. All others are refused by name.
public enum MachOFileType: UInt32, Hashable, Sendable {
  /// MH_OBJECT
  case object = 1
  /// MH_EXECUTE
  case executable = 2
  /// MH_DYLIB
  case dynamicLibrary = 6
}

/// `cputype`: the machines that are read.
public enum MachOMachine: UInt32, Hashable, Sendable, CustomStringConvertible {
  /// CPU_TYPE_X86_64
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case x86_64 = 0x0100_0007
  /// CPU_TYPE_ARM64
  case arm64 = 0x0100_000C

  public var description: String {
    switch self {
    case .x86_64: "x86-64"
    case .arm64: "arm64"
    }
  }

  /// What segments of an image are aligned to in memory and file: the page of the machine (16 KiB on arm64).
  public var pageByteCount: UInt64 {
    switch self {
    case .x86_64: 0x1000
    case .arm64: 0x4000
    }
  }
}

/// `flags` of the header.
public struct MachOFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// MH_NOUNDEFS
  public static let noUndefinedSymbols = MachOFlags(rawValue: 0x1)
  /// MH_DYLDLINK
  public static let dynamicallyLinked = MachOFlags(rawValue: 0x4)
  /// MH_TWOLEVEL: an undefined symbol names the library that has it.
  public static let twoLevelNames = MachOFlags(rawValue: 0x80)
  /// MH_SUBSECTIONS_VIA_SYMBOLS: sections may be split at symbols.
  public static let subsectionsViaSymbols = MachOFlags(rawValue: 0x2000)
  /// MH_WEAK_DEFINES
  public static let weakDefinitions = MachOFlags(rawValue: 0x8000)
  /// MH_BINDS_TO_WEAK
  public static let bindsToWeak = MachOFlags(rawValue: 0x1_0000)
  /// MH_PIE
  public static let positionIndependent = MachOFlags(rawValue: 0x20_0000)
  /// MH_HAS_TLV_DESCRIPTORS
  public static let threadLocalVariables = MachOFlags(rawValue: 0x80_0000)
  /// MH_DYLIB_IN_CACHE: cut out of the shared cache, its bytes are not all its own.
  public static let inSharedCache = MachOFlags(rawValue: 0x8000_0000)
}

extension MachOHeader {
  init(_ view: ByteView, name: String) throws(ObjectFileError) {
    func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
      ObjectFileError(code, file: name, detail: detail, format: .machO)
    }
    try Self.checkMagic(view, name: name)
    guard view.count >= Self.byteCount else {
      throw failure(.truncated, "\(view.count) bytes hold no Mach-O header")
    }
    let type = try view.load(UInt32.self, at: 12)
    guard let known = MachOFileType(rawValue: type) else {
      throw failure(.unsupportedFileType, Self.kind(ofFileType: type))
    }
    self.type = known
    machine = try Self.machine(view, name: name)
    commandCount = Int(try view.load(UInt32.self, at: 16))
    commandByteCount = Int(try view.load(UInt32.self, at: 20))
    flags = MachOFlags(rawValue: try view.load(UInt32.self, at: 24))
    guard !flags.contains(.inSharedCache) else {
      throw failure(.unsupportedFileType, "it is part of the shared cache (MH_DYLIB_IN_CACHE)")
    }
  }

  private static func checkMagic(_ view: ByteView, name: String) throws(ObjectFileError) {
    guard view.count >= 4 else {
      throw ObjectFileError(
        .notMachO, file: name, detail: view.isEmpty ? "it is empty" : "it has only \(view.count) bytes", format: .machO)
    }
    let refusal: (code: ObjectFileError.Code, detail: String)
    switch try view.load(UInt32.self, at: 0) {
    case 0xFEED_FACF: return
    // FAT_MAGIC and FAT_MAGIC_64 are big-endian. A class file of Java begins with the same bytes.
    case 0xBEBA_FECA, 0xBFBA_FECA: refusal = (.severalArchitectures, "it holds files for several machines")
    case 0xFEED_FACE: refusal = (.unsupportedClass, "it is 32-bit")
    case 0xCEFA_EDFE, 0xCFFA_EDFE: refusal = (.unsupportedByteOrder, "it is big-endian")
    case 0x464C_457F: refusal = (.notMachO, "it is an ELF file")
    case 0x7261_3C21: refusal = (.notMachO, "it is an archive; name its members")
    case 0xDEC0_4342, 0x0B17_C0DE: refusal = (.notMachO, "it is LLVM bitcode; compile without -flto")
    default: refusal = (.notMachO, "its first bytes are not cf fa ed fe")
    }
    throw ObjectFileError(refusal.code, file: name, detail: refusal.detail, format: .machO)
  }

  private static func machine(_ view: ByteView, name: String) throws(ObjectFileError) -> MachOMachine {
    let type = try view.load(UInt32.self, at: 4)
    // The high byte holds capabilities, such as CPU_SUBTYPE_LIB64 and the version of arm64e's calling convention.
    let subtype = try view.load(UInt32.self, at: 8) & 0xFF_FFFF
    guard let machine = MachOMachine(rawValue: type) else {
      let found = type == 0x0200_000C ? "it is for arm64_32" : "cputype 0x\(String(type, radix: 16))"
      throw ObjectFileError(.unsupportedMachine, file: name, detail: found, format: .machO)
    }
    guard machine != .arm64 || subtype != 2 else {
      throw ObjectFileError(.pointerAuthentication, file: name, detail: "CPU_SUBTYPE_ARM64E", format: .machO)
    }
    return machine
  }

  private static func kind(ofFileType type: UInt32) -> String {
    switch type {
    case 3: "it is a fixed library (MH_FVMLIB)"
    case 4: "it is a core file (MH_CORE)"
    case 5: "it is a preloaded executable (MH_PRELOAD)"
    case 7: "it is a dynamic linker (MH_DYLINKER)"
    case 8: "it is a bundle (MH_BUNDLE)"
    case 9: "it is a stub of a library (MH_DYLIB_STUB)"
    case 10: "it holds debug information alone (MH_DSYM)"
    case 11: "it is a kernel extension (MH_KEXT_BUNDLE)"
    case 12: "it is a set of files (MH_FILESET)"
    default: "filetype \(type)"
    }
  }
}
