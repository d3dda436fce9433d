/// The value of an attribute, not yet looked up anywhere.
enum DWARFValue {
  /// The form is known, but what it refers to is in another file: supplementary (dwz) or split debug information.
  case elsewhere
  case unsigned(UInt64)
  case signed(Int64)
  /// The position is that of the field in `.debug_info`: a relocation may stand there.
  case address(UInt64, position: Int)
  case addressIndex(UInt64)
  case string(DWARFStringSection, offset: Int)
  case stringIndex(UInt64)
  /// Bytes of `.debug_info`.
  case block(Range<Int>)
  /// An offset in `.debug_info`.
  case reference(Int)
  case signature(UInt64)
  case sectionOffset(Int)
  case rangeListIndex(UInt64)

  /// A constant of any form; nil where it is negative, or not a constant.
  var unsigned: UInt64? {
    switch self {
    case .unsigned(let value): value
    case .signed(let value): UInt64(exactly: value)
    case .sectionOffset(let value): UInt64(value)
    default: nil
    }
  }

  /// The constant's 64 bits, whether it was written signed or not.
  var bits: UInt64? {
    switch self {
    case .unsigned(let value): value
    case .signed(let value): UInt64(bitPattern: value)
    default: nil
    }
  }

  var isTrue: Bool { unsigned.map { $0 != 0 } ?? false }
}

enum DWARFStringSection {
  /// The string stands in the entry itself.
  case info
  case string
  case lineString
  /// In the header of a line table.
  case line
}

/// What the size of a field depends on.
struct DWARFEncoding {
  /// Where the unit starts: references within a unit count from here.
  var unitStart: Int
  var version: UInt16
}

extension DWARFCursor {
  /// The value of a field of `form`; nil for an unknown form, of which nobody can tell the size.
  mutating func value(_ form: DWARFForm, implicit: Int64, _ encoding: DWARFEncoding) -> DWARFValue? {
    switch form {
    case .address:
      let position = offset
      return .address(u64(), position: position)
    case .data1, .flag: return .unsigned(UInt64(u8()))
    case .data2: return .unsigned(UInt64(u16()))
    case .data4: return .unsigned(UInt64(u32()))
    case .data8: return .unsigned(u64())
    case .unsignedData: return .unsigned(uleb())
    case .signedData: return .signed(sleb())
    case .implicitConstant: return .signed(implicit)
    case .flagPresent: return .unsigned(1)
    case .sectionOffset: return .sectionOffset(Int(u32()))
    case .data16: return block(16)
    case .block1: return block(UInt64(u8()))
    case .block2: return block(UInt64(u16()))
    case .block4: return block(UInt64(u32()))
    case .block, .expression: return block(uleb())
    case .locationListIndex:
      skipLEB()
      return .elsewhere
    case .rangeListIndex: return .rangeListIndex(uleb())
    case .indirect: return indirectValue(encoding)
    default:
      return stringValue(form) ?? indexValue(form) ?? referenceValue(form, encoding)
    }
  }

  private mutating func block(_ count: UInt64) -> DWARFValue {
    let start = offset
    skip(count)
    return .block(start..<(failed ? start : offset))
  }

  /// `DW_FORM_indirect`: the form stands before the value. Not again an indirect one, and not one whose value stands
  /// in the abbreviation.
  private mutating func indirectValue(_ encoding: DWARFEncoding) -> DWARFValue? {
    let form = DWARFForm(rawValue: UInt16(clamping: uleb()))
    if form == .indirect || form == .implicitConstant { return nil }
    return value(form, implicit: 0, encoding)
  }

  private mutating func stringValue(_ form: DWARFForm) -> DWARFValue? {
    switch form {
    case .string: .string(.info, offset: string().lowerBound)
    case .stringOffset: .string(.string, offset: Int(u32()))
    case .lineStringOffset: .string(.lineString, offset: Int(u32()))
    case .stringIndex, .gnuStringIndex: .stringIndex(uleb())
    case .stringIndex1: .stringIndex(UInt64(u8()))
    case .stringIndex2: .stringIndex(UInt64(u16()))
    case .stringIndex3: .stringIndex(UInt64(u24()))
    case .stringIndex4: .stringIndex(UInt64(u32()))
    default: nil
    }
  }

  private mutating func indexValue(_ form: DWARFForm) -> DWARFValue? {
    switch form {
    case .addressIndex, .gnuAddressIndex: .addressIndex(uleb())
    case .addressIndex1: .addressIndex(UInt64(u8()))
    case .addressIndex2: .addressIndex(UInt64(u16()))
    case .addressIndex3: .addressIndex(UInt64(u24()))
    case .addressIndex4: .addressIndex(UInt64(u32()))
    default: nil
    }
  }

  private mutating func referenceValue(_ form: DWARFForm, _ encoding: DWARFEncoding) -> DWARFValue? {
    switch form {
    case .reference1: return .reference(encoding.unitStart + Int(u8()))
    case .reference2: return .reference(encoding.unitStart + Int(u16()))
    case .reference4: return .reference(encoding.unitStart + Int(u32()))
    case .reference8: return reference(u64(), from: encoding.unitStart)
    case .referenceUnsigned: return reference(uleb(), from: encoding.unitStart)
    case .referenceAddress:
      // In version 2 it has the size of an address (DWARF 5, 1.4).
      return encoding.version <= 2 ? reference(u64(), from: 0) : .reference(Int(u32()))
    case .referenceSignature: return .signature(u64())
    case .supplementaryReference4, .supplementaryString, .gnuSupplementaryReference, .gnuSupplementaryString:
      skip(4)
      return .elsewhere
    case .supplementaryReference8:
      skip(8)
      return .elsewhere
    default: return nil
    }
  }

  /// A reference that no file can be long enough for ends at the highest offset, where no unit is.
  private func reference(_ distance: UInt64, from start: Int) -> DWARFValue {
    let (sum, overflow) = start.addingReportingOverflow(Int(clamping: distance))
    return .reference(overflow ? .max : sum)
  }

  /// Passes over a field; false for an unknown form.
  mutating func skip(_ form: DWARFForm, _ encoding: DWARFEncoding) -> Bool {
    if let byteCount = form.fixedByteCount {
      skip(byteCount)
      return true
    }
    switch form {
    case .string: _ = string()
    case .unsignedData, .signedData, .referenceUnsigned, .stringIndex, .addressIndex, .rangeListIndex,
      .locationListIndex, .gnuStringIndex, .gnuAddressIndex:
      skipLEB()
    case .block, .expression: skip(uleb())
    case .block1: skip(Int(u8()))
    default: return value(form, implicit: 0, encoding) != nil
    }
    return true
  }
}
