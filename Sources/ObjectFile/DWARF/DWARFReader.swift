import Addressing

/// An entry of the debug information: its abbreviation and where its attributes start.
struct DWARFEntry {
  var offset: Int
  var unit: Int
  var abbreviation: DWARFAbbreviation
  var attributes: Int

  var tag: DWARFTag { abbreviation.tag }
}

/// Reads units, entries and attributes of one file's debug sections.
///
/// Entries are read where they stand, none is kept. The work that a file can ask for is bounded in proportion to its
/// size: whatever is done more than once (following references, copying names) is charged, and a file that asks for
/// too much is refused by name.
///
/// Lives only within `DWARFSections.withUnsafeBytes`.
final class DWARFReader {
  let sections: DWARFSections
  private let bytes: [UnsafeRawBufferPointer]
  // Looked at for every entry: the checks of exclusive access, which nothing here can violate, take a tenth of the time.
  @exclusivity(unchecked) private(set) var units: [DWARFUnit] = []
  @exclusivity(unchecked) private var tables: [DWARFAbbreviationTable] = []
  @exclusivity(unchecked) private var credit: Int
  private var tableIndexes: [Int: Int] = [:]
  /// The units that hold types, by signature.
  private var typeUnits: [UInt64: Int] = [:]

  init(_ sections: DWARFSections, _ bytes: [UnsafeRawBufferPointer]) throws(ObjectFileError) {
    self.sections = sections
    self.bytes = bytes
    credit = (1 << 22) + bytes.reduce(0) { $0 + $1.count } * 96
    try readUnits()
  }

  func section(_ kind: DWARFSections.Kind) -> UnsafeRawBufferPointer { bytes[kind.rawValue] }

  /// Pays for work in proportion to `amount` bytes.
  func charge(_ amount: Int) throws(ObjectFileError) {
    credit -= amount
    if credit < 0 {
      throw malformed("it refers to the same entries far more often than any compiler does", at: nil)
    }
  }

  func malformed(_ detail: String, at offset: Int?, in kind: DWARFSections.Kind = .info) -> ObjectFileError {
    failure(.malformedDWARF, detail, at: offset, in: kind)
  }

  func failure(
    _ code: ObjectFileError.Code, _ detail: String, at offset: Int?, in kind: DWARFSections.Kind = .info
  ) -> ObjectFileError {
    let place = offset.map { " at 0x" + String($0, radix: 16) } ?? ""
    return ObjectFileError(code, file: sections.fileName, section: kind.sectionName, detail: detail + place)
  }
}

// MARK: Units

extension DWARFReader {
  private func readUnits() throws(ObjectFileError) {
    let info = section(.info)
    var offset = 0
    while offset < info.count {
      var cursor = DWARFCursor(info, at: offset)
      let length = cursor.u32()
      if length == 0xffff_ffff {
        throw failure(.unsupportedDWARF, "64-bit DWARF", at: offset)
      }
      let end = cursor.offset + Int(length)
      guard !cursor.failed, end <= info.count else {
        throw malformed("a unit of 0x\(String(length, radix: 16)) bytes runs past the end", at: offset)
      }
      // Padding between units: an assembler aligns sections of one name.
      if length > 0 { try readUnit(&cursor, start: offset, end: end) }
      offset = end
    }
  }

  private func readUnit(_ cursor: inout DWARFCursor, start: Int, end: Int) throws(ObjectFileError) {
    let header = DWARFUnitHeader(&cursor, start: start, isInTypesSection: start >= sections.typesStart)
    guard !cursor.failed, header.root <= end else { throw malformed("a unit ends within its header", at: start) }
    guard (2...5).contains(header.version) else {
      throw failure(.unsupportedDWARF, "DWARF version \(header.version)", at: start)
    }
    guard header.addressByteCount == 8 else {
      throw failure(.unsupportedDWARF, "addresses of \(header.addressByteCount) bytes", at: start)
    }
    var unit = DWARFUnit(
      kind: header.kind, start: start, root: header.root, end: end, version: header.version,
      abbreviations: try table(at: header.abbreviationsOffset))
    if case .type(let signature, _) = header.kind { typeUnits[signature] = units.count }
    units.append(unit)
    if let root = try entry(at: unit.root, in: units.count - 1) {
      try unit.attributes.read(root, with: self)
      units[units.count - 1] = unit
    }
  }

  private func table(at offset: Int) throws(ObjectFileError) -> Int {
    if let index = tableIndexes[offset] { return index }
    guard let table = DWARFAbbreviationTable(section(.abbreviations), at: offset) else {
      throw malformed("an abbreviation table does not end", at: offset, in: .abbreviations)
    }
    try charge(table.byteCount * 32)
    tables.append(table)
    tableIndexes[offset] = tables.count - 1
    return tables.count - 1
  }

