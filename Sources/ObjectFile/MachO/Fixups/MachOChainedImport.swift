/// How the table of imports is written: `imports_format`.
public enum MachOChainedImportFormat: UInt32, Hashable, Sendable, CaseIterable {
  /// DYLD_CHAINED_IMPORT: library 8 bits, weak 1, name 23.
  case plain = 1
  /// DYLD_CHAINED_IMPORT_ADDEND: the same and an addend of 32 bits.
  case addend = 2
  /// DYLD_CHAINED_IMPORT_ADDEND64: library 16 bits, weak 1, reserved 15, name 32, addend 64.
  case wideAddend = 3

  var entryByteCount: Int {
    switch self {
    case .plain: 4
    case .addend: 8
    case .wideAddend: 16
    }
  }

  /// The smallest that can say all of `imports` with names in a pool of `nameByteCount` bytes.
  static func smallest(for imports: [MachOBindTarget], nameByteCount: Int) -> MachOChainedImportFormat {
    let formats: [MachOChainedImportFormat] = [.plain, .addend]
    return formats.first { format in
      nameByteCount <= 1 << 23 && imports.allSatisfy { format.canHold($0) }
    } ?? .wideAddend
  }

  func canHold(_ target: MachOBindTarget) -> Bool {
    let library = target.library.rawValue
    switch self {
    case .plain: return (-15...240).contains(library) && target.addend == 0
    case .addend: return (-15...240).contains(library) && Int32(exactly: target.addend) != nil
    case .wideAddend: return (-15...65520).contains(library)
    }
  }
}

/// One entry of the table, its fields apart.
struct MachOChainedImportEntry: Hashable {
  /// A negative number stands for one of the special libraries.
  var library: Int
  var isWeakImport: Bool
  var nameOffset: Int
  var addend: Int64

  init(library: Int, isWeakImport: Bool, nameOffset: Int, addend: Int64) {
    self.library = library
    self.isWeakImport = isWeakImport
    self.nameOffset = nameOffset
    self.addend = addend
  }

  init(_ table: ByteView, _ index: Int, _ format: MachOChainedImportFormat) throws(ObjectFileError) {
    let at = index * format.entryByteCount
    switch format {
    case .plain, .addend:
      let word = try table.load(UInt32.self, at: at)
      let number = Int(word & 0xFF)
      // Numbers above 240 are negative ones of eight bits (dyld, MachOAnalyzer::forEachChainedFixupTarget).
      library = number > 0xF0 ? number - 0x100 : number
      isWeakImport = word & 0x100 != 0
      nameOffset = Int(word >> 9)
      addend = format == .addend ? Int64(try table.load(Int32.self, at: at + 4)) : 0
    case .wideAddend:
      let word = try table.load(UInt64.self, at: at)
      let number = Int(word & 0xFFFF)
      library = number > 0xFFF0 ? number - 0x10000 : number
      isWeakImport = word & 0x10000 != 0
      nameOffset = Int(word >> 32)
      addend = try table.load(Int64.self, at: at + 8)
    }
  }

  /// - Precondition: the format can hold it.
  func bytes(_ format: MachOChainedImportFormat) -> [UInt8] {
    var result = TableBytes()
    let weak: UInt64 = isWeakImport ? 1 : 0
    switch format {
    case .plain, .addend:
      let number = UInt32(UInt8(truncatingIfNeeded: library))
      result.append(number | UInt32(weak) << 8 | UInt32(truncatingIfNeeded: nameOffset) << 9)
      if format == .addend { result.append(Int32(truncatingIfNeeded: addend)) }
    case .wideAddend:
      let number = UInt64(UInt16(truncatingIfNeeded: library))
      result.append(number | weak << 16 | UInt64(truncatingIfNeeded: nameOffset) << 32)
      result.append(addend)
    }
    return result.bytes
  }
}
