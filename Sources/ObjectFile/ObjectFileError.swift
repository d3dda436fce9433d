public import Addressing

/// Why an object file or image could not be read, or not be prepared.
///
/// The bytes of such a file are hostile: whatever is wrong with them ends here, never in a trap.
public struct ObjectFileError: Error, Sendable {
  public enum Code: String, Hashable, Sendable, CaseIterable {
    // The file as a whole.
    case unreadable
    case notARegularFile
    case notELF
    case notMachO
    case severalArchitectures
    case unsupportedClass
    case unsupportedByteOrder
    case unsupportedVersion
    case unsupportedMachine
    case unsupportedFileType
    case unsupportedLoadCommand
    case pointerAuthentication
    case encrypted

    // A table or record in it.
    case truncated
    case badEntrySize
    case badSectionIndex
    case badSymbolIndex
    case badString
    case addressWrapsAround
    case unmappedAddress
    case unexpectedSectionType
    case overlappingSections
    case overlappingSegments
    case compressedSection
    case cyclicReference
    case duplicateTable
    case malformedTable
    case malformedDWARF
    case unsupportedDWARF

    // What a Mach-O image's `__LINKEDIT` says to the loader and the kernel.
    case malformedFixups
    case unsupportedFixup
    case malformedExports
    case malformedSignature
    case unsupportedSignature
    case signedByIdentity

    // Preparing an image.
    case notAdoptable
    case alreadyPrepared
    case outOfReach
    case noRoom
    case noRoomForCommands
    case unsupportedRelocation
    case unwritable
  }

  /// Whose tools can tell more about the file.
  public enum Format: Hashable, Sendable {
    case elf
    case machO
  }

  public var code: Code
  public var file: String
  public var format: Format
  public var offset: FileOffset?
  public var section: String?
  public var symbol: String?
  /// What exactly was found, as the end of a sentence: `sh_size 0x40 is no multiple of 24`.
  public var detail: String?
  public var cause: (any Error)?

  public init(
    _ code: Code, file: String, offset: FileOffset? = nil, section: String? = nil, symbol: String? = nil,
    detail: String? = nil, cause: (any Error)? = nil, format: Format = .elf
  ) {
    self.code = code
    self.file = file
    self.format = format
    self.offset = offset
    self.section = section
    self.symbol = symbol
    self.detail = detail
    self.cause = cause
  }
}

extension ObjectFileError: CustomStringConvertible {
  public var description: String {
    var text = "\(file): \(code.summary)"
    if let detail { text += ": \(detail)" }
    if let section { text += ", in section \(section)" }
    if let symbol { text += ", symbol \(symbol)" }
    if let offset { text += ", at \(offset)" }
    if let cause { text += " (\(cause))" }
    return text + ". Next: " + code.advice(file: file, format: format)
  }
}

extension ObjectFileError.Code {
  var summary: String { texts(.elf).summary }

  func advice(file: String, format: ObjectFileError.Format) -> String {
    texts(format).advice.replacingFilePlaceholder(with: file)
  }

