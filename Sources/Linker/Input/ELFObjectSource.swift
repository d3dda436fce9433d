import ObjectFile

/// An ELF object as the linker reads it.
struct ELFObjectSource: ObjectSource {
  /// Those of ELF are pieces.
  func threadLocalNames() -> Set<String> { [] }

  private let file: ELFFile
  private let symbols: ObjectSymbols
  private let functions: [ObjectUnwinding]

  var unit: String { symbols.unit }
  var common: [PieceSymbolAt] { symbols.common }
  var indirect: [IndirectFunction] { symbols.indirect }

  init(_ file: ELFFile, path: String, machine: any Machine) throws {
    guard file.header.type == .relocatable else {
      guard let soname = try file.dynamic()?.soname() else { throw LinkError(.notARelocatableObject, object: path) }
      throw LinkError(.newNeededLibrary, object: path, symbol: soname)
    }
    guard file.header.machine.architecture == machine.architecture else {
      throw LinkError(
        .wrongArchitecture, object: path,
        detail: "the object is for \(file.header.machine), the image for \(machine.architecture.name)")
    }
    guard try !IntermediateCode.isSlim(file) else { throw LinkError(.linkTimeCode, object: path) }
    self.file = file
    symbols = try ObjectSymbols(file)
    functions = try ObjectUnwinding.all(in: file, symbols)
  }

  func sections() -> [SourceSection] {
    let tables = exceptionTables()
    return file.sections.compactMap { section in
      guard let content = tables[section.index].map(SectionContent.exceptionTables) ?? SectionContent(section, in: file)
      else { return nil }
      return SourceSection(
        index: section.index, content: content, byteCount: section.byteCount, alignment: section.alignment,
        isZeroFill: section.type == .noBits, isInGroup: section.flags.contains(.group),
        setName: Self.setName(file.name(of: section)))
    }
  }

  private func exceptionTables() -> [Int: Set<UInt64>] {
    Dictionary(grouping: functions.compactMap(\.exceptionTable), by: \.section).mapValues { Set($0.map(\.offset)) }
  }

  private static func setName(_ section: String) -> String? {
    let isIdentifier = section.utf8.allSatisfy { byte in
      byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    return isIdentifier && !section.isEmpty ? section : nil
  }

  func bytes(of section: SourceSection, from start: UInt64, count: UInt64) throws -> [UInt8]? {
    guard !section.isZeroFill else { return nil }
    let view = try file.contents(of: try file.section(at: section.index)).slice(start, count)
    return try view.bytes(at: 0, count: view.count)
  }

  func defined(in section: Int) -> ArraySlice<PieceSymbolAt> { symbols.defined(in: section) }

  func symbol(_ index: Int) throws -> ObjectSymbol { try symbols.symbol(index) }

  func relocations() throws -> [(section: Int, relocations: [SourceRelocation])] {
    var result: [(section: Int, relocations: [SourceRelocation])] = []
    let loaded = Set(sections().map(\.index))
    for (target, section) in try file.relocationSections() where loaded.contains(target) {
      result.append((target, try relocations(of: section)))
    }
    return result
  }

  private func relocations(of section: ELFSection) throws -> [SourceRelocation] {
    try file.relocations(of: section).map {
      SourceRelocation(offset: $0.offset, type: $0.type, symbol: $0.symbolIndex, addend: $0.addend)
    }
  }

  func constructors() throws -> [SourceRelocation] {
    var result: [SourceRelocation] = []
    for (target, section) in try file.relocationSections() {
      let name = file.name(of: try file.section(at: target))
      if Self.lists.contains(where: name.hasPrefix) { result += try relocations(of: section) }
    }
    return result
  }

  private static let lists = [".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors"]

  func unwinding() -> [ObjectUnwinding] { functions }

  func producers() throws -> [String] { try CompilerComments.strings(in: file) }
}

extension SectionContent {
  /// Nil for what is not loaded, and for what only describes the rest: unwind tables, notes, lists of constructors.
  fileprivate init?(_ section: ELFSection, in file: ELFFile) {
    guard section.flags.contains(.allocated), section.byteCount > 0 else { return nil }
    let name = file.name(of: section)
    guard !Self.described.contains(where: name.hasPrefix) else { return nil }
    switch section.flags {
    case let flags where flags.contains(.executable): self = .code
    case let flags where flags.contains(.threadLocal): self = .data(.threadLocal)
    case let flags where flags.contains(.write):
      self = .data(name.hasPrefix(".data.rel.ro") ? .constant : .variable)
    case let flags where flags.contains(.strings) && flags.contains(.mergeable): self = .strings(section.entrySize)
    case let flags where flags.contains(.mergeable) && section.entrySize > 0: self = .records(section.entrySize)
    default: self = .data(.constant)
    }
  }

  private static let described = [
    ".eh_frame", ".note", ".init_array", ".fini_array", ".preinit_array", ".ctors", ".dtors", ".gcc_except_table",
    ".stack_sizes", ".sframe",
  ]
}
