import Addressing
import Journal
import ObjectFile

extension ObservedImage {
  /// A Mach-O executable as Zig's own linker writes it while it runs.
  ///
  /// Its headers and `__LINKEDIT` are read when a process begins and by nobody later: they are of the file only.
  init(machO file: MachOFile) throws(LinkError) {
    guard file.header.type == .executable else {
      throw LinkError(.notAnImage, object: file.name, detail: "it is no linked Mach-O program")
    }
    let architecture: BaseImage.Architecture
    switch file.header.machine {
    case .x86_64: architecture = .x86_64
    case .arm64: architecture = .arm64
    }
    do throws(ObjectFileError) {
      self.init(
        name: file.name, format: .machO, architecture: architecture,
        isPositionIndependent: file.header.flags.contains(.positionIndependent),
        entryPoint: try file.entry() ?? VirtualAddress(0), identity: file.uuid ?? [], file: file.view.allBytes,
        segments: Self.mapped(file), symbols: [], cells: [], constants: [], rebased: try Self.rebasedWords(file),
        pageByteCount: file.header.machine.pageByteCount, hasDerivedSizes: true)
      bound = try Self.boundWords(file)
      // A lazily bound word leads to the loader's helper first: nobody knows when it no longer does.
      for cell in bound.keys { rebased?[cell] = nil }
      readSections(file)
      try readSymbols(file)
    } catch {
      throw LinkError(.objectFile, object: file.name, cause: error)
    }
    settleSymbols()
  }

  private static func mapped(_ file: MachOFile) -> [ObservedSegment] {
    file.segments.compactMap { segment -> ObservedSegment? in
      guard !segment.protection.isEmpty, segment.memoryByteCount > 0, segment.name != "__LINKEDIT" else { return nil }
      var start = segment.address
      if segment.fileOffset.rawValue == 0 {
        // The segment of the headers: what it holds begins with its first section.
        guard let first = file.sections[segment.sectionIndexes].map(\.address).min() else { return nil }
        start = first
      }
      let skipped = start.rawValue - segment.address.rawValue
      let byteCount = segment.memoryByteCount - skipped
      return ObservedSegment(
        range: AddressRange(start: start, byteCount: byteCount),
        fileOffset: FileOffset(segment.fileOffset.rawValue + skipped),
        fileByteCount: min(byteCount, segment.fileByteCount - min(skipped, segment.fileByteCount)),
        protection: segment.protection)
    }.sorted { $0.range.start < $1.range.start }
  }

  private mutating func readSections(_ file: MachOFile) {
    // Zig 0.10 gives each section a segment of its own, and lets the constants among them be written.
    constants = file.segments.filter { $0.name.hasPrefix("__DATA_CONST") }.map(\.range)
    constants += file.sections.filter(\.holdsConstants).map(\.range)
    for section in file.sections where section.byteCount > 0 {
      if section.type == .nonLazyPointers || section.type == .lazyPointers || section.name == "__got" {
        cells.append(section.range)
      }
    }
  }

  /// A symbol has no size: it reaches to the next one of its section.
  private mutating func readSymbols(_ file: MachOFile) throws(ObjectFileError) {
    guard let table = try file.symbolTable() else { return }
    var bySection: [Int: [(address: UInt64, name: String, isGlobal: Bool)]] = [:]
    for symbol in table where symbol.isDefined && !symbol.isDebugging {
      guard let ordinal = symbol.sectionOrdinal, ordinal >= 1, ordinal <= file.sections.count else { continue }
      let section = file.sections[ordinal - 1]
      // __mh_execute_header stands in no section, whatever 0.10 says.
      guard section.range.contains(VirtualAddress(symbol.value)), let name = try? table.name(of: symbol), !name.isEmpty,
        name != "__mh_execute_header"
      else { continue }
      let plain = name.hasPrefix("_") ? String(name.dropFirst()) : name
      bySection[ordinal - 1, default: []].append((symbol.value, plain, symbol.isExternal))
    }
    for (index, found) in bySection {
      let section = file.sections[index]
      let starts = Set(found.map(\.address)).sorted()
      let ends = Dictionary(
        zip(starts, starts.dropFirst() + [section.range.end.rawValue]).map { ($0, $1) }
      ) { first, _ in first }
      for symbol in found {
        guard let end = ends[symbol.address], end > symbol.address else { continue }
        addSymbol(
          symbol.name, AddressRange(start: VirtualAddress(symbol.address), byteCount: end - symbol.address),
          isFunction: section.attributes.hasInstructions, isGlobal: symbol.isGlobal)
      }
    }
  }

  /// By opcodes a word holds what it points at; of a chain it holds the way to the next word as well.
  private static func rebasedWords(_ file: MachOFile) throws(ObjectFileError) -> [VirtualAddress: VirtualAddress] {
    var words: [VirtualAddress: VirtualAddress] = [:]
    let places = file.segmentPlaces
    if let chains = try file.chainedFixups() {
      for fixup in try chains.fixups(in: file.view, places: places) {
        guard let cell = places.address(of: fixup.place), case .rebase(let target) = fixup.value else { continue }
        words[cell] = target
      }
    }
    for place in try file.rebases().map(Array.init) ?? [] {
      guard let cell = places.address(of: place), let offset = places.fileOffset(of: place),
        let start = Int(exactly: offset.rawValue)
      else { continue }
      words[cell] = VirtualAddress(try file.view.load(UInt64.self, at: start))
    }
    return words
  }

  private static func boundWords(_ file: MachOFile) throws(ObjectFileError) -> [VirtualAddress: ImportedSymbol] {
    let libraries = try file.libraries().map(\.name)
    return try MachOBoundWords(file).words.mapValues { ImportedSymbol($0, libraries: libraries) }
  }
}
