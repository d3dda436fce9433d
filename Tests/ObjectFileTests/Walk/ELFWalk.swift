public import ObjectFile

/// Reads everything an ELF file offers, in every way the module has, and throws away what it says.
///
/// Whatever the bytes are, it ends in time that grows with them and without a trap. Every part is tried even after
/// another one has failed.
public struct ELFWalk {
  /// Errors met, so that a caller can look at what kinds there were.
  public private(set) var errors: [ObjectFileError] = []
  private var sum: UInt64 = 0

  public init() {}

  public mutating func walk(_ bytes: [UInt8]) {
    attempt { walk throws(ObjectFileError) in
      let file = try ELFFile(MappedFile(bytes: bytes, name: "walked"))
      walk.sections(file)
      walk.symbols(file)
      walk.addresses(file)
      walk.dynamic(file)
    }
  }

  private mutating func attempt(_ body: (inout ELFWalk) throws(ObjectFileError) -> Void) {
    do {
      try body(&self)
    } catch {
      // Making texts of many errors would be most of the work.
      if errors.count < 2 { take(error.description.utf8.count) }
      errors.append(error)
    }
  }

  private mutating func take(_ value: some BinaryInteger) { sum &+= UInt64(truncatingIfNeeded: value) }

  /// The ends suffice: a window that leaves the file faults there.
  private mutating func take(_ view: ByteView) {
    sum &+= view.withUnsafeBytes { UInt64($0.first ?? 0) &+ UInt64($0.last ?? 0) }
  }

  private mutating func sections(_ file: ELFFile) {
    for section in file.sections.prefix(1000) {
      take(file.name(of: section).utf8.count)
      take(section.range.end.rawValue)
      take(file.nameMatches(section, ".text") ? 1 : 0)
      attempt { walk throws(ObjectFileError) in walk.take(try file.contents(of: section)) }
      attempt { walk throws(ObjectFileError) in try walk.mergedPieces(of: section, file) }
      guard [.relocations, .relocationsWithAddends].contains(section.type) else { continue }
      attempt { walk throws(ObjectFileError) in
        for relocation in try file.relocations(of: section) {
          walk.take(relocation.offset &+ UInt64(relocation.type) &+ UInt64(relocation.symbolIndex))
        }
      }
    }
    take(file.section(named: ".text")?.index ?? 0)
    attempt { walk throws(ObjectFileError) in for (target, _) in try file.relocationSections() { walk.take(target) } }
    attempt { walk throws(ObjectFileError) in
      for group in try file.groups() { walk.take(group.members.count + group.signature.utf8.count) }
    }
    attempt { walk throws(ObjectFileError) in
      for note in try file.notes() { walk.take(note.descriptor) }
    }
    take(file.buildID?.count ?? 0)
  }

  private mutating func mergedPieces(of section: ELFSection, _ file: ELFFile) throws(ObjectFileError) {
    guard let merged = try file.mergedContents(of: section) else { return }
    var at: UInt64 = 0
    while at < UInt64(merged.view.count) {
      let piece = try merged.piece(containing: at)
      take(try file.mergedString(in: section, at: at))
      at = piece.offset + UInt64(piece.bytes.count)
    }
  }

  private mutating func symbols(_ file: ELFFile) {
    for kind in [ELFFile.SymbolTableKind.static, .dynamic] {
      attempt { walk throws(ObjectFileError) in
        guard let table = try file.symbolTable(kind) else { return }
        for symbol in table {
          walk.take(symbol.value &+ symbol.byteCount)
          walk.take(try table.nameBytes(of: symbol))
          if case .section(let index) = symbol.place { walk.take(file.sections[index].index) }
        }
        for scope in try table.fileScopes() { walk.take(scope.symbols.count) }
      }
    }
  }

  private mutating func addresses(_ file: ELFFile) {
    for segment in file.segments.prefix(100) {
      take(segment.range.end.rawValue)
      take(file.fileOffset(of: segment.address)?.rawValue ?? 0)
      take(file.virtualAddress(of: segment.fileOffset)?.rawValue ?? 0)
      attempt { walk throws(ObjectFileError) in
        walk.take(try file.bytes(at: segment.address, count: segment.memoryByteCount))
      }
    }
    take(file.interpreter?.utf8.count ?? 0)
  }

  private mutating func dynamic(_ file: ELFFile) {
    attempt { walk throws(ObjectFileError) in
      guard let dynamic = try file.dynamic() else { return }
      walk.take(dynamic.flags &+ dynamic.flags1)
      walk.take(try dynamic.needed().count)
      walk.take(try dynamic.soname()?.utf8.count ?? 0)
      walk.take(try dynamic.runpath()?.utf8.count ?? 0)
      walk.take(try dynamic.rpath()?.utf8.count ?? 0)
    }
    attempt { walk throws(ObjectFileError) in
      guard let relocations = try file.dynamicRelocations() else { return }
      for relocation in relocations.table { walk.take(relocation.addend) }
      for relocation in relocations.plt { walk.take(relocation.offset) }
      for address in relocations.relative { walk.take(address.rawValue) }
    }
    attempt { walk throws(ObjectFileError) in
      guard let versions = try file.versions() else { return }
      for index in 0..<100 { walk.take(versions.version(of: index)?.name.utf8.count ?? 0) }
      walk.take(versions.needed.count + versions.definedNames.count)
    }
    attempt { walk throws(ObjectFileError) in
      guard let symbols = try file.dynamicSymbols() else { return }
      for name in ["main", "twice", "", "nowhere"] {
        walk.take(try symbols.symbol(named: name)?.index ?? 0)
        walk.take(try symbols.symbol(named: name, version: "V1")?.index ?? 0)
      }
      for symbol in symbols.table.prefix(50) {
        walk.take(try symbols.symbol(named: symbols.table.name(of: symbol))?.index ?? 0)
      }
    }
  }
}
