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
    case unsupportedClass
    case unsupportedByteOrder
    case unsupportedVersion
    case unsupportedMachine
    case unsupportedFileType

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
    case compressedSection
    case cyclicReference
    case duplicateTable
    case malformedTable
    case malformedDWARF
    case unsupportedDWARF

    // Preparing an image.
    case notAdoptable
    case alreadyPrepared
    case outOfReach
    case noRoom
    case unsupportedRelocation
    case unwritable
  }

  public var code: Code
  public var file: String
  public var offset: FileOffset?
  public var section: String?
  public var symbol: String?
  /// What exactly was found, as the end of a sentence: `sh_size 0x40 is no multiple of 24`.
  public var detail: String?
  public var cause: (any Error)?

  public init(
    _ code: Code, file: String, offset: FileOffset? = nil, section: String? = nil, symbol: String? = nil,
    detail: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.file = file
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
    return text + ". Next: " + code.advice(file: file)
  }
}

extension ObjectFileError.Code {
  var summary: String { texts.summary }

  func advice(file: String) -> String { texts.advice.replacingFilePlaceholder(with: file) }

  /// What is wrong, and the command to try next with `%` for the file.
  private var texts: (summary: String, advice: String) {
    switch self {
    case .unreadable: ("cannot be read", "`ls -l %`")
    case .notARegularFile: ("is not a regular file", "`stat %`")
    case .notELF: ("is not an ELF file", "`file %`")
    case .unsupportedClass: ("is not a 64-bit ELF file", "`readelf -h %`, and build for x86-64")
    case .unsupportedByteOrder: ("is not a little-endian ELF file", "`readelf -h %`, and build for x86-64")
    case .unsupportedVersion: ("has an ELF version other than 1", "`readelf -h %`")
    case .unsupportedMachine: ("is for a machine that is not handled", "`readelf -h %`")
    case .unsupportedFileType: ("is not the kind of ELF file that is needed here", "`readelf -h %`")
    case .truncated: ("ends too early", "`readelf -aW %`, and build the file again")
    case .badEntrySize: ("has a table whose entries have the wrong size", "`readelf -SlW %`")
    case .badSectionIndex: ("refers to a section that does not exist", "`readelf -SsW %`")
    case .badSymbolIndex: ("refers to a symbol that does not exist", "`readelf -srW %`")
    case .badString: ("refers to a string outside its string table", "`readelf -SsW %`")
    case .addressWrapsAround: ("has a range that leaves the address space", "`readelf -SlW %`")
    case .unmappedAddress: ("refers to an address that no segment holds in the file", "`readelf -lW %`")
    case .unexpectedSectionType: ("has a section of a type that does not serve here", "`readelf -SW %`")
    case .overlappingSections: ("has sections that share bytes", "`readelf -SW %`, and build the file again")
    case .compressedSection:
      ("has a compressed section", "`objcopy --decompress-debug-sections %`, or build with -gz=none")
    case .cyclicReference: ("has records that refer to each other in a circle", "`readelf -aW %`")
    case .duplicateTable: ("has two tables where one is allowed", "`readelf -SW %`")
    case .malformedTable: ("has a table that makes no sense", "`readelf -aW %`, and build the file again")
    case .malformedDWARF: ("has damaged debug information", "`llvm-dwarfdump --verify %`")
    case .unsupportedDWARF: ("has debug information of a kind that is not handled", "build with -gdwarf-5")
    case .notAdoptable: ("cannot be adopted", "`readelf -hlW %`")
    case .alreadyPrepared: ("is a prepared image already", "name the image it was made from")
    case .outOfReach: ("is too large for an arena within reach of its code", "`readelf -lW %`")
    case .noRoom: ("has no room left in a loader table", "`hcs-journal init` with the image built anew")
    case .unsupportedRelocation: ("has a relocation that is not handled", "`readelf -rW %`")
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
