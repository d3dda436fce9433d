import Addressing

extension DWARFReader {
  /// The place of a variable whose location is an expression: one fixed address, perhaps with a distance beyond it, or
  /// an offset in the thread-local block. Nil for anything else: registers, frames, and a variable that the optimizer
  /// has taken to pieces, whose name then stands for no single place.
  func fixedLocation(
    ofExpression range: Range<Int>, in unit: Int
  ) throws(ObjectFileError) -> (location: DWARFLocation, isThreadLocal: Bool)? {
    var cursor = DWARFCursor(section(.info), at: range.lowerBound, end: range.upperBound)
    guard let operand = try operand(&cursor, in: unit), var location = operand.location else { return nil }
    var isThreadLocal = false
    while !cursor.isAtEnd {
      switch cursor.u8() {
      case DWARFOperation.plusUnsigned: location = location.advanced(by: cursor.uleb())
      case DWARFOperation.threadLocal, DWARFOperation.gnuThreadLocal: isThreadLocal = true
      default: return nil
      }
    }
    // A constant alone is a value, not a place.
    guard !cursor.failed, isThreadLocal || operand.isAddress else { return nil }
    return (location, isThreadLocal)
  }

  /// The expression's first operation.
  private func operand(
    _ cursor: inout DWARFCursor, in unit: Int
  ) throws(ObjectFileError) -> (location: DWARFLocation?, isAddress: Bool)? {
    guard !cursor.isAtEnd else { return nil }
    switch cursor.u8() {
    case DWARFOperation.address:
      let position = cursor.offset
      return (location(of: cursor.u64(), in: .info, at: position), true)
    case DWARFOperation.addressIndex, DWARFOperation.gnuAddressIndex:
      return (try location(.addressIndex(cursor.uleb()), in: unit), true)
    case DWARFOperation.constant8:
      let position = cursor.offset
      return (threadLocalOffset(cursor.u64(), in: .info, at: position), false)
    case DWARFOperation.constant4:
      let position = cursor.offset
      return (threadLocalOffset(UInt64(cursor.u32()), in: .info, at: position), false)
    case DWARFOperation.constantIndex, DWARFOperation.gnuConstantIndex:
      return (try location(.addressIndex(cursor.uleb()), in: unit), false)
    case DWARFOperation.constantUnsigned:
      return (threadLocalOffset(cursor.uleb(), in: .info, at: cursor.offset), false)
    default: return nil
    }
  }

  /// Unlike an address, an offset in the thread-local block may well be 0.
  private func threadLocalOffset(_ offset: UInt64, in kind: DWARFSections.Kind, at position: Int) -> DWARFLocation? {
    sections.isRelocatable ? sections.relocated[kind.rawValue][position] : .address(VirtualAddress(offset))
  }
}