  /// Whether the entries of a unit say anything of types.
  func tellsTypes(_ unit: Int) -> Bool { tables[units[unit].abbreviations].tellsTypes }

  /// The unit that an offset lies in.
  func unit(holding offset: Int) -> Int? {
    let low = units.partitioningIndex { $0.end > offset }
    guard low < units.count, units[low].root <= offset else { return nil }
    return low
  }
}

extension DWARFUnitAttributes {
  fileprivate mutating func read(_ root: DWARFEntry, with reader: DWARFReader) throws(ObjectFileError) {
    var attributes = reader.attributes(of: root)
    while let (attribute, value) = try attributes.next() {
      switch attribute {
      case .name: name = value
      case .compilationDirectory: compilationDirectory = value
      case .producer: producer = value
      case .language: language = value.unsigned ?? 0
      case .lowPC: lowPC = value
      case .highPC: highPC = value
      case .ranges: ranges = value
      case .statementList: lineTable = value.offset
      case .stringOffsetsBase: stringOffsetsBase = value.offset
      case .addressBase: addressBase = value.offset
      case .rangeListsBase: rangeListsBase = value.offset
      case .dwoName, .gnuDWOName: isSkeleton = true
      default: break
      }
    }
  }
}

extension DWARFValue {
  fileprivate var offset: Int? { unsigned.flatMap { Int(exactly: $0) } }
}

// MARK: Entries

extension DWARFReader {
  /// The entry at `offset`, or nil where a list of siblings ends.
  func entry(at offset: Int, in unit: Int) throws(ObjectFileError) -> DWARFEntry? {
    var cursor = DWARFCursor(section(.info), at: offset, end: units[unit].end)
    return try entry(&cursor, in: unit)
  }

  /// The entry that starts at the cursor, which is then at its attributes.
  func entry(_ cursor: inout DWARFCursor, in unit: Int) throws(ObjectFileError) -> DWARFEntry? {
    let offset = cursor.offset
    let code = cursor.uleb()
    if cursor.failed { throw malformed("the entries of a unit run past its end", at: offset) }
    if code == 0 { return nil }
    guard let abbreviation = tables[units[unit].abbreviations][code] else {
      throw malformed("abbreviation \(code) is not declared", at: offset)
    }
    return DWARFEntry(offset: offset, unit: unit, abbreviation: abbreviation, attributes: cursor.offset)
  }

  /// Moves a cursor that stands at the entry's attributes past them.
  func skipAttributes(of entry: DWARFEntry, _ cursor: inout DWARFCursor) throws(ObjectFileError) {
    if let byteCount = entry.abbreviation.fixedByteCount {
      cursor.skip(byteCount)
    } else {
      let table = tables[units[entry.unit].abbreviations]
      let encoding = units[entry.unit].encoding
      for index in 0..<entry.abbreviation.attributeCount {
        let form = table.attributes[entry.abbreviation.firstAttribute + index].form
        guard cursor.skip(form, encoding) else { throw unknown(form, at: cursor.offset) }
      }
    }
    if cursor.failed { throw malformed("an entry runs past the end of its unit", at: entry.offset) }
  }

  /// Moves a cursor that stands behind an entry with children past all of them.
  func skipChildren(_ cursor: inout DWARFCursor, in unit: Int) throws(ObjectFileError) {
    var depth = 1
    while depth > 0 {
      guard let child = try entry(&cursor, in: unit) else {
        depth -= 1
        continue
      }
      try skipAttributes(of: child, &cursor)
      if child.abbreviation.hasChildren { depth += 1 }
    }
  }

  func attributes(of entry: DWARFEntry) -> Attributes {
    Attributes(
      reader: self, unit: entry.unit, table: tables[units[entry.unit].abbreviations].attributes,
      index: entry.abbreviation.firstAttribute, count: entry.abbreviation.attributeCount,
      encoding: units[entry.unit].encoding,
      cursor: DWARFCursor(section(.info), at: entry.attributes, end: units[entry.unit].end))
  }

  /// The attributes of an entry, one after another.
  struct Attributes {
    fileprivate let reader: DWARFReader
    fileprivate let unit: Int
    fileprivate let table: [DWARFAttributeSpecification]
    fileprivate var index: Int
    fileprivate var count: Int
    fileprivate let encoding: DWARFEncoding
    /// After the last attribute: where the entry's children, or the next entry, start.
    private(set) var cursor: DWARFCursor

