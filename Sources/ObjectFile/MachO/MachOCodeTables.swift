public import Addressing

/// What a range of code holds that is no code (`struct data_in_code_entry`).
public struct MachODataInCode: Hashable, Sendable {
  public let range: AddressRange
  public let kind: MachODataInCodeKind
}

/// `kind` of an entry of LC_DATA_IN_CODE.
public struct MachODataInCodeKind: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// DICE_KIND_DATA
  public static let data = MachODataInCodeKind(rawValue: 1)
  /// DICE_KIND_JUMP_TABLE8
  public static let jumpTable8 = MachODataInCodeKind(rawValue: 2)
  /// DICE_KIND_JUMP_TABLE16
  public static let jumpTable16 = MachODataInCodeKind(rawValue: 3)
  /// DICE_KIND_JUMP_TABLE32
  public static let jumpTable32 = MachODataInCodeKind(rawValue: 4)
  /// DICE_KIND_ABS_JUMP_TABLE32
  public static let absoluteJumpTable32 = MachODataInCodeKind(rawValue: 5)
}

extension MachOFile {
  /// The first address of each function, ascending (LC_FUNCTION_STARTS); nil where the file does not say.
  ///
  /// Distances as unsigned LEB128, the first from the Mach header; a distance of 0 ends them.
  public func functionStarts() throws(ObjectFileError) -> [VirtualAddress]? {
    guard let data = try linkEditData(.functionStarts) else { return nil }
    let first = headerAddress ?? segments.first?.address ?? VirtualAddress(0)
    let (starts, isWhole) = data.withUnsafeBytes { bytes -> ([VirtualAddress], Bool) in
      var cursor = DWARFCursor(bytes, at: 0)
      var address = first
      var starts: [VirtualAddress] = []
      while !cursor.isAtEnd {
        let distance = cursor.uleb()
        if distance == 0 || cursor.failed { break }
        guard let next = address.advanced(by: distance) else { return (starts, false) }
        address = next
        starts.append(next)
      }
      return (starts, !cursor.failed)
    }
    guard isWhole else { throw failure(.malformedTable, at: data.fileOffset, detail: "the function starts") }
    return starts
  }

  /// Ranges of code sections that hold data (LC_DATA_IN_CODE).
  ///
  /// In an image offsets count from the Mach header, in an object from address 0 of its layout.
  public func dataInCode() throws(ObjectFileError) -> [MachODataInCode] {
    guard let data = try linkEditData(.dataInCode) else { return [] }
    guard data.count.isMultiple(of: 8) else {
      throw failure(.badEntrySize, at: data.fileOffset, detail: "\(data.count) bytes of data in code")
    }
    let first = headerAddress ?? VirtualAddress(0)
    var result: [MachODataInCode] = []
    for at in stride(from: 0, to: data.count, by: 8) {
      let offset = UInt64(data.loadValidated(UInt32.self, at: at))
      let byteCount = UInt64(data.loadValidated(UInt16.self, at: at + 4))
      guard let start = first.advanced(by: offset),
        let range = AddressRange(validating: start, byteCount: byteCount)
      else {
        throw failure(.addressWrapsAround, at: data.fileOffset.advanced(by: UInt64(at)), detail: "data in code")
      }
      result.append(
        MachODataInCode(
          range: range, kind: MachODataInCodeKind(rawValue: data.loadValidated(UInt16.self, at: at + 6))))
    }
    return result
  }
}
