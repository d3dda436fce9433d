public import Addressing

/// A load command (`struct load_command`, mach-o/loader.h): its kind and its bytes.
public struct MachOLoadCommand: Sendable {
  public let index: Int
  public let kind: MachOLoadCommandKind
  /// The whole command, its first eight bytes included. Their length is a multiple of 8, and not 0.
  public let view: ByteView

  public var fileOffset: FileOffset { view.fileOffset }
}

/// `cmd`
public struct MachOLoadCommandKind: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// LC_SEGMENT, of 32-bit files
  static let segment32 = MachOLoadCommandKind(rawValue: 0x1)
  /// LC_SYMTAB
  public static let symbolTable = MachOLoadCommandKind(rawValue: 0x2)
  /// LC_UNIXTHREAD
  public static let unixThread = MachOLoadCommandKind(rawValue: 0x5)
  /// LC_DYSYMTAB
  public static let dynamicSymbolTable = MachOLoadCommandKind(rawValue: 0xB)
  /// LC_LOAD_DYLIB
  public static let loadLibrary = MachOLoadCommandKind(rawValue: 0xC)
  /// LC_ID_DYLIB
  public static let libraryIdentity = MachOLoadCommandKind(rawValue: 0xD)
  /// LC_LOAD_DYLINKER
  public static let loadDynamicLinker = MachOLoadCommandKind(rawValue: 0xE)
  /// LC_LOAD_WEAK_DYLIB
  public static let loadWeakLibrary = MachOLoadCommandKind(rawValue: 0x8000_0018)
  /// LC_SEGMENT_64
  public static let segment = MachOLoadCommandKind(rawValue: 0x19)
  /// LC_UUID
  public static let uuid = MachOLoadCommandKind(rawValue: 0x1B)
  /// LC_RPATH
  public static let runPath = MachOLoadCommandKind(rawValue: 0x8000_001C)
  /// LC_CODE_SIGNATURE
  public static let codeSignature = MachOLoadCommandKind(rawValue: 0x1D)
  /// LC_SEGMENT_SPLIT_INFO
  public static let segmentSplitInfo = MachOLoadCommandKind(rawValue: 0x1E)
  /// LC_REEXPORT_DYLIB
  public static let reexportLibrary = MachOLoadCommandKind(rawValue: 0x8000_001F)
  /// LC_LAZY_LOAD_DYLIB
  public static let lazyLoadLibrary = MachOLoadCommandKind(rawValue: 0x20)
  /// LC_ENCRYPTION_INFO
  public static let encryptionInfo32 = MachOLoadCommandKind(rawValue: 0x21)
  /// LC_DYLD_INFO
  public static let loaderInfo = MachOLoadCommandKind(rawValue: 0x22)
  /// LC_DYLD_INFO_ONLY
  public static let loaderInfoOnly = MachOLoadCommandKind(rawValue: 0x8000_0022)
  /// LC_LOAD_UPWARD_DYLIB
  public static let loadUpwardLibrary = MachOLoadCommandKind(rawValue: 0x8000_0023)
  /// LC_VERSION_MIN_MACOSX
  public static let minimumMacOS = MachOLoadCommandKind(rawValue: 0x24)
  /// LC_VERSION_MIN_IPHONEOS
  public static let minimumIOS = MachOLoadCommandKind(rawValue: 0x25)
  /// LC_FUNCTION_STARTS
  public static let functionStarts = MachOLoadCommandKind(rawValue: 0x26)
  /// LC_MAIN
  public static let main = MachOLoadCommandKind(rawValue: 0x8000_0028)
  /// LC_DATA_IN_CODE
  public static let dataInCode = MachOLoadCommandKind(rawValue: 0x29)
  /// LC_SOURCE_VERSION
  public static let sourceVersion = MachOLoadCommandKind(rawValue: 0x2A)
  /// LC_DYLIB_CODE_SIGN_DRS
  public static let librarySigningRequirements = MachOLoadCommandKind(rawValue: 0x2B)
  /// LC_ENCRYPTION_INFO_64
  public static let encryptionInfo = MachOLoadCommandKind(rawValue: 0x2C)
  /// LC_LINKER_OPTION
  public static let linkerOption = MachOLoadCommandKind(rawValue: 0x2D)
  /// LC_LINKER_OPTIMIZATION_HINT
  public static let linkerOptimizationHints = MachOLoadCommandKind(rawValue: 0x2E)
  /// LC_VERSION_MIN_TVOS
  public static let minimumTVOS = MachOLoadCommandKind(rawValue: 0x2F)
  /// LC_VERSION_MIN_WATCHOS
  public static let minimumWatchOS = MachOLoadCommandKind(rawValue: 0x30)
  /// LC_BUILD_VERSION
  public static let buildVersion = MachOLoadCommandKind(rawValue: 0x32)
  /// LC_DYLD_EXPORTS_TRIE
  public static let exportsTrie = MachOLoadCommandKind(rawValue: 0x8000_0033)
  /// LC_DYLD_CHAINED_FIXUPS
  public static let chainedFixups = MachOLoadCommandKind(rawValue: 0x8000_0034)
  /// LC_FILESET_ENTRY
  static let filesetEntry = MachOLoadCommandKind(rawValue: 0x8000_0035)
  /// LC_ATOM_INFO
  public static let atomInfo = MachOLoadCommandKind(rawValue: 0x36)

  /// LC_REQ_DYLD: a loader that does not know the command must not load the image.
  var mustBeKnown: Bool { rawValue & 0x8000_0000 != 0 }

  /// The commands with LC_REQ_DYLD that are known here.
  static let knownAndNecessary: Set<MachOLoadCommandKind> = [
    .loadWeakLibrary, .runPath, .reexportLibrary, .loaderInfoOnly, .loadUpwardLibrary, .main, .exportsTrie,
    .chainedFixups,
  ]

  /// Commands of which a file has one at most.
  static let single: Set<MachOLoadCommandKind> = [
    .symbolTable, .dynamicSymbolTable, .unixThread, .libraryIdentity, .uuid, .codeSignature, .loaderInfo,
    .loaderInfoOnly, .functionStarts, .main, .dataInCode, .linkerOptimizationHints, .exportsTrie, .chainedFixups,
  ]

  /// `struct linkedit_data_command`: all that they say is where their data is.
  static let linkEditData: Set<MachOLoadCommandKind> = [
    .codeSignature, .segmentSplitInfo, .functionStarts, .dataInCode, .librarySigningRequirements,
    .linkerOptimizationHints, .exportsTrie, .chainedFixups, .atomInfo,
  ]
}

