import Addressing

extension ELFPreparation {
  /// Moves the dynamic symbols with all that is parallel to them. New symbols are undefined, so that no hash table
  /// leads to them: DT_GNU_HASH stays as it is; DT_HASH has one chain word per symbol and moves too.
  ///
  /// Nil where nothing binds imports (static images), or the image's tables are not as a linker writes them.
  mutating func moveSymbols() throws(ObjectFileError) -> ELFSymbolRoom? {
    guard image.hasInterpreter, let old = image.dynamic, let table = try image.file.symbolTable(.dynamic),
      let section = table.section, old.first(.symbols)?.address == section.address,
      let versionTables = try oldVersionTables(old, symbolCount: table.count)
    else { return nil }
    let names = try image.file.section(at: Int(section.link))
    guard let stringAddress = old.first(.strings)?.address, stringAddress == names.address else { return nil }

    guard
      var symbols = tables.table(
        try image.file.contents(of: section).allBytes, entryByteCount: 24, room: request.symbolRoom),
      var strings = tables.table(old.strings.view.allBytes, entryByteCount: 1, room: request.stringRoom)
    else { throw Self.outOfReach(image) }
    sections.move(section.index, to: symbols.address, symbols.fileOffset, byteCount: section.byteCount)
    sections.move(names.index, to: strings.address, strings.fileOffset, byteCount: UInt64(strings.usedCount))
    dynamic?.set(.symbols, symbols.address.rawValue)
    dynamic?.set(.strings, strings.address.rawValue)
    symbols.sizeWords = [sections.sizeWord(of: section.index, scale: 24)] + (try moveHash(capacity: symbols.capacity))
    strings.sizeWords = [sections.sizeWord(of: names.index, scale: 1)]
    if let word = dynamic?.valueOffset(.stringsByteCount) {
      strings.sizeWords.append(ELFSizeWord(fileOffset: word, byteCount: 8, scale: 1))
    }
    let versions = try versionTables.map { (tables) throws(ObjectFileError) in
      try moveVersions(tables, &symbols)
    }
    return ELFSymbolRoom(symbols: symbols, strings: strings, versions: versions)
  }

  private struct VersionTables {
    var indexSection: ELFSection
    var needSection: ELFSection
    var highestDefinedIndex: UInt16
  }

  /// The outer optional is nil where there is version information that cannot be moved: definitions only, or without
  /// sections to tell how long it is.
  private func oldVersionTables(
    _ old: ELFDynamic, symbolCount: Int
  ) throws(ObjectFileError) -> VersionTables?? {
    guard let indexAddress = old.first(.symbolVersions)?.address else { return .some(nil) }
    guard let needAddress = old.first(.versionNeeds)?.address,
      let indexSection = image.file.sections.first(of: .symbolVersions), indexSection.address == indexAddress,
      let needSection = image.file.sections.first(of: .versionNeeds), needSection.address == needAddress,
      indexSection.byteCount == UInt64(symbolCount) * 2
    else { return nil }
    let definitions = old.value(.versionDefinitionCount) ?? 0
    guard let highest = UInt16(exactly: definitions), highest < 0x7FFF else { return nil }
    return VersionTables(indexSection: indexSection, needSection: needSection, highestDefinedIndex: highest)
  }

  private mutating func moveVersions(
    _ old: VersionTables, _ symbols: inout ELFTableRoom
  ) throws(ObjectFileError) -> ELFVersionRoom {
    let file = image.file
    let room = symbols.capacity - symbols.usedCount
    guard
      let indexes = tables.table(try file.contents(of: old.indexSection).allBytes, entryByteCount: 2, room: room),
      var needs = tables.table(
        try file.contents(of: old.needSection).allBytes, entryByteCount: 1, room: request.versionNeedRoom)
    else { throw Self.outOfReach(image) }
    sections.move(
      old.indexSection.index, to: indexes.address, indexes.fileOffset, byteCount: old.indexSection.byteCount)
    sections.move(old.needSection.index, to: needs.address, needs.fileOffset, byteCount: old.needSection.byteCount)
    dynamic?.set(.symbolVersions, indexes.address.rawValue)
    dynamic?.set(.versionNeeds, needs.address.rawValue)
    symbols.sizeWords.append(sections.sizeWord(of: old.indexSection.index, scale: 2))
    needs.sizeWords = [sections.sizeWord(of: old.needSection.index, scale: 1)]
    var libraryCountWords = [sections.infoWord(of: old.needSection.index)]
    if let word = dynamic?.valueOffset(.versionNeedCount) {
      libraryCountWords.append(ELFSizeWord(fileOffset: word, byteCount: 8, scale: 1))
    }
    return ELFVersionRoom(
      indexes: indexes.fileOffset, needs: needs, libraryCountWords: libraryCountWords,
      highestDefinedIndex: old.highestDefinedIndex)
  }

  /// DT_HASH (gABI, Hash Table): nbucket, nchain, the buckets, a chain word per symbol. A chain word of 0 in the room
  /// ends a chain that no bucket begins.
  private mutating func moveHash(capacity: UInt32) throws(ObjectFileError) -> [ELFSizeWord] {
    guard let address = image.dynamic?.first(.hash)?.address else { return [] }
    let old = try image.file.bytes(from: address)
    let bucketCount = try old.load(UInt32.self, at: 0)
    let chainCount = try old.load(UInt32.self, at: 4)
    let words = 2 + UInt64(bucketCount) + UInt64(chainCount)
    let bytes = try old.slice(0, words * 4).allBytes
    guard capacity >= chainCount,
      let table = tables.table(bytes, entryByteCount: 4, room: capacity - chainCount)
    else { throw image.file.failure(.malformedTable, detail: "DT_HASH has more chains than there are symbols") }
    dynamic?.set(.hash, table.address.rawValue)
    var sizeWords = [
      ELFSizeWord(fileOffset: FileOffset(table.fileOffset.rawValue + 4), byteCount: 4, scale: 1)
    ]
    let section = image.file.sections.first { $0.type == .hash && $0.address == address }
    guard let section, let bias = UInt32(exactly: (2 + UInt64(bucketCount)) * 4) else { return sizeWords }
    sections.move(section.index, to: table.address, table.fileOffset, byteCount: UInt64(bytes.count))
    sizeWords.append(sections.sizeWord(of: section.index, scale: 4, bias: bias))
    return sizeWords
  }
}
