/// What the entries of one abbreviation code look like (DWARF 5, 7.5.3).
struct DWARFAbbreviation {
  var tag: DWARFTag
  var hasChildren: Bool
  /// Set where a location is given as an expression: the others cannot have a fixed place.
  var hasLocationExpression = false
  var firstAttribute: Int
  var attributeCount = 0
  /// Bytes of all attributes, where none of them varies: then an entry is passed over in one step.
  var fixedByteCount: Int?
}

struct DWARFAttributeSpecification {
  var name: DWARFAttributeName
  var form: DWARFForm
  /// The value, for `DW_FORM_implicit_const`.
  var implicitConstant: Int64
}

/// The abbreviations of one unit.
struct DWARFAbbreviationTable {
  private(set) var attributes: [DWARFAttributeSpecification] = []
  private var abbreviations: [DWARFAbbreviation] = []
  /// Used only where the codes are not 1, 2, 3 …, as every known producer numbers them.
  private var indexes: [UInt64: Int] = [:]
  /// Whether its entries can say anything of types. With `-g1` or `-gline-tables-only` they cannot, and a function
  /// without parameters there is not one that has none.
  private(set) var tellsTypes = false
  /// How much of the section was read: the work done.
  private(set) var byteCount = 0

  /// Nil where the table runs past the end of its section.
  init?(_ section: UnsafeRawBufferPointer, at offset: Int) {
    var cursor = DWARFCursor(section, at: offset)
    var isDense = true
    while true {
      let code = cursor.uleb()
      if cursor.failed { return nil }
      if code == 0 { break }
      if isDense && code != UInt64(abbreviations.count + 1) {
        isDense = false
        for index in abbreviations.indices { indexes[UInt64(index + 1)] = index }
      }
      if !isDense { indexes[code] = abbreviations.count }
      readAbbreviation(&cursor)
    }
    byteCount = cursor.offset - offset
  }

  private mutating func readAbbreviation(_ cursor: inout DWARFCursor) {
    // An unknown tag above 16 bits is read as 0xffff: it is passed over like any other.
    var abbreviation = DWARFAbbreviation(
      tag: DWARFTag(rawValue: UInt16(clamping: cursor.uleb())), hasChildren: cursor.u8() != 0,
      firstAttribute: attributes.count, fixedByteCount: 0)
    while !cursor.failed {
      let name = DWARFAttributeName(rawValue: UInt16(clamping: cursor.uleb()))
      let form = DWARFForm(rawValue: UInt16(clamping: cursor.uleb()))
      let constant = form == .implicitConstant ? cursor.sleb() : 0
      if name.rawValue == 0 && form.rawValue == 0 { break }
      attributes.append(DWARFAttributeSpecification(name: name, form: form, implicitConstant: constant))
      if name == .type || name == .prototyped { tellsTypes = true }
      if name == .location && (form == .expression || form == .block1) { abbreviation.hasLocationExpression = true }
      if let sum = abbreviation.fixedByteCount, let byteCount = form.fixedByteCount {
        abbreviation.fixedByteCount = sum + byteCount
      } else {
        abbreviation.fixedByteCount = nil
      }
    }
    if abbreviation.tag.isAggregate { tellsTypes = true }
    abbreviation.attributeCount = attributes.count - abbreviation.firstAttribute
    abbreviations.append(abbreviation)
  }

  subscript(code: UInt64) -> DWARFAbbreviation? {
    if indexes.isEmpty {
      guard code >= 1, code <= UInt64(abbreviations.count) else { return nil }
      return abbreviations[Int(code - 1)]
    }
    return indexes[code].map { abbreviations[$0] }
  }
}

extension DWARFForm {
  /// Bytes that a value takes in 32-bit DWARF with 8-byte addresses, from version 3 on; nil where it varies.
  var fixedByteCount: Int? {
    switch self {
    case .flagPresent, .implicitConstant: 0
    case .data1, .flag, .reference1, .stringIndex1, .addressIndex1: 1
    case .data2, .reference2, .stringIndex2, .addressIndex2: 2
    case .stringIndex3, .addressIndex3: 3
    case .data4, .reference4, .stringOffset, .sectionOffset, .lineStringOffset, .stringIndex4, .addressIndex4,
      .supplementaryReference4, .supplementaryString, .gnuSupplementaryReference, .gnuSupplementaryString:
      4
    case .address, .data8, .reference8, .referenceSignature, .supplementaryReference8: 8
    case .data16: 16
    default: nil
    }
  }
}