extension MachOLoadCommandKind: CustomStringConvertible {
  public var description: String { "load command 0x" + String(rawValue, radix: 16) }
}

/// The load commands of a file, checked to lie one after the other within what the header claims for them.
public struct MachOLoadCommands: RandomAccessCollection, Sendable {
  private var commands: [MachOLoadCommand] = []

  init(_ view: ByteView, header: MachOHeader, name: String) throws(ObjectFileError) {
    let area = try view.slice(UInt64(MachOHeader.byteCount), UInt64(header.commandByteCount))
    func failure(_ code: ObjectFileError.Code, at offset: Int, _ detail: String) -> ObjectFileError {
      ObjectFileError(
        code, file: name, offset: area.fileOffset.advanced(by: UInt64(offset)), detail: detail, format: .machO)
    }
    var at = 0
    // No capacity is reserved: the count is the file's claim.
    for index in 0..<header.commandCount {
      guard at <= area.count - 8 else {
        throw failure(.truncated, at: at, "load command \(index) of \(header.commandCount)")
      }
      let size = Int(try area.load(UInt32.self, at: at + 4))
      // loader.h: cmdsize must be a multiple of 8 in 64-bit files.
      guard size >= 8, size.isMultiple(of: 8) else {
        throw failure(.malformedTable, at: at, "cmdsize \(size) of load command \(index)")
      }
      guard size <= area.count - at else {
        throw failure(.truncated, at: at, "load command \(index) takes \(size) bytes of \(area.count - at)")
      }
      commands.append(
        MachOLoadCommand(
          index: index, kind: MachOLoadCommandKind(rawValue: try area.load(UInt32.self, at: at)),
          view: try area.slice(UInt64(at), UInt64(size))))
      at += size
    }
    try check(name)
  }

  private func check(_ name: String) throws(ObjectFileError) {
    var seen: Set<MachOLoadCommandKind> = []
    for command in commands {
      func failure(_ code: ObjectFileError.Code, _ detail: String) -> ObjectFileError {
        ObjectFileError(code, file: name, offset: command.fileOffset, detail: detail, format: .machO)
      }
      let kind = command.kind
      if MachOLoadCommandKind.single.contains(kind), !seen.insert(kind).inserted {
        throw failure(.duplicateTable, "a second \(kind)")
      }
      if kind.mustBeKnown, !MachOLoadCommandKind.knownAndNecessary.contains(kind) {
        throw failure(
          .unsupportedLoadCommand, kind == .filesetEntry ? "it is part of a set of files (LC_FILESET_ENTRY)" : "\(kind)"
        )
      }
      if kind == .segment32 { throw failure(.unsupportedLoadCommand, "a 32-bit segment in a 64-bit file") }
      if kind == .encryptionInfo || kind == .encryptionInfo32 {
        let identity = try command.view.load(UInt32.self, at: 16)
        guard identity == 0 else { throw failure(.encrypted, "cryptid \(identity)") }
      }
    }
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { commands.count }
  public subscript(index: Int) -> MachOLoadCommand { commands[index] }

  /// The first command of a kind.
  public func first(_ kind: MachOLoadCommandKind) -> MachOLoadCommand? { commands.first { $0.kind == kind } }
}

extension MachOLoadCommand {
  /// The string that field `offset` of the command leads to (`union lc_str`).
  func string(at offset: Int) throws(ObjectFileError) -> String {
    let start = Int(try view.load(UInt32.self, at: offset))
    return try view.cString(at: start)
  }
}
