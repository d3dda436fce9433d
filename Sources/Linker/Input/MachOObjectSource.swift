import Addressing
import ObjectFile

/// A Mach-O object as the linker reads it.
///
/// Symbols are numbered from 1 here, for 0 is none; behind them come the sections, as which relocations name what has no
/// symbol.
struct MachOObjectSource: ObjectSource {
  private let file: MachOFile
  private let path: String
  private let machine: any Machine
  private let table: MachOSymbolTable?
  private let compactUnwind: [MachOCompactUnwind]
  private let bySection: [Int: [PieceSymbolAt]]
  let common: [PieceSymbolAt]
  /// Apple's linkers make a stub of a resolver (`N_SYMBOL_RESOLVER`), which other code calls as any function.
  var indirect: [IndirectFunction] { [] }

  let unit: String

  /// - Parameter unit: the compilation unit's name: objects do not tell it.
  init(_ file: MachOFile, path: String, machine: any Machine, unit: String) throws {
    guard file.header.type == .object else { throw LinkError(.notARelocatableObject, object: path) }
    guard file.header.machine.architecture == machine.architecture else {
      throw LinkError(
        .wrongArchitecture, object: path,
        detail: "the object is for \(file.header.machine), the image for \(machine.architecture.name)")
    }
    self.file = file
    self.path = path
    self.machine = machine
    self.unit = unit
    table = try file.symbolTable()
    compactUnwind = try file.compactUnwind()
    (bySection, common) = try Self.symbols(of: file, table)
  }

  // MARK: Symbols

  private static func symbols(
    of file: MachOFile, _ table: MachOSymbolTable?
  ) throws -> (bySection: [Int: [PieceSymbolAt]], common: [PieceSymbolAt]) {
    var bySection: [Int: [PieceSymbolAt]] = [:]
    var common: [PieceSymbolAt] = []
    guard let table else { return (bySection, common) }
    let atoms = try file.atoms()
    for symbol in table where !symbol.isDebugging {
      let name = try table.name(of: symbol)
      // The assembler's labels and the linker's, `ltmp0` and `l_.str`, do not come into an image.
      guard !name.isEmpty, !name.hasPrefix("L"), !name.hasPrefix("l") else { continue }
      if case .common(let alignment) = symbol.place {
        common.append(
          PieceSymbolAt(
            name: name, value: alignment, byteCount: symbol.value, isLocal: false, isWeak: false, isFunction: false,
            symbolIndex: symbol.index + 1))
      }
      guard let ordinal = symbol.sectionOrdinal, let range = atoms.range(of: symbol, in: file) else { continue }
      let section = try file.section(ordinal: ordinal)
      bySection[section.index, default: []].append(
        PieceSymbolAt(
          name: name, value: symbol.value &- section.address.rawValue, byteCount: range.byteCount,
          isLocal: !symbol.isExternal, isWeak: symbol.isWeakDefinition,
          isFunction: section.attributes.hasInstructions, symbolIndex: symbol.index + 1))
    }
    return (bySection.mapValues { $0.sorted { ($0.value, $0.symbolIndex) < ($1.value, $1.symbolIndex) } }, common)
  }

  func defined(in section: Int) -> ArraySlice<PieceSymbolAt> { bySection[section, default: []][...] }

  func symbol(_ index: Int) throws -> ObjectSymbol {
    let count = table?.count ?? 0
    guard index > 0, let table, index <= count else {
      let section = try file.section(ordinal: index - count)
      return ObjectSymbol(name: "", value: 0, place: .section(section.index), isWeak: false, isSection: true)
    }
    let symbol = table[index - 1]
    let name = try table.name(of: symbol)
    let section = try symbol.sectionOrdinal.map { try file.section(ordinal: $0) }
    return ObjectSymbol(
      name: name, value: symbol.value &- (section?.address.rawValue ?? 0), place: try place(of: symbol, section),
      isWeak: symbol.isWeakReference, isSection: false)
  }

  private func place(of symbol: MachOSymbol, _ section: MachOSection?) throws -> ObjectSymbol.Place {
    switch symbol.place {
    case .absolute: return .absolute
    case .common: return .common
    case .undefined, .indirect, .none: return .undefined
    case .section:
      // Another definition may have been taken; of a thread-local variable the image has the descriptor.
      guard let section, !symbol.isWeakDefinition, section.type != .threadLocalDescriptors else { return .undefined }
      return .section(section.index)
    }
  }

  // MARK: Sections

