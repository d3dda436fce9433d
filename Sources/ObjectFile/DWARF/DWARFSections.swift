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

    init?(name: ByteView) {
      guard let kind = Self.allCases.first(where: { name.equals($0.sectionName) }) else { return nil }
      self = kind
    }

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

  let file: ELFFile
  private(set) var views: [ByteView]
  /// Where the version 4 type units start in `info`.
  private(set) var typesStart = 0
  /// What an object's addresses refer to, by kind and by the field's offset in its view.
  private(set) var relocated: [[Int: DWARFLocation]]

  var isRelocatable: Bool { file.header.type == .relocatable }

  /// Where a file's section stands in the view of its kind.
  private struct Piece {
    var section: ELFSection
    var kind: Kind
    var isTypes: Bool
    var start = 0
    /// What the file holds of it: not always what the section's header says.
    var byteCount = 0
  }

  /// Nil where the file has no debug information, or a compressed one.
  init?(_ file: ELFFile) throws(ObjectFileError) {
    self.file = file
    guard let pieces = Self.pieces(of: file) else { return nil }
    let empty = try file.view.slice(0, 0)
    views = Kind.allCases.map { _ in empty }
    relocated = Kind.allCases.map { _ in [:] }
    var placed: [Piece] = []
    for kind in Kind.allCases { try place(pieces.filter { $0.kind == kind }, of: kind, into: &placed) }
    if isRelocatable { try relocate(placed) }
  }

  static func presence(in file: ELFFile) -> DWARFPresence {
    var presence = DWARFPresence.absent
    for section in file.sections where file.nameHasPrefix(section, ".debug_info") {
      if section.flags.contains(.compressed) { return .compressed }
      if section.type != .noBits && section.byteCount > 0 { presence = .present }
    }
    return presence
  }

  /// The debug sections; nil where there is none with entries, or one that matters is compressed.
  private static func pieces(of file: ELFFile) -> [Piece]? {
    var pieces: [Piece] = []
    for section in file.sections where file.nameHasPrefix(section, ".debug_") {
      guard let name = file.nameBytes(of: section), section.type != .noBits else { continue }
      let isTypes = name.equals(".debug_types")
      guard let kind = isTypes ? .info : Kind(name: name) else { continue }
      if section.flags.contains(.compressed) { return nil }
      pieces.append(Piece(section: section, kind: kind, isTypes: isTypes))
    }
    return pieces.contains { $0.kind == .info && $0.section.byteCount > 0 } ? pieces : nil
  }

  private mutating func place(_ pieces: [Piece], of kind: Kind, into placed: inout [Piece]) throws(ObjectFileError) {
    var bytes: [UInt8] = []
    let isOnly = pieces.count == 1
    for piece in pieces.filter({ !$0.isTypes }) + pieces.filter(\.isTypes) {
      let contents = try file.contents(of: piece.section)
      if kind == .info && !piece.isTypes { typesStart = bytes.count + contents.count }
      var piece = piece
      piece.start = bytes.count
      piece.byteCount = contents.count
      placed.append(piece)
      if isOnly { views[kind.rawValue] = contents } else { contents.withUnsafeBytes { bytes.append(contentsOf: $0) } }
    }
    if !isOnly { views[kind.rawValue] = MappedFile(bytes: bytes, name: file.name).view }
  }
}

// MARK: Relocations

extension DWARFSections {
  private mutating func relocate(_ pieces: [Piece]) throws(ObjectFileError) {
    let tables = try file.relocationSections()
    guard let symbols = try file.symbolTable(.static) else { return }
    var starts: [Int: Int] = [:]
    for piece in pieces { starts[piece.section.index] = piece.start }
    for kind in Kind.allCases {
      let concerned = pieces.filter { $0.kind == kind && tables[$0.section.index] != nil }
      guard !concerned.isEmpty else { continue }
      var bytes = views[kind.rawValue].allBytes
      for piece in concerned {
        guard let table = tables[piece.section.index] else { continue }
        let resolver = Resolver(file: file, symbols: symbols, starts: starts)
        try apply(try file.relocations(of: table), to: piece, &bytes, resolver)
      }
      views[kind.rawValue] = MappedFile(bytes: bytes, name: file.name).view
    }
  }

  private mutating func apply(
    _ relocations: ELFRelocations, to piece: Piece, _ bytes: inout [UInt8], _ resolver: Resolver
  ) throws(ObjectFileError) {
    for relocation in relocations {
      guard let width = file.header.machine.debugRelocationWidth(relocation.type) else {
        throw file.failure(
          .unsupportedRelocation, in: piece.section, detail: "type \(relocation.type) in debug information")
      }
      if width == 0 { continue }
      guard relocation.offset <= UInt64(piece.byteCount), width <= piece.byteCount - Int(relocation.offset)
      else {
        throw file.failure(.malformedTable, in: piece.section, detail: "a relocation lies outside of it")
      }
      let position = piece.start + Int(relocation.offset)
      var addend = relocation.addend
      if !relocations.hasAddends {
        let stored = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[position + $1]) << (8 * $1) }
        addend = Int64(bitPattern: stored)
      }
      let (value, location) = try resolver.resolve(relocation.symbolIndex, addend)
      for index in 0..<width { bytes[position + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
      if let location { relocated[piece.kind.rawValue][position] = location }
    }
  }

  /// Turns a relocation's symbol and addend into the value that its field gets, and what it refers to.
  private struct Resolver {
    let file: ELFFile
    let symbols: ELFSymbolTable
    /// Of each debug section, by its index.
    let starts: [Int: Int]

    func resolve(_ index: Int, _ addend: Int64) throws(ObjectFileError) -> (UInt64, DWARFLocation?) {
      guard index != 0 else { return (UInt64(bitPattern: addend), nil) }
      let symbol = try symbols.symbol(at: index)
      let value = symbol.value &+ UInt64(bitPattern: addend)
      switch symbol.place {
      case .section(let section):
        if let start = starts[section] { return (value &+ UInt64(start), nil) }
        return (value, .section(index: section, offset: value))
      case .undefined, .common:
        return (UInt64(bitPattern: addend), .symbol(index: index, offset: UInt64(bitPattern: addend)))
      case .absolute, .reserved: return (value, .address(VirtualAddress(value)))
      }
    }
  }
}

extension ELFMachine {
  /// Bytes of the field that a relocation of debug information sets to symbol plus addend: absolute, or an offset in the
  /// thread-local block. 0 for one without effect; nil for one that is not handled.
  fileprivate func debugRelocationWidth(_ type: UInt32) -> Int? {
    switch (self, type) {
    case (.x86_64, 0), (.aarch64, 0), (.aarch64, 256): 0
    // R_X86_64_64, _DTPOFF64; R_AARCH64_ABS64, _TLS_DTPREL64.
    case (.x86_64, 1), (.x86_64, 17), (.aarch64, 257), (.aarch64, 1029): 8
    // R_X86_64_32, _32S, _DTPOFF32; R_AARCH64_ABS32.
    case (.x86_64, 10), (.x86_64, 11), (.x86_64, 21), (.aarch64, 258): 4
    default: nil
    }
  }
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
