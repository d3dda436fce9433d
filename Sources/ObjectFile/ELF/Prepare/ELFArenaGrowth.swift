public import Addressing

/// The room that the arena takes when its own is full: addresses that the image has from the start, and bytes of the file that
/// it has not.
///
/// A process must know the addresses before it starts: the break begins behind the last segment, and unwinders go by the program
/// headers that the loader was handed (dl_iterate_phdr, _dl_find_object). So each part has a PT_LOAD from the start, which allows
/// nothing, and maps bytes of the file that are there already, for a segment must lie within its file; not the program headers, for the
/// kernel takes them to be where the last segment is that holds them (fs/binfmt_elf.c, load_elf_binary: phdr_addr). Nothing is
/// paged in, nothing is charged. An update that grows the arena lets the three lead to the file's new end and allows what the parts are for.
public struct ELFArenaGrowth: Hashable, Sendable {
  /// Behind the arena's own code, constants and data, at once in addresses; in the file behind everything.
  public var code: ArenaPart
  public var constants: ArenaPart
  public var data: ArenaPart
  /// What of the file all of them map until then.
  public var reserve: FileOffset
  /// Of their program headers, in this order.
  public var programHeaders: [FileOffset]
  /// Of the section headers that they get; inactive before (gABI, Section Header: SHT_NULL).
  public var sectionHeaders: [FileOffset]
  /// `sh_name` of those.
  public var sectionNames: [UInt32]

  public static let partCount = 3

  public var parts: [ArenaPart] { [code, constants, data] }

  /// How long the file is with it.
  public var fileByteCount: UInt64 { data.fileOffset.rawValue + data.range.byteCount }

  /// PF_X 1, PF_W 2, PF_R 4.
  private static let segmentFlags: [UInt32] = [5, 4, 6]
  private static let sectionFlags: [ELFSectionFlags] = [[.allocated, .executable], .allocated, [.allocated, .write]]

  /// What tells the kernel of the grown parts: `p_flags` and `p_offset`, which stand side by side at 4.
  public func segmentEdits() -> [FileEdit] {
    zip(zip(programHeaders, parts), Self.segmentFlags).map { header, flags in
      var before = TableBytes()
      before.append(UInt32(0))
      before.append(reserve.rawValue)
      var after = TableBytes()
      after.append(flags)
      after.append(header.1.fileOffset.rawValue)
      return FileEdit(offset: FileOffset(header.0.rawValue + 4), before: before.bytes, after: after.bytes)
    }
  }

  /// What tells debuggers and disassemblers, who go by sections.
  public func sectionEdits() -> [FileEdit] {
    parts.indices.filter { sectionHeaders.indices.contains($0) && sectionNames.indices.contains($0) }.map { index in
      let part = parts[index]
      var header = TableBytes()
      header.append(sectionNames[index])
      header.append(ELFSectionType.progBits.rawValue)
      header.append(Self.sectionFlags[index].rawValue)
      for value in [part.range.start.rawValue, part.fileOffset.rawValue, part.range.byteCount] { header.append(value) }
      header.append(UInt64(0))  // sh_link, sh_info
      header.append(UInt64(64))
      header.append(UInt64(0))
      return FileEdit(
        offset: sectionHeaders[index], before: [UInt8](repeating: 0, count: ELFHeader.sectionHeaderByteCount),
        after: header.bytes)
    }
  }
}