  /// What is wrong, and the command to try next with `%` for the file.
  private func texts(_ format: ObjectFileError.Format) -> (summary: String, advice: String) {
    /// The command that shows a table: `readelf` with options, or for Mach-O `llvm-objdump --macho`.
    func show(_ elf: String, _ machO: String = "--private-headers") -> String {
      format == .elf ? "`readelf \(elf) %`" : "`llvm-objdump --macho \(machO) %`"
    }
    return switch self {
    case .unreadable: ("cannot be read", "`ls -l %`")
    case .notARegularFile: ("is not a regular file", "`stat %`")
    case .notELF: ("is not an ELF file", "`file %`")
    case .notMachO: ("is not a Mach-O file", "`file %`")
    case .severalArchitectures: ("is a fat file", "`llvm-lipo -thin arm64 -output %.arm64 %`, and name that file")
    case .unsupportedClass: ("is not a 64-bit file", show("-h") + ", and build for a 64-bit machine")
    case .unsupportedByteOrder: ("is not a little-endian file", show("-h") + ", and build for x86-64 or arm64")
    case .unsupportedVersion: ("has an ELF version other than 1", "`readelf -h %`")
    case .unsupportedMachine: ("is for a machine that is not handled", show("-h"))
    case .unsupportedFileType: ("is not the kind of file that is needed here", show("-h"))
    case .unsupportedLoadCommand: ("has a load command that is not handled", show("-h"))
    case .pointerAuthentication: ("is for arm64e, with signed pointers", "build with -arch arm64")
    case .encrypted: ("is encrypted", "name the image as it was linked, before it was encrypted")
    case .truncated: ("ends too early", show("-aW") + ", and build the file again")
    case .badEntrySize: ("has a table whose entries have the wrong size", show("-SlW"))
    case .badSectionIndex: ("refers to a section that does not exist", show("-SsW"))
    case .badSymbolIndex: ("refers to a symbol that does not exist", show("-srW", "--syms --reloc"))
    case .badString: ("refers to a string outside its string table", show("-SsW"))
    case .addressWrapsAround: ("has a range that leaves the address space", show("-SlW"))
    case .unmappedAddress: ("refers to an address that no segment holds in the file", show("-lW"))
    case .unexpectedSectionType: ("has a section of a type that does not serve here", show("-SW"))
    case .overlappingSections: ("has sections that share bytes", show("-SW") + ", and build the file again")
    case .overlappingSegments: ("has segments that share addresses", show("-lW") + ", and build the file again")
    case .compressedSection:
      ("has a compressed section", "`objcopy --decompress-debug-sections %`, or build with -gz=none")
    case .cyclicReference: ("has records that refer to each other in a circle", show("-aW"))
    case .duplicateTable: ("has two tables where one is allowed", show("-SW"))
    case .malformedTable: ("has a table that makes no sense", show("-aW") + ", and build the file again")
    case .malformedDWARF: ("has damaged debug information", "`llvm-dwarfdump --verify %`")
    case .unsupportedDWARF: ("has debug information of a kind that is not handled", "build with -gdwarf-5")
    case .malformedFixups:
      ("has loader fixups that make no sense", "`llvm-objdump --macho --dyld-info %`, and link it again")
    case .unsupportedFixup:
      ("has a loader fixup of a kind that is not handled", "`llvm-objdump --macho --dyld-info %`")
    case .malformedExports:
      ("has a table of exports that makes no sense", "`llvm-objdump --macho --exports-trie %`, and link it again")
    case .malformedSignature:
      ("has a damaged code signature", "`codesign -dvvv %`, or sign it anew: `codesign --force --sign - %`")
    case .unsupportedSignature:
      ("has a code signature of a kind that is not handled", "sign it ad hoc: `codesign --force --sign - %`")
    case .signedByIdentity:
      ("is signed by an identity, which only its owner can do", "sign a copy ad hoc: `codesign --force --sign - %`")
    case .notAdoptable: ("cannot be adopted", show("-hlW"))
    case .alreadyPrepared: ("is a prepared image already", "name the image it was made from")
    case .outOfReach: ("is too large for an arena within reach of its code", show("-lW"))
    case .noRoom: ("has no room left in a loader table", "`hcs-journal init` with the image built anew")
    case .noRoomForCommands:
      ("has too little room for load commands", "link it with -Wl,-headerpad,0x400 (for ld64.lld: -headerpad 0x400)")
    case .unsupportedRelocation: ("has a relocation that is not handled", show("-rW", "--reloc"))
    case .unwritable: ("cannot be written", "`ls -ld %`, and `df` for the room on its disk")
    }
  }
}

extension String {
  fileprivate func replacingFilePlaceholder(with file: String) -> String {
    split(separator: "%", omittingEmptySubsequences: false).joined(separator: file)
  }
}

/// A call of the C library that failed: its name and errno, put in words once.
public struct SystemCallFailure: Error, Hashable, Sendable {
  public let call: String
  public let number: Int32

  public init(call: String, number: Int32) {
    self.call = call
    self.number = number
  }
}
