import Addressing

extension ELFPreparation {
  /// `.eh_frame_hdr` as all x86-64 linkers write it (LSB, Exception Frames): version 1, the address of `.eh_frame`
  /// relative to its field, a 4-byte count, and pairs of displacements from the header's start, sorted. libgcc takes no
  /// other form for its binary search (unwind-dw2-fde-dip.c).
  private static let encodings: UInt32 = 0x3B03_1B01
  private static let headByteCount = 12

  /// Moves the unwind table, with room for the functions of the arena: they are above those of the image, so that the
  /// table stays sorted when theirs are appended. Nil where the image has none, or one of another form.
  mutating func moveUnwindTable() throws(ObjectFileError) -> ELFUnwindRoom? {
    guard let segment = image.file.segments.first(of: .unwindTable), let programHeader = unwindProgramHeader,
      let old = try? image.file.bytes(at: segment.address, count: segment.fileByteCount),
      let count = oldEntryCount(old)
    else { return nil }
    let part = tables.reserve(
      UInt64(Self.headByteCount) + (UInt64(count) + UInt64(request.unwindEntryRoom)) * 8)
    let header = part.range.start
    let (capacity, overflow) = count.addingReportingOverflow(request.unwindEntryRoom)
    guard !overflow, let bytes = try rebasedTable(old, count: count, at: segment.address, to: header),
      var records = tables.table([], entryByteCount: 1, room: request.unwindByteRoom)
    else { throw Self.outOfReach(image) }
    tables.put(bytes, at: part.fileOffset)
    unwindHeader = ELFArenaLayout.Part(
      range: AddressRange(start: header, byteCount: UInt64(bytes.count)), fileOffset: part.fileOffset)
    records.sizeWords = [addRecordSection(records)]
    let table = ELFTableRoom(
      address: VirtualAddress(header.rawValue + UInt64(Self.headByteCount)),
      fileOffset: FileOffset(part.fileOffset.rawValue + UInt64(Self.headByteCount)), entryByteCount: 8,
      usedCount: count, capacity: capacity,
      sizeWords: sizeWords(part.fileOffset, programHeader, oldAddress: segment.address, byteCount: bytes.count))
    return ELFUnwindRoom(header: header, table: table, records: records)
  }

  private func oldEntryCount(_ old: ByteView) -> UInt32? {
    guard let encodings = try? old.load(UInt32.self, at: 0), encodings == Self.encodings,
      let count = try? old.load(UInt32.self, at: 8),
      UInt64(count) * 8 <= UInt64(old.count - Self.headByteCount)
    else { return nil }
    return count
  }

  /// Nil where a displacement does not fit any more.
  private func rebasedTable(
    _ old: ByteView, count: UInt32, at oldAddress: VirtualAddress, to address: VirtualAddress
  ) throws(ObjectFileError) -> [UInt8]? {
    let shift = Int64(bitPattern: oldAddress.rawValue &- address.rawValue)
    var bytes = TableBytes(try old.bytes(at: 0, count: Self.headByteCount + Int(count) * 8))
    for offset in [4] + Array(stride(from: Self.headByteCount, to: bytes.count, by: 4)) {
      let (value, overflow) = Int64(bytes.load(Int32.self, at: offset)).addingReportingOverflow(shift)
      guard !overflow, let exact = Int32(exactly: value) else { return nil }
      bytes.store(exact, at: offset)
    }
    return bytes.bytes
  }

  private mutating func addRecordSection(_ records: ELFTableRoom) -> ELFSizeWord {
    let part = ELFArenaLayout.Part(
      range: AddressRange(start: records.address, byteCount: 0), fileOffset: records.fileOffset)
    let index = sections.add(named: ".hcsj.eh_frame", flags: .allocated, at: part, alignment: 8)
    return sections.sizeWord(of: index, scale: 1)
  }

  /// The count in the header, and the three words that tell how long the header is.
  private mutating func sizeWords(
    _ header: FileOffset, _ programHeader: FileOffset, oldAddress: VirtualAddress, byteCount: Int
  ) -> [ELFSizeWord] {
    let bias = UInt32(Self.headByteCount)
    // p_filesz and p_memsz are at 32 and 40 (gABI, Program Header).
    var words = [
      ELFSizeWord(fileOffset: FileOffset(header.rawValue + 8), byteCount: 4, scale: 1),
      ELFSizeWord(fileOffset: FileOffset(programHeader.rawValue + 32), byteCount: 8, scale: 8, bias: bias),
      ELFSizeWord(fileOffset: FileOffset(programHeader.rawValue + 40), byteCount: 8, scale: 8, bias: bias),
    ]
    let section = image.file.sections.first {
      $0.address == oldAddress && $0.flags.contains(.allocated) && $0.byteCount > 0 && $0.type != .noBits
    }
    guard let section, image.file.nameMatches(section, ".eh_frame_hdr"), let unwindHeader else { return words }
    sections.move(section.index, to: unwindHeader.range.start, header, byteCount: UInt64(byteCount))
    words.append(sections.sizeWord(of: section.index, scale: 8, bias: bias))
    return words
  }
}
