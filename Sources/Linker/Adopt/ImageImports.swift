import Addressing
import Journal
import ObjectFile

/// The words of an image that the loader fills: from other images' symbols, and with what the image's own indirect
/// functions choose.
struct ImageImports {
  private(set) var imports: [BaseImport] = []
  /// Imports functions that a program switches stacks with.
  private(set) var switchesStacks = false

  private let file: ELFFile
  /// By their resolvers' addresses: aliases share one.
  private let indirectFunctions: [VirtualAddress: [String]]
  private let variables: [AddressRange]

  /// - Parameter symbols: the image's own.
  init(_ file: ELFFile, symbols: [BaseSymbol]) throws(ObjectFileError) {
    self.file = file
    let indirect = symbols.filter { $0.kind == .indirectFunction }
    indirectFunctions = Dictionary(grouping: indirect, by: \.address).mapValues { $0.map(\.name) }
    variables =
      indirect.isEmpty
      ? []
      : symbols.filter { $0.kind == .data }.compactMap {
        AddressRange(validating: $0.address, byteCount: $0.byteCount)
      }
    try readLoaderTables()
    if imports.isEmpty, !indirect.isEmpty { try readStaticTables() }
  }

  private mutating func readLoaderTables() throws(ObjectFileError) {
    guard let relocations = try file.dynamicRelocations(), let dynamic = try file.symbolTable(.dynamic) else { return }
    let versions = try file.versions()
    for symbol in dynamic where !symbol.isDefined && symbol.value != 0 && symbol.kind == .function {
      let version = versions?.version(of: symbol.index)
      imports.append(
        BaseImport(
          symbol: ImportedSymbol(
            name: try dynamic.name(of: symbol), version: version?.name, library: version?.library, addend: 0),
          slot: VirtualAddress(symbol.value), kind: .canonicalStub))
    }
    for table in [relocations.table, relocations.plt] {
      for relocation in table {
        appendIndirect(relocation)
        guard relocation.symbolIndex != 0, let kind = kind(relocation.type) else { continue }
        let symbol = try dynamic.symbol(at: relocation.symbolIndex)
        // The image defines what it holds a copy of, for words as well.
        guard kind == .copy || kind == .word || !symbol.isDefined else { continue }
        let name = try dynamic.name(of: symbol)
        let version = versions?.version(of: symbol.index)
        imports.append(
          BaseImport(
            symbol: ImportedSymbol(
              name: name, version: version?.name, library: version?.library, addend: relocation.addend),
            slot: VirtualAddress(relocation.offset), kind: kind))
        if name == "makecontext" || name == "swapcontext" { switchesStacks = true }
      }
    }
  }

  private func kind(_ type: UInt32) -> BaseImport.Kind? {
    switch file.header.machine {
    case .aarch64:
      switch ARM64Relocation(rawValue: type) {
      case .jumpSlot: .jumpSlot
      case .globDat: .globalData
      case .copy: .copy
      case .abs64: .word
      default: nil
      }
    default:
      switch X86Relocation(rawValue: type) {
      case .jumpSlot: .jumpSlot
      case .globDat: .globalData
      case .copy: .copy
      case .direct64: .word
      default: nil
      }
    }
  }

  private func isIndirect(_ type: UInt32) -> Bool {
    switch file.header.machine {
    case .aarch64: ARM64Relocation(rawValue: type) == .iRelative
    default: X86Relocation(rawValue: type) == .iRelative
    }
  }

  // MARK: Indirect functions

  /// A static image's own start-up code goes by these tables (glibc, `__rela_iplt_start`).
  private mutating func readStaticTables() throws(ObjectFileError) {
    for name in [".rela.plt", ".rela.iplt", ".rela.dyn"] {
      guard let section = file.section(named: name) else { continue }
      for relocation in try file.relocations(of: section) { appendIndirect(relocation) }
    }
  }

  private mutating func appendIndirect(_ relocation: ELFRelocation) {
    guard isIndirect(relocation.type) else { return }
    let slot = VirtualAddress(relocation.offset)
    let isVariable = variables.contains { $0.contains(slot) }
    for name in indirectFunctions[VirtualAddress(UInt64(bitPattern: relocation.addend))] ?? [] {
      imports.append(
        BaseImport(
          symbol: ImportedSymbol(name: name, version: nil, library: nil, addend: 0), slot: slot,
          kind: isVariable ? .word : .globalData))
    }
  }
}
