public import Addressing

/// Where a prepared image has its unwind table, which updates add to.
///
/// The header of `__TEXT,__unwind_info` stays where dyld finds it, and leads out of the section: its offsets count up to
/// 4 GiB, and no unwinder bounds them by the section's length (LLVM and Apple, libunwind/src/UnwindCursor.hpp,
/// getInfoFromCompactEncodingSection). All pages are regular ones, made anew in the arena, for an entry of these is one
/// aligned word of eight bytes:
///
/// ```
///  personalities | exception tables: image's, room | functions of the arena | pages of the image's functions | index
/// ```
///
/// What is free is filled from the start with entries above all addresses. Room of the arena is handed out upwards, so an
/// entry is added by filling the next free one, and the table is sorted before and after: whoever unwinds meanwhile finds
/// what it looks for.
public struct MachOUnwindRoom: Hashable, Sendable {
  /// The Mach header: what places in the image count from.
  public var header: VirtualAddress
  /// `__unwind_info`: what places in the table count from.
  public var section: VirtualAddress
  public var part: ArenaPart
  /// Where the arena's code is.
  public var code: AddressRange
  /// Of the image itself.
  public var functionCount: UInt32
  public var exceptionTableCount: UInt32
  /// Entries for the arena's.
  public var functionRoom: UInt32
  public var exceptionTableRoom: UInt32

  static let personalityCount = 3
  /// `entryCount` of a page is 16 bits wide.
  static let mostFunctions = UInt32(UInt16.max)
  static let pageHeaderByteCount: UInt64 = 8
  static let entryByteCount: UInt64 = 8
  static let functionsInPage: UInt32 = 511
  static let pageByteCount: UInt64 = 4096

  // MARK: Places in the part

  var exceptionTables: UInt64 { 16 }
  var addedExceptionTables: UInt64 { exceptionTables + UInt64(exceptionTableCount) * Self.entryByteCount }
  var addedFunctions: UInt64 { addedExceptionTables + UInt64(exceptionTableRoom) * Self.entryByteCount }
  var pages: UInt64 { addedFunctions + Self.pageHeaderByteCount + UInt64(functionRoom) * Self.entryByteCount }
  var pageCount: UInt32 { functionCount / Self.functionsInPage + (functionCount % Self.functionsInPage > 0 ? 1 : 0) }
  var index: UInt64 { pages + UInt64(pageCount) * Self.pageByteCount }
  /// The image's pages, what lies behind its functions, the arena's page, the end.
  var indexCount: UInt32 { pageCount + 3 }
  /// With an entry of zeros behind the index, for an unwinder reads the one behind the last.
  var byteCount: UInt64 { index + UInt64(indexCount + 1) * 12 }

  func offset(ofFunction index: UInt32) -> UInt64 {
    pages + UInt64(index / Self.functionsInPage) * Self.pageByteCount + Self.pageHeaderByteCount
      + UInt64(index % Self.functionsInPage) * Self.entryByteCount
  }

  func offset(ofAddedFunction index: UInt32) -> UInt64 {
    addedFunctions + Self.pageHeaderByteCount + UInt64(index) * Self.entryByteCount
  }

  func offset(ofExceptionTable index: UInt32) -> UInt64 { exceptionTables + UInt64(index) * Self.entryByteCount }

  /// - Parameter offset: in the part.
  func fileOffset(_ offset: UInt64) -> FileOffset { FileOffset(part.fileOffset.rawValue &+ offset) }

  /// A place of the image as the table has it; nil for one that is too far.
  func distance(to address: VirtualAddress) -> UInt32? {
    UInt32(exactly: address.rawValue &- header.rawValue).flatMap { $0 == MachOUnwindInfo.free ? nil : $0 }
  }
}

// MARK: As the journal keeps it

extension MachOUnwindRoom {
  private static let version: UInt64 = 1

  public var encoded: [UInt8] {
    var bytes = TableBytes()
    for value in [
      Self.version, header.rawValue, section.rawValue, part.range.start.rawValue, part.range.byteCount,
      part.fileOffset.rawValue, code.start.rawValue, code.byteCount,
    ] {
      bytes.append(value)
    }
    for value in [functionCount, exceptionTableCount, functionRoom, exceptionTableRoom] { bytes.append(value) }
    return bytes.bytes
  }

  /// Nil for what is not one, or does not fit in its part.
  public init?(encoded: [UInt8]) {
    let bytes = TableBytes(encoded)
    guard bytes.count == 80 else { return nil }
    let words = (0..<8).map { bytes.load(UInt64.self, at: $0 * 8) }
    let counts = (0..<4).map { bytes.load(UInt32.self, at: 64 + $0 * 4) }
    guard words[0] == Self.version,
      let range = AddressRange(validating: VirtualAddress(words[3]), byteCount: words[4]),
      let code = AddressRange(validating: VirtualAddress(words[6]), byteCount: words[7]),
      FileOffset(words[5]).advanced(by: words[4]) != nil
    else { return nil }
    self.init(
      header: VirtualAddress(words[1]), section: VirtualAddress(words[2]),
      part: ArenaPart(range: range, fileOffset: FileOffset(words[5])), code: code, functionCount: counts[0],
      exceptionTableCount: counts[1], functionRoom: counts[2], exceptionTableRoom: counts[3])
    // The table's offsets are 32 bits wide, and so are its counts.
    guard functionRoom <= Self.mostFunctions, byteCount <= part.range.byteCount,
      part.range.byteCount <= UInt64(UInt32.max)
    else { return nil }
  }
}
