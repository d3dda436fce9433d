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
    guard let segment = image.file.segments.first(of: .unwindTable),
      let old = try? image.file.bytes(at: segment.address, count: segment.fileByteCount),
      let count = oldEntryCount(old)
    else { return nil }
    let (capacity, overflow) = count.addingReportingOverflow(request.unwindEntryRoom)
    guard !overflow else { throw Self.outOfReach(image) }
    // Entries follow a head of 12 bytes; each is to be aligned to its 8 bytes.
    let room = tables.reserve(4 + UInt64(Self.headByteCount) + UInt64(capacity) * 8)
    let header = VirtualAddress(room.range.start.rawValue + 4)
    let part = ELFArenaLayout.Part(
      range: AddressRange(start: header, byteCount: room.range.byteCount - 4),
      fileOffset: FileOffset(room.fileOffset.rawValue + 4))
    guard let bytes = try rebasedTable(old, count: count, capacity: capacity, at: segment.address, to: header),
      let records = tables.table([], entryByteCount: 1, room: request.unwindByteRoom)
    else { throw Self.outOfReach(image) }
    tables.put(bytes, at: part.fileOffset)
    unwindHeader = part
    addSections(part, records, oldAddress: segment.address)
    let table = ELFTableRoom(
      address: VirtualAddress(header.rawValue + UInt64(Self.headByteCount)),
      fileOffset: FileOffset(part.fileOffset.rawValue + UInt64(Self.headByteCount)), entryByteCount: 8,
      usedCount: count, capacity: capacity, sizeWords: [])
    return ELFUnwindRoom(header: header, table: table, records: records)
  }

  private func oldEntryCount(_ old: ByteView) -> UInt32? {
    guard let encodings = try? old.load(UInt32.self, at: 0), encodings == Self.encodings,
      let count = try? old.load(UInt32.self, at: 8),
      UInt64(count) * 8 <= UInt64(old.count - Self.headByteCount)
    else { return nil }
    return count
  }

  /// The table with every free entry filled: above all addresses, and for a record the last function's, so that
  /// whoever reads it whole finds one. Nil where a displacement does not fit any more.
  private func rebasedTable(
    _ old: ByteView, count: UInt32, capacity: UInt32, at oldAddress: VirtualAddress, to address: VirtualAddress
  ) throws(ObjectFileError) -> [UInt8]? {
    let shift = Int64(bitPattern: oldAddress.rawValue &- address.rawValue)
    var bytes = TableBytes(try old.bytes(at: 0, count: Self.headByteCount + Int(count) * 8))
    for offset in [4] + Array(stride(from: Self.headByteCount, to: bytes.count, by: 4)) {
      let (value, overflow) = Int64(bytes.load(Int32.self, at: offset)).addingReportingOverflow(shift)
      guard !overflow, let exact = Int32(exactly: value) else { return nil }
      bytes.store(exact, at: offset)
    }
    bytes.store(capacity, at: 8)
    let record = count > 0 ? bytes.load(Int32.self, at: bytes.count - 4) : bytes.load(Int32.self, at: 4)
    let free = withUnsafeBytes(of: (ELFUnwindRoom.free.littleEndian, record.littleEndian)) { Array($0) }
    bytes.append((count..<capacity).flatMap { _ in free })
    return bytes.bytes
  }

  private mutating func addSections(
    _ header: ELFArenaLayout.Part, _ records: ELFTableRoom, oldAddress: VirtualAddress
  ) {
    let part = ELFArenaLayout.Part(
      range: AddressRange(start: records.address, byteCount: UInt64(records.capacity)), fileOffset: records.fileOffset)
    _ = sections.add(named: ".hcsj.eh_frame", flags: .allocated, at: part, alignment: 8)
    let section = image.file.sections.first {
      $0.address == oldAddress && $0.flags.contains(.allocated) && $0.byteCount > 0 && $0.type != .noBits
    }
    guard let section, image.file.nameMatches(section, ".eh_frame_hdr") else { return }
    sections.move(section.index, to: header.range.start, header.fileOffset, byteCount: header.range.byteCount)
  }
}
