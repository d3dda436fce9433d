import Addressing

/// Whether a file has debug information that can be read, and why not.
public enum DWARFPresence: Hashable, Sendable {
  /// Built without `-g`, or stripped.
  case absent
  case present
  /// Compressed (`-gz`, SHF_COMPRESSED): treated as absent.
  case compressed
  /// Built with `-g1` or `-gline-tables-only`: `DWARFLines` reads it, but there are no types and no variables.
  case linesOnly
  /// Split off into `.dwo` files (`-gsplit-dwarf`): treated as absent.
  case split
}

/// The debug sections of one object or image, ready to be read: those of an object with their relocations applied.
///
/// An object may have several sections of one name (type units stand each in a COMDAT group of its own). They follow
/// one another in one view, so that an offset tells both section and place; `.debug_types` follows `.debug_info`. They
/// take no more room than the file, of which no two sections share a byte (`ELFFile`).
struct DWARFSections {
  enum Kind: Int, CaseIterable {
    case info, abbreviations, strings, lineStrings, stringOffsets, addresses, lines, ranges, rangeLists

    /// As ELF names it, and messages.
    var sectionName: String {
      switch self {
      case .info: ".debug_info"
      case .abbreviations: ".debug_abbrev"
      case .strings: ".debug_str"
      case .lineStrings: ".debug_line_str"
      case .stringOffsets: ".debug_str_offsets"
      case .addresses: ".debug_addr"
      case .lines: ".debug_line"
      case .ranges: ".debug_ranges"
      case .rangeLists: ".debug_rnglists"
      }
    }
  }

  let fileName: String
  /// Whether it is an object: addresses are what its relocations refer to.
  let isRelocatable: Bool
  private(set) var views: [ByteView]
  /// Where the version 4 type units start in `info`.
  private(set) var typesStart = 0
  /// What an object's addresses refer to, by kind and by the field's offset in its view.
  private(set) var relocated: [[Int: DWARFLocation]]

  /// Without any section.
  init(_ file: ByteView, isRelocatable: Bool) throws(ObjectFileError) {
    fileName = file.fileName
    self.isRelocatable = isRelocatable
    let empty = try file.slice(0, 0)
    views = Kind.allCases.map { _ in empty }
    relocated = Kind.allCases.map { _ in [:] }
  }

  mutating func set(_ view: ByteView, _ kind: Kind) { views[kind.rawValue] = view }

  /// - Parameter locations: by the field's offset in the view.
  mutating func set(_ bytes: [UInt8], _ kind: Kind, _ locations: [Int: DWARFLocation]) {
    views[kind.rawValue] = MappedFile(bytes: bytes, name: fileName).view
    relocated[kind.rawValue] = locations
  }

  mutating func setTypesStart(_ offset: Int) { typesStart = offset }
}

// MARK: Reading

extension DWARFSections {
  /// The sections' bytes, by kind. The pointers are valid only until `body` returns.
  func withUnsafeBytes<Result>(
    _ body: ([UnsafeRawBufferPointer]) throws(ObjectFileError) -> Result
  ) throws(ObjectFileError) -> Result {
    try withUnsafeBytes(after: [], body)
  }

  private func withUnsafeBytes<Result>(
    after pointers: [UnsafeRawBufferPointer], _ body: ([UnsafeRawBufferPointer]) throws(ObjectFileError) -> Result
  ) throws(ObjectFileError) -> Result {
    if pointers.count == views.count { return try body(pointers) }
    return try views[pointers.count].withUnsafeBytes { (bytes) throws(ObjectFileError) -> Result in
      try withUnsafeBytes(after: pointers + [bytes], body)
    }
  }
}
