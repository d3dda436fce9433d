public import Addressing

/// Where everything is that a prepared image has beside what the linker made. It is read from the image's load commands,
/// which say all of it.
///
/// ```
///  base image | gap | R-X code | R constants, unwind table | RW header, cells, flags, data | __LINKEDIT
/// ```
///
/// `__LINKEDIT` comes last in addresses, file and load commands, as the loader wants it (dyld, MachOAnalyzer,
/// `validSegments`: load commands out of order with respect to layout) and as signing does.
public struct MachOArenaLayout: Hashable, Sendable {
  public var fileByteCount: UInt64
  public var code: ArenaPart
  public var constants: ArenaPart
  /// In the constants' segment; nil in an image without `__unwind_info`.
  public var unwind: ArenaPart?
  /// Header, cells, flags and data together: one segment.
  public var writable: ArenaPart
  public var header: ArenaPart
  public var cells: ArenaPart
  public var flags: ArenaPart
  public var data: ArenaPart
  public var linkEdit: ArenaPart

  static let codeSegmentName = "__HCSJ_CODE"
  static let constantSegmentName = "__HCSJ_CONST"
  static let writableSegmentName = "__HCSJ_DATA"
  static let sectionNames = (
    code: "__text", constants: "__const", header: "__header", cells: "__cells",
    flags: "__flags", data: "__data", unwind: "__unwind"
  )
  /// Parts begin at multiples of this, on either machine: the page of arm64.
  static let pageByteCount: UInt64 = 0x4000

  /// The file offset of an address in the arena.
  public func fileOffset(of address: VirtualAddress) -> FileOffset? {
    for part in [code, constants, unwind, writable].compactMap({ $0 }) where part.range.contains(address) {
      return part.fileOffset.advanced(by: address.rawValue - part.range.start.rawValue)
    }
    return nil
  }
}

extension MachOArenaLayout {
  /// The layout of a prepared image; nil for any other.
  public init?(of file: MachOFile) throws(ObjectFileError) {
    guard file.segment(named: Self.writableSegmentName) != nil else { return nil }
    func segment(_ name: String) throws(ObjectFileError) -> ArenaPart {
      guard let segment = file.segment(named: name), segment.fileByteCount == segment.memoryByteCount else {
        throw file.failure(.malformedTable, detail: "its segment \(name) is not as it was prepared")
      }
      return ArenaPart(range: segment.range, fileOffset: segment.fileOffset)
    }
    func part(_ section: MachOSection) -> ArenaPart {
      ArenaPart(range: section.range, fileOffset: section.fileOffset)
    }
    func section(_ name: String, in segment: String = Self.writableSegmentName) throws(ObjectFileError) -> ArenaPart {
      guard let section = file.section(named: name, in: segment) else {
        throw file.failure(.malformedTable, detail: "its section \(segment),\(name) is missing")
      }
      return part(section)
    }
    guard let last = file.segment(named: MachOAdoptableImage.linkEditName) else {
      throw file.failure(.malformedTable, detail: "it has no \(MachOAdoptableImage.linkEditName)")
    }
    fileByteCount = UInt64(file.view.count)
    code = try segment(Self.codeSegmentName)
    _ = try segment(Self.constantSegmentName)
    constants = try section(Self.sectionNames.constants, in: Self.constantSegmentName)
    unwind = file.section(named: Self.sectionNames.unwind, in: Self.constantSegmentName).map(part)
    writable = try segment(Self.writableSegmentName)
    header = try section(Self.sectionNames.header)
    cells = try section(Self.sectionNames.cells)
    flags = try section(Self.sectionNames.flags)
    data = try section(Self.sectionNames.data)
    linkEdit = ArenaPart(range: last.range, fileOffset: last.fileOffset)
  }
}
