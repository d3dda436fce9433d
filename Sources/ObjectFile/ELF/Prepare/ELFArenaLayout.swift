public import Addressing

/// Where everything is that a prepared image has beside what the linker made: enough to edit its tables without
/// reading the image again.
///
/// ```
///  base image | R tables | gap | R X code | R constants | RW header, cells, flags, data
/// ```
///
/// Behind code, constants and data is what each grows by (`ELFArenaGrowth`).
public struct ELFArenaLayout: Hashable, Sendable {
  public typealias Part = ArenaPart

  public var machine: ELFMachine
  public var fileByteCount: UInt64
  public var tables: Part
  public var code: Part
  public var constants: Part
  /// Header, cells, flags and data together: one segment.
  public var writable: Part
  public var header: Part
  public var cells: Part
  public var flags: Part
  public var data: Part

  /// Nil where a loader reads no relocations (fixed static images) or the image has no place to name them.
  public var relocations: ELFRelocationRoom?
  /// Nil where nothing can be imported: static images.
  public var symbols: ELFSymbolRoom?
  /// Nil where the image has no sorted unwind table (`.eh_frame_hdr`).
  public var unwind: ELFUnwindRoom?
  /// Nil where the arena does not grow.
  public var growth: ELFArenaGrowth?

  /// Where room for code ends, grown.
  public var lastCode: VirtualAddress { (growth?.code ?? code).range.end }

  /// The file offset of an address in the arena.
  public func fileOffset(of address: VirtualAddress) -> FileOffset? {
    for part in [tables, code, constants, writable] + (growth?.parts ?? []) where part.range.contains(address) {
      return part.fileOffset.advanced(by: address.rawValue - part.range.start.rawValue)
    }
    return nil
  }
}

/// A word of the file that follows from how many entries a table has: `bias + count * scale`.
public struct ELFSizeWord: Hashable, Sendable {
  public var fileOffset: FileOffset
  /// 4 or 8.
  public var byteCount: UInt8
  public var scale: UInt32
  public var bias: UInt32

  public init(fileOffset: FileOffset, byteCount: UInt8, scale: UInt32, bias: UInt32 = 0) {
    self.fileOffset = fileOffset
    self.byteCount = byteCount
    self.scale = scale
    self.bias = bias
  }

  func bytes(count: UInt32) -> [UInt8] {
    let value = UInt64(bias) + UInt64(count) * UInt64(scale)
    return (0..<Int(byteCount)).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  /// The count that `value` stands for.
  func count(of value: UInt64) -> UInt32? {
    guard scale > 0, value >= UInt64(bias) else { return nil }
    return UInt32(exactly: (value - UInt64(bias)) / UInt64(scale))
  }
}

/// A table of the dynamic loader with room at its end. Entries may be bytes.
public struct ELFTableRoom: Hashable, Sendable {
  public var address: VirtualAddress
  public var fileOffset: FileOffset
  public var entryByteCount: UInt32
  /// In use when the image was prepared.
  public var usedCount: UInt32
  public var capacity: UInt32
  /// What must be rewritten when an entry is added.
  public var sizeWords: [ELFSizeWord]

  func offset(ofEntry index: UInt32) -> FileOffset {
    FileOffset(fileOffset.rawValue + UInt64(index) * UInt64(entryByteCount))
  }

  func address(ofEntry index: UInt32) -> VirtualAddress {
    VirtualAddress(address.rawValue + UInt64(index) * UInt64(entryByteCount))
  }
}

/// The table of DT_RELA.
public struct ELFRelocationRoom: Hashable, Sendable {
  public var table: ELFTableRoom
  /// Entries at the start whose `r_offset` ascends. They were relative when the image was prepared; the places stay,
  /// whatever an update makes of the entries.
  public var sortedCount: UInt32
  /// The value of DT_RELACOUNT, where the image has one. The loader takes that many entries for relative without
  /// looking (glibc asserts it), so an entry below it that becomes something else lowers it.
  public var relativeCountWord: FileOffset?
}

/// The tables that a dynamic symbol needs.
public struct ELFSymbolRoom: Hashable, Sendable {
  /// DT_SYMTAB.
  public var symbols: ELFTableRoom
  /// DT_STRTAB; entries are bytes.
  public var strings: ELFTableRoom
  /// Nil where the image has no version information.
  public var versions: ELFVersionRoom?
}

/// DT_VERSYM, parallel to the symbols, and DT_VERNEED.
public struct ELFVersionRoom: Hashable, Sendable {
  /// Of symbol 0's index in `.gnu.version`; two bytes each, as many as the symbols' capacity.
  public var indexes: FileOffset
  /// Entries are bytes.
  public var needs: ELFTableRoom
  /// DT_VERNEEDNUM and `sh_info`: how many libraries the chain names.
  public var libraryCountWords: [ELFSizeWord]
  /// The highest version index that the image defines itself (DT_VERDEF).
  public var highestDefinedIndex: UInt16
}

/// The binary search table of `.eh_frame_hdr` and the records that its added entries stand for.
public struct ELFUnwindRoom: Hashable, Sendable {
  /// Where `.eh_frame_hdr` starts: what its entries are relative to.
  public var header: VirtualAddress
  /// Pairs of 32-bit displacements: first address of a function, its FDE. Each is aligned to its 8 bytes, and those
  /// not in use are there as well, above all addresses.
  public var table: ELFTableRoom
  /// CIEs and FDEs; entries are bytes.
  public var records: ELFTableRoom
}