  func sections() -> [SourceSection] {
    file.sections.compactMap { section in
      content(of: section).map {
        SourceSection(
          index: section.index, content: $0, byteCount: section.byteCount, alignment: section.alignment,
          isZeroFill: section.type.isZeroFill)
      }
    }
  }

  /// Nil for what is not loaded, and for what only describes the rest or belongs to the loader.
  private func content(of section: MachOSection) -> SectionContent? {
    guard section.byteCount > 0, !section.attributes.contains(.debug), !Self.unloaded.contains(section.segmentName),
      !Self.described.contains(section.name)
    else { return nil }
    if section.name == "__gcc_except_tab" { return .exceptionTables(exceptionTables(in: section)) }
    switch section.type {
    case .cStrings: return .strings(1)
    case .threadLocalRegular, .threadLocalZeroFill, .threadLocalDescriptors, .threadLocalPointers,
      .threadLocalInitializers, .initializers, .terminators, .initializerOffsets, .nonLazyPointers, .lazyPointers,
      .stubs:
      return nil
    default: break
    }
    if let byteCount = section.type.literalByteCount { return .records(byteCount) }
    if section.attributes.hasInstructions {
      return file.header.flags.contains(.subsectionsViaSymbols) ? .functions : .code
    }
    return .data(section.holdsConstants ? .constant : .variable)
  }

  private static let unloaded: Set<String> = ["__DWARF", "__LD", "__LLVM"]
  private static let described: Set<String> = ["__eh_frame", "__compact_unwind"]

  private func exceptionTables(in section: MachOSection) -> Set<UInt64> {
    Set(compactUnwind.compactMap(\.exceptionTable).filter { $0.sectionOrdinal == section.ordinal }.map(\.offset))
  }

  func bytes(of section: SourceSection, from start: UInt64, count: UInt64) throws -> [UInt8]? {
    guard !section.isZeroFill else { return nil }
    let view = try file.contents(of: file.section(ordinal: section.index + 1)).slice(start, count)
    return try view.bytes(at: 0, count: view.count)
  }

  // MARK: Relocations

  func relocations() throws -> [(section: Int, relocations: [SourceRelocation])] {
    try file.sections.filter { content(of: $0) != nil }.map { ($0.index, try relocations(of: $0)) }
  }

  func constructors() throws -> [SourceRelocation] {
    try file.sections.filter { [.initializers, .terminators, .initializerOffsets].contains($0.type) }
      .flatMap { try relocations(of: $0) }
  }

  private func relocations(of section: MachOSection) throws -> [SourceRelocation] {
    let contents = try file.contents(of: section)
    return try file.relocations(of: section).map { relocation in
      let symbol =
        switch relocation.target {
        case .symbol(let index): index + 1
        case .section(let ordinal): (table?.count ?? 0) + ordinal
        }
      guard let (type, addend) = try translated(relocation, in: section, contents) else {
        throw LinkError(
          .unsupportedRelocation, object: path,
          detail: "\(relocation.kind) of \(relocation.byteCount) bytes at 0x\(String(relocation.offset, radix: 16)) of "
            + section.fullName)
      }
      return SourceRelocation(offset: relocation.offset, type: type, symbol: symbol, addend: addend)
    }
  }

  /// The psABI's type for ELF that asks the same, and its addend. Nil where there is none.
  private func translated(
    _ relocation: MachORelocation, in section: MachOSection, _ contents: ByteView
  ) throws -> (UInt32, Int64)? {
    if let subtrahend = relocation.subtrahend {
      guard let distance = try distance(from: subtrahend, to: relocation, in: section) else { return nil }
      let isLong = relocation.byteCount == 8
      let type =
        switch machine.architecture {
        case .x86_64: isLong ? X86Relocation.pc64.rawValue : X86Relocation.pc32.rawValue
        case .arm64: isLong ? ARM64Relocation.prel64.rawValue : ARM64Relocation.prel32.rawValue
        }
      return (type, relocation.addend &+ distance)
    }
    switch machine.architecture {
    case .x86_64:
      return Self.x86(relocation).map { ($0.rawValue, relocation.addend &- relocation.distanceToNextInstruction) }
    case .arm64:
      let instruction = relocation.byteCount == 4 ? try contents.load(UInt32.self, at: Int(relocation.offset)) : 0
      return Self.arm64(relocation, ARM64Instruction(instruction)).map { ($0.rawValue, relocation.addend) }
    }
  }

