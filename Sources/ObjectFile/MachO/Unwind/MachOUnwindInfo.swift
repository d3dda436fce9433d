public import Addressing

/// What `__TEXT,__unwind_info` says of an image's functions, all pages brought together.
///
/// Source of the format: mach-o/compact_unwind_encoding.h (LLVM, libunwind/include). Places in the image are distances from
/// its Mach header, places in the table from the section's start.
public struct MachOUnwindInfo: Hashable, Sendable {
  public struct Function: Hashable, Sendable {
    /// Of its first byte.
    public var start: UInt32
    /// How its frame is left: the machine's `UNWIND_…` bits. 0 says nothing.
    public var encoding: UInt32
    /// Of its exception table (LSDA).
    public var exceptionTable: UInt32?

    public init(start: UInt32, encoding: UInt32, exceptionTable: UInt32?) {
      self.start = start
      self.encoding = encoding
      self.exceptionTable = exceptionTable
    }
  }

  /// Ascending. What follows a function up to the next one is taken for a part of it.
  public var functions: [Function]
  /// The cells with the addresses of routines that read exception tables; an encoding names them from 1.
  public var personalities: [UInt32]
  /// Where what it speaks of ends.
  public var end: UInt32

  /// UNWIND_HAS_LSDA
  public static let hasExceptionTable: UInt32 = 0x4000_0000
  /// UNWIND_PERSONALITY_MASK
  public static let personalityMask: UInt32 = 0x3000_0000
  static let personalityShift: UInt32 = 28
  static let sectionName = "__unwind_info"

  /// A place in no image: what has it is a free entry (`MachOUnwindRoom`).
  static let free = UInt32.max
}

extension MachOFile {
  /// Nil where the image has no such table.
  public func unwindInfo() throws(ObjectFileError) -> MachOUnwindInfo? {
    guard isImage, let section = section(named: MachOUnwindInfo.sectionName, in: "__TEXT"), section.byteCount > 0 else {
      return nil
    }
    return try MachOUnwindReader(self, section).read()
  }
}

/// Offsets are followed by address, for those of a prepared image lead out of the section.
private struct MachOUnwindReader {
  private let file: MachOFile
  private let section: MachOSection
  private let header: ByteView
  private var commonEncodings: [UInt32] = []

  private static let headerByteCount: UInt64 = 28
  private static let regularPage: UInt32 = 2
  private static let compressedPage: UInt32 = 3

  init(_ file: MachOFile, _ section: MachOSection) throws(ObjectFileError) {
    self.file = file
    self.section = section
    guard section.byteCount >= Self.headerByteCount else {
      throw file.failure(.truncated, at: section.fileOffset, in: section, detail: "\(section.byteCount) bytes")
    }
    header = try file.bytes(at: section.address, count: Self.headerByteCount)
    commonEncodings = try words(at: header.load(UInt32.self, at: 4), count: header.load(UInt32.self, at: 8))
  }

  func read() throws(ObjectFileError) -> MachOUnwindInfo {
    let version = try header.load(UInt32.self, at: 0)
    guard version == 1 else { throw malformed("version \(version)", at: 0) }
    let personalities = try words(at: header.load(UInt32.self, at: 12), count: header.load(UInt32.self, at: 16))
    let index = try words(
      at: header.load(UInt32.self, at: 20), count: header.load(UInt32.self, at: 24), wordsInEntry: 3)
    guard index.count >= 3 else { throw malformed("an index without entries", at: 24) }
    let last = index.count - 3
    let tables = try exceptionTables(from: index[2], to: index[last + 2])
    var functions: [MachOUnwindInfo.Function] = []
    for entry in stride(from: 0, to: last, by: 3) where index[entry + 1] != 0 {
      for (start, encoding) in try page(at: index[entry + 1], from: index[entry]) {
        guard functions.last.map({ $0.start < start }) ?? true, functions.count < file.view.count / 4 else {
          throw malformed("functions out of order at 0x\(String(start, radix: 16))", at: index[entry + 1])
        }
        functions.append(
          MachOUnwindInfo.Function(start: start, encoding: encoding, exceptionTable: tables[start]))
      }
    }
    return MachOUnwindInfo(functions: functions, personalities: personalities, end: index[last])
  }

  private func page(at offset: UInt32, from first: UInt32) throws(ObjectFileError) -> [(UInt32, UInt32)] {
    let page = try bytes(at: offset, count: 8)
    let kind = try page.load(UInt32.self, at: 0)
    let entries = offset &+ UInt32(try page.load(UInt16.self, at: 4))
    let count = UInt32(try page.load(UInt16.self, at: 6))
    guard entries >= offset else { throw malformed("a page without an end", at: offset) }
    if kind == Self.regularPage {
      let words = try words(at: entries, count: count, wordsInEntry: 2)
      return stride(from: 0, to: words.count, by: 2).filter { words[$0] != MachOUnwindInfo.free }
        .map { (words[$0], words[$0 + 1]) }
    }
    guard kind == Self.compressedPage else { throw malformed("a page of kind \(kind)", at: offset) }
    let head = try bytes(at: offset, count: 12)
    let own = offset &+ UInt32(try head.load(UInt16.self, at: 8))
    guard own >= offset else { throw malformed("a page without an end", at: offset) }
    let encodings = commonEncodings + (try words(at: own, count: UInt32(try head.load(UInt16.self, at: 10))))
    var result: [(UInt32, UInt32)] = []
    for word in try words(at: entries, count: count) {
      let index = Int(word >> 24)
      let (start, overflow) = first.addingReportingOverflow(word & 0xFF_FFFF)
      guard index < encodings.count, !overflow else {
        throw malformed("an entry of a page with encoding \(index) of \(encodings.count)", at: offset)
      }
      result.append((start, encodings[index]))
    }
    return result
  }

  private func exceptionTables(from start: UInt32, to end: UInt32) throws(ObjectFileError) -> [UInt32: UInt32] {
    guard start <= end, (end - start).isMultiple(of: 8) else {
      throw malformed("exception tables without an end", at: start)
    }
    let words = try words(at: start, count: (end - start) / 8, wordsInEntry: 2)
    var tables: [UInt32: UInt32] = [:]
    for entry in stride(from: 0, to: words.count, by: 2) where words[entry] != MachOUnwindInfo.free {
      tables[words[entry]] = words[entry + 1]
    }
    return tables
  }

  private func words(
    at offset: UInt32, count: UInt32, wordsInEntry: UInt64 = 1
  ) throws(ObjectFileError) -> [UInt32] {
    guard count > 0 else { return [] }
    // Less than 2^32 entries of 12 bytes.
    let view = try bytes(at: offset, count: UInt64(count) * wordsInEntry * 4)
    return stride(from: 0, to: view.count, by: 4).map { view.loadValidated(UInt32.self, at: $0) }
  }

  private func bytes(at offset: UInt32, count: UInt64) throws(ObjectFileError) -> ByteView {
    guard let place = section.address.advanced(by: UInt64(offset)) else {
      throw malformed("an offset too large", at: offset)
    }
    return try file.bytes(at: place, count: count)
  }

  private func malformed(_ detail: String, at offset: UInt32) -> ObjectFileError {
    file.failure(
      .malformedTable, at: section.fileOffset.advanced(by: UInt64(offset)), in: section, detail: detail)
  }
}
