import Addressing

extension ELFPreparation {
  private struct Record {
    var offset: UInt64
    var type: UInt32
    var symbol: UInt32
    var addend: Int64
  }

  /// Moves the table of DT_RELA: relative records first, ascending by place, so that the record of a word is found by
  /// bisection; then the others in their order, for resolvers (IRELATIVE) must come after what they use. RELR becomes
  /// ordinary records: a bitmap cannot lose a word, nor can a word of it become an import.
  ///
  /// Nil where the image has no table and nowhere to name one: no dynamic section, or no spare entries in it.
  mutating func moveRelocations() throws(ObjectFileError) -> ELFRelocationRoom? {
    guard image.dynamic != nil, let records = try image.file.dynamicRelocations(), var draft = dynamic else {
      return nil
    }
    for tag: ELFDynamicTag in [
      .relativeRelocations, .relativeRelocationsByteCount, .relativeRelocationsEntrySize,
    ] { draft.remove(tag) }
    let missing = [
      ELFDynamicTag.relocationsWithAddends, .relocationsWithAddendsByteCount, .relocationsWithAddendsEntrySize,
    ].filter { !draft.has($0) }
    guard missing.isEmpty || draft.spareCount >= missing.count else { return nil }

    let (relative, others) = try relocationRecords(records)
    var bytes = TableBytes()
    for record in relative + others {
      bytes.append(record.offset)
      bytes.append(record.type)
      bytes.append(record.symbol)
      bytes.append(record.addend)
    }
    guard var table = tables.table(bytes.bytes, entryByteCount: 24, room: request.relocationRoom),
      let sortedCount = UInt32(exactly: relative.count)
    else { throw Self.outOfReach(image) }

    let section = moveRelocationSections(to: table)
    draft.set(.relocationsWithAddends, table.address.rawValue)
    draft.set(.relocationsWithAddendsByteCount, UInt64(bytes.count))
    draft.set(.relocationsWithAddendsEntrySize, 24)
    if draft.has(.relativeCount) || (!relative.isEmpty && draft.spareCount > 0) {
      draft.set(.relativeCount, UInt64(sortedCount))
    }
    dynamic = draft
    if let word = draft.valueOffset(.relocationsWithAddendsByteCount) {
      table.sizeWords.append(ELFSizeWord(fileOffset: word, byteCount: 8, scale: 24))
    }
    table.sizeWords.append(sections.sizeWord(of: section, scale: 24))
    return ELFRelocationRoom(
      table: table, sortedCount: sortedCount, relativeCountWord: draft.valueOffset(.relativeCount))
  }

  private func relocationRecords(
    _ tables: ELFDynamicRelocations
  ) throws(ObjectFileError) -> (relative: [Record], others: [Record]) {
    var relative: [Record] = []
    var others: [Record] = []
    let plt = pltRecords(tables)
    for index in tables.table.indices where !plt.contains(tables.table.fileOffset(of: index).rawValue) {
      let entry = tables.table[index]
      let record = Record(
        offset: entry.offset, type: entry.type, symbol: UInt32(clamping: entry.symbolIndex), addend: entry.addend)
      // A no-op keeps no place in the table: it would stand for whatever it once was.
      if entry.type == image.types.relative { relative.append(record) } else { others.append(record) }
    }
    for address in tables.relative {
      let word = try image.file.bytes(at: address, count: 8).load(Int64.self, at: 0)
      relative.append(Record(offset: address.rawValue, type: image.types.relative, symbol: 0, addend: word))
    }
    relative.sort { $0.offset < $1.offset }
    return (relative, others)
  }

  /// The file's bytes of DT_JMPREL. Some linkers let DT_RELASZ cover them too (glibc's dynamic-link.h corrects it);
  /// they stay where they are, and stay out of the moved table.
  private func pltRecords(_ tables: ELFDynamicRelocations) -> Range<UInt64> {
    guard let first = tables.plt.indices.first else { return 0..<0 }
    let start = tables.plt.fileOffset(of: first).rawValue
    return start..<start + UInt64(tables.plt.count * 24)
  }

  /// Gives the moved table a section: that of the old one, or of the RELR table that it replaces, or a new one. What
  /// stays behind of a RELR section is no table of relocations any more.
  private mutating func moveRelocationSections(to table: ELFTableRoom) -> Int {
    let file = image.file
    let byteCount = UInt64(table.usedCount) * 24
    let oldAddress = image.dynamic?.first(.relocationsWithAddends)?.address
    let old = file.sections.first {
      $0.type == .relocationsWithAddends && $0.flags.contains(.allocated) && $0.address == oldAddress
    }
    for section in file.sections where section.type == .relativeRelocations {
      sections.store(ELFSectionType.progBits.rawValue, at: .type, of: section.index)
      sections.store(UInt64(0), at: .entrySize, of: section.index)
      sections.rename(section.index, to: Self.replacedSectionName)
    }
    if let old, oldAddress != nil {
      sections.move(old.index, to: table.address, table.fileOffset, byteCount: byteCount)
      return old.index
    }
    let symbols = file.sections.first(of: .dynamicSymbols)?.index ?? 0
    let part = ELFArenaLayout.Part(
      range: AddressRange(start: table.address, byteCount: byteCount), fileOffset: table.fileOffset)
    return sections.add(
      named: ".rela.dyn", type: .relocationsWithAddends, flags: .allocated, at: part, link: symbols, alignment: 8,
      entrySize: 24)
  }
}