  /// A difference of two places is one from the field itself, as long as what is subtracted moves with the field.
  private func distance(
    from subtrahend: Int, to relocation: MachORelocation, in section: MachOSection
  ) throws -> Int64? {
    guard let symbol = try table?.symbol(at: subtrahend), symbol.sectionOrdinal == section.ordinal else { return nil }
    let start = symbol.value &- section.address.rawValue
    let named = defined(in: section.index).last { $0.value <= relocation.offset }
    guard named.map({ $0.value <= start && start <= $0.end }) ?? true else { return nil }
    return Int64(bitPattern: relocation.offset &- start)
  }

  private static func x86(_ relocation: MachORelocation) -> X86Relocation? {
    switch relocation.kind {
    case .absolute: relocation.byteCount == 8 ? .direct64 : .direct32
    case .x86Signed: .pc32
    case .x86Branch: relocation.byteCount == 4 ? .plt32 : .pc8
    // The descriptor of a thread-local variable is reached as any other datum is.
    case .x86GOTLoad, .x86TLV: .rexGotPCRelX
    case .x86GOT: .gotPCRel
    default: nil
    }
  }

  private static func arm64(_ relocation: MachORelocation, _ instruction: ARM64Instruction) -> ARM64Relocation? {
    switch relocation.kind {
    case .absolute: relocation.byteCount == 8 ? .abs64 : .abs32
    case .armBranch26: instruction.isCall ? .call26 : .jump26
    case .armPage21: .adrPRelPgHi21
    case .armPageOffset12:
      switch (instruction.isAccess, instruction.offsetShift) {
      case (false, _): .addAbsLo12NC
      case (true, 0): .ldst8AbsLo12NC
      case (true, 1): .ldst16AbsLo12NC
      case (true, 2): .ldst32AbsLo12NC
      case (true, 3): .ldst64AbsLo12NC
      case (true, _): .ldst128AbsLo12NC
      }
    case .armGOTLoadPage21, .armTLVLoadPage21: .adrGotPage
    case .armGOTLoadPageOffset12, .armTLVLoadPageOffset12: .ld64GotLo12NC
    case .armPointerToGOT: relocation.byteCount == 4 ? .gotPCRel32 : nil
    default: nil
    }
  }

  func threadLocalNames() throws -> Set<String> {
    var names: Set<String> = []
    guard let table else { return names }
    for symbol in table where symbol.isDefined {
      guard let ordinal = symbol.sectionOrdinal, try file.section(ordinal: ordinal).type == .threadLocalDescriptors
      else { continue }
      names.insert(try table.name(of: symbol))
    }
    return names
  }

  /// A function of which nothing is said is said to be one: it would be taken for a part of the one before it.
  func unwinding() throws -> [ObjectUnwinding] {
    var known: Set<ObjectUnwinding.Place> = []
    var result: [ObjectUnwinding] = []
    for entry in compactUnwind {
      let place = Self.place(entry.function)
      known.insert(place)
      let isUnsaid = entry.encoding == 0 || isFrameOnly(entry)
      result.append(
        ObjectUnwinding(
          function: place, byteCount: UInt64(entry.byteCount),
          form: isFrameOnly(entry) ? .frameOnly : .compact(entry.encoding),
          personality: try isUnsaid ? nil : entry.personality.map { try symbol($0 + 1).name },
          exceptionTable: isUnsaid ? nil : entry.exceptionTable.map(Self.place)))
    }
    for section in file.sections where section.attributes.hasInstructions && content(of: section) != nil {
      for function in defined(in: section.index) {
        let place = ObjectUnwinding.Place(section: section.index, offset: function.value)
        guard known.insert(place).inserted else { continue }
        result.append(
          ObjectUnwinding(
            function: place, byteCount: function.byteCount, form: .compact(0), personality: nil, exceptionTable: nil))
      }
    }
    return result
  }

  private static func place(_ place: MachOCompactUnwind.Place) -> ObjectUnwinding.Place {
    ObjectUnwinding.Place(section: place.sectionOrdinal - 1, offset: place.offset)
  }

  /// A frame that only an FDE describes (UNWIND_…_MODE_DWARF) has none in the image: dyld hands unwinders `__eh_frame` of
  /// `__TEXT` alone, which has no room.
  private func isFrameOnly(_ entry: MachOCompactUnwind) -> Bool {
    let dwarf: UInt32 = machine.architecture == .arm64 ? 0x0300_0000 : 0x0400_0000
    return entry.encoding & 0x0F00_0000 == dwarf
  }

  /// Mach-O objects name their compilers only in debug information.
  func producers() -> [String] { [] }
}