    mutating func next() throws(ObjectFileError) -> (DWARFAttributeName, DWARFValue)? {
      if count == 0 { return nil }
      let specification = table[index]
      index += 1
      count -= 1
      guard let value = cursor.value(specification.form, implicit: specification.implicitConstant, encoding) else {
        throw reader.unknown(specification.form, at: cursor.offset)
      }
      if cursor.failed { throw reader.malformed("an entry runs past the end of its unit", at: cursor.offset) }
      return (specification.name, value)
    }
  }

  func unknown(_ form: DWARFForm, at offset: Int) -> ObjectFileError {
    failure(.unsupportedDWARF, "an attribute of form 0x" + String(form.rawValue, radix: 16), at: offset)
  }

  /// The entry that a value refers to; nil where that is in another file, or no reference at all.
  func entry(_ value: DWARFValue) throws(ObjectFileError) -> DWARFEntry? {
    switch value {
    case .reference(let offset):
      guard let unit = unit(holding: offset), let entry = try entry(at: offset, in: unit) else {
        throw malformed("a reference leads to no entry", at: offset)
      }
      return entry
    case .signature(let signature):
      guard let index = typeUnits[signature], case .type(_, let offset) = units[index].kind else { return nil }
      guard offset >= units[index].root, offset < units[index].end else {
        throw malformed("a type unit's type lies outside of it", at: units[index].start)
      }
      return try entry(at: offset, in: index)
    default: return nil
    }
  }
}

// MARK: Strings and addresses

extension DWARFReader {
  /// The bytes of a string; nil where it is in another file, or the value is none.
  func string(_ value: DWARFValue?, in unit: Int) throws(ObjectFileError) -> UnsafeRawBufferPointer? {
    switch value {
    case .string(let place, let offset): return try string(in: place, at: offset)
    case .stringIndex(let index):
      // Version 4 counts from the start of the section (the GNU extension has no header there).
      guard let base = units[unit].attributes.stringOffsetsBase ?? (units[unit].version < 5 ? 0 : nil) else {
        return nil
      }
      guard let position = position(index, from: base, size: 4) else {
        throw malformed("string index \(index) is out of range", at: base, in: .stringOffsets)
      }
      var cursor = DWARFCursor(section(.stringOffsets), at: position)
      let offset = Int(cursor.u32())
      if cursor.failed { throw malformed("string index \(index) is out of range", at: base, in: .stringOffsets) }
      return try string(in: .string, at: offset)
    default: return nil
    }
  }

  private func string(in place: DWARFStringSection, at offset: Int) throws(ObjectFileError) -> UnsafeRawBufferPointer {
    let kind: DWARFSections.Kind =
      switch place {
      case .info: .info
      case .string: .strings
      case .lineString: .lineStrings
      case .line: .lines
      }
    var cursor = DWARFCursor(section(kind), at: offset)
    let range = cursor.string()
    // Charged where it fails too: the whole section may have been looked through.
    try charge(range.count + 16)
    if cursor.failed { throw malformed("a string does not end", at: offset, in: kind) }
    return UnsafeRawBufferPointer(rebasing: section(kind)[range])
  }

  func text(_ value: DWARFValue?, in unit: Int) throws(ObjectFileError) -> String? {
    try string(value, in: unit).map { String(decoding: $0, as: UTF8.self) }
  }

  private func position(_ index: UInt64, from base: Int, size: Int) -> Int? {
    guard let index = Int(exactly: index) else { return nil }
    let (product, overflow) = index.multipliedReportingOverflow(by: size)
    if overflow { return nil }
    let (sum, tooFar) = product.addingReportingOverflow(base)
    return tooFar ? nil : sum
  }

  /// What an address refers to; nil where it stands for something that the linker has dropped, or is no address.
  func location(_ value: DWARFValue?, in unit: Int) throws(ObjectFileError) -> DWARFLocation? {
    switch value {
    case .address(let address, let position): return location(of: address, in: .info, at: position)
    case .addressIndex(let index):
      guard let base = units[unit].attributes.addressBase else { return nil }
      guard let position = position(index, from: base, size: 8) else {
        throw malformed("address index \(index) is out of range", at: base, in: .addresses)
      }
      var cursor = DWARFCursor(section(.addresses), at: position)
      let address = cursor.u64()
      if cursor.failed { throw malformed("address index \(index) is out of range", at: base, in: .addresses) }
      return location(of: address, in: .addresses, at: position)
    default: return nil
    }
  }

  /// What the address in a field refers to.
  func location(of address: UInt64, in kind: DWARFSections.Kind, at position: Int) -> DWARFLocation? {
    if sections.isRelocatable { return sections.relocated[kind.rawValue][position] }
    // Linkers set addresses in sections that they drop to 0, to 1 in ranges, or to the highest ones (DWARF 6 proposal
    // 200609.1; lld, Tombstone values).
    return address <= 1 || address >= UInt64.max - 1 ? nil : .address(VirtualAddress(address))
  }
}
