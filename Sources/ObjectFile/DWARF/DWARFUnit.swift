/// The header of a unit of `.debug_info` or `.debug_types`, and what its root entry says for all entries below it
/// (DWARF 5, 7.5.1 and 3.1.1).
struct DWARFUnit {
  enum Kind {
    case compile
    /// Entries that other units import or refer to.
    case partial
    /// Of the type with this signature, which is the entry at this offset.
    case type(signature: UInt64, offset: Int)
    /// The debug information itself is in a `.dwo` file.
    case split
  }

  var kind: Kind
  /// Offsets in `.debug_info`: the header, the root entry, and the first byte after the unit.
  var start: Int
  var root: Int
  var end: Int
  var version: UInt16
  /// Index in the reader's abbreviation tables.
  var abbreviations: Int
  /// What the root's attributes say, not yet looked up.
  var attributes = DWARFUnitAttributes()

  var encoding: DWARFEncoding { DWARFEncoding(unitStart: start, version: version) }
}

struct DWARFUnitAttributes {
  var name: DWARFValue?
  var compilationDirectory: DWARFValue?
  var producer: DWARFValue?
  var language: UInt64 = 0

  /// Whether a type's name means one type in all units: C++ and Objective-C++ (DW_LANG_*, DWARF 5 table 7.17 and the list of
  /// later codes).
  var hasOneDefinitionRule: Bool { [0x04, 0x11, 0x19, 0x1a, 0x21, 0x2a, 0x2b, 0x3a].contains(language) }
  var lowPC: DWARFValue?
  var highPC: DWARFValue?
  var ranges: DWARFValue?
  /// In `.debug_line`, `.debug_str_offsets`, `.debug_addr` and `.debug_rnglists`.
  var lineTable: Int?
  var stringOffsetsBase: Int?
  var addressBase: Int?
  var rangeListsBase: Int?
  var isSkeleton = false
}

/// The fields of a unit header as they stand there.
struct DWARFUnitHeader {
  var kind: DWARFUnit.Kind
  var version: UInt16
  var abbreviationsOffset: Int
  var addressByteCount: UInt8
  var root: Int

  /// Reads what follows the length. A unit type that the standard does not know is taken for a compile unit, which has
  /// the shortest header (DWARF 5, 7.5.1).
  init(_ cursor: inout DWARFCursor, start: Int, isInTypesSection: Bool) {
    version = cursor.u16()
    kind = .compile
    root = 0
    if version >= 5 {
      let type = cursor.u8()
      addressByteCount = cursor.u8()
      abbreviationsOffset = Int(cursor.u32())
      switch type {
      case 0x02, 0x06: readType(&cursor, start: start)
      case 0x03: kind = .partial
      case 0x04, 0x05:
        kind = .split
        cursor.skip(8)
      default: break
      }
    } else {
      abbreviationsOffset = Int(cursor.u32())
      addressByteCount = cursor.u8()
      if isInTypesSection { readType(&cursor, start: start) }
    }
    root = cursor.offset
  }

  private mutating func readType(_ cursor: inout DWARFCursor, start: Int) {
    let signature = cursor.u64()
    kind = .type(signature: signature, offset: start + Int(cursor.u32()))
  }
}
