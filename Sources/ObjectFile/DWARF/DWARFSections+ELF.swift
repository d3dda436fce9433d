import Addressing

extension DWARFSections {
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
    guard let pieces = Self.pieces(of: file) else { return nil }
    try self.init(file.view, isRelocatable: file.header.type == .relocatable)
    var placed: [Piece] = []
    for kind in Kind.allCases { try place(pieces.filter { $0.kind == kind }, of: kind, file, into: &placed) }
    if isRelocatable { try relocate(placed, file) }
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
      guard let kind = isTypes ? .info : Kind.allCases.first(where: { name.equals($0.sectionName) }) else { continue }
      if section.flags.contains(.compressed) { return nil }
      pieces.append(Piece(section: section, kind: kind, isTypes: isTypes))
    }
    return pieces.contains { $0.kind == .info && $0.section.byteCount > 0 } ? pieces : nil
  }

  private mutating func place(
    _ pieces: [Piece], of kind: Kind, _ file: ELFFile, into placed: inout [Piece]
  ) throws(ObjectFileError) {
    var bytes: [UInt8] = []
    let isOnly = pieces.count == 1
    for piece in pieces.filter({ !$0.isTypes }) + pieces.filter(\.isTypes) {
      let contents = try file.contents(of: piece.section)
      if kind == .info && !piece.isTypes { setTypesStart(bytes.count + contents.count) }
      var piece = piece
      piece.start = bytes.count
      piece.byteCount = contents.count
      placed.append(piece)
      if isOnly { set(contents, kind) } else { contents.withUnsafeBytes { bytes.append(contentsOf: $0) } }
    }
    if !isOnly { set(bytes, kind, [:]) }
  }
}

// MARK: Relocations

extension DWARFSections {
  private mutating func relocate(_ pieces: [Piece], _ file: ELFFile) throws(ObjectFileError) {
    let tables = try file.relocationSections()
    guard let symbols = try file.symbolTable(.static) else { return }
    var starts: [Int: Int] = [:]
    for piece in pieces { starts[piece.section.index] = piece.start }
    for kind in Kind.allCases {
      let concerned = pieces.filter { $0.kind == kind && tables[$0.section.index] != nil }
      guard !concerned.isEmpty else { continue }
      var fields = Fields(bytes: views[kind.rawValue].allBytes)
      for piece in concerned {
        guard let table = tables[piece.section.index] else { continue }
        let resolver = Resolver(file: file, symbols: symbols, starts: starts)
        try fields.apply(try file.relocations(of: table), to: piece, resolver)
      }
      set(fields.bytes, kind, fields.locations)
    }
  }

  /// A section's bytes, and what was found to stand in them.
  private struct Fields {
    var bytes: [UInt8]
    var locations: [Int: DWARFLocation] = [:]

    mutating func apply(
      _ relocations: ELFRelocations, to piece: Piece, _ resolver: Resolver
    ) throws(ObjectFileError) {
      let file = resolver.file
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
        if let location { locations[position] = location }
      }
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
