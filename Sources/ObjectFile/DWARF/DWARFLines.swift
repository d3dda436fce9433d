public import Addressing

/// A line of the source.
public struct SourceLine: Hashable, Sendable {
  /// From the compilation directory on where the compiler was given the file so.
  public var file: String
  public var line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }
}

/// Which line of the source the code at an address was made from, by `.debug_line`.
///
/// Only the table of the unit that an address belongs to is read, at the first question, and then kept.
public struct DWARFLines: Sendable {
  private let sections: DWARFSections
  private let units: [Unit]
  private var tables: [Int: Table] = [:]

  /// A unit's code, and where its line table starts.
  private struct Unit: Sendable {
    var index: Int
    /// Empty where the compiler does not tell: then the table itself must be asked.
    var ranges: [Span]
    var table: Int
  }

  /// Nil when there is no debug information to be read here.
  public init?(_ file: ELFFile) throws(ObjectFileError) {
    try self.init(DWARFSections(file))
  }

  /// Of an object; nil when it has no debug information.
  public init?(_ file: MachOFile) throws(ObjectFileError) {
    try self.init(DWARFSections(file))
  }

  private init?(_ sections: DWARFSections?) throws(ObjectFileError) {
    guard let sections else { return nil }
    self.sections = sections
    units = try sections.withUnsafeBytes { (bytes) throws(ObjectFileError) in
      let reader = try DWARFReader(sections, bytes)
      return [.present, .linesOnly].contains(reader.presence) ? try Self.units(reader) : []
    }
    if units.isEmpty { return nil }
  }

  /// The line of the instruction at a virtual address of an image; nil where no table speaks of it.
  public mutating func line(at address: VirtualAddress) throws(ObjectFileError) -> SourceLine? {
    try line(in: nil, at: address.rawValue)
  }

  /// The line of the instruction at an offset in a section of an object.
  public mutating func line(inSection section: Int, at offset: UInt64) throws(ObjectFileError) -> SourceLine? {
    try line(in: section, at: offset)
  }

  /// Where the lines change in `start ..< start + byteCount` of an object's section, ascending and each place once: the first row
  /// holds at `start` or begins behind it, and `line` is nil where no line of the source is meant.
  public mutating func changes(
    inSection section: Int, from start: UInt64, byteCount: UInt64
  ) throws(ObjectFileError) -> [(offset: UInt64, line: SourceLine?)] {
    let (sum, overflow) = start.addingReportingOverflow(byteCount)
    let end = overflow ? .max : sum
    var result: [(offset: UInt64, line: SourceLine?)] = []
    for unit in units
    where byteCount > 0 && (unit.ranges.isEmpty || unit.ranges.contains { $0.overlaps(section, start, end) }) {
      let table = try table(of: unit)
      for row in table.rows(section, from: start, to: end) {
        let line =
          row.endsSequence || row.line == 0 ? nil : SourceLine(file: table.files[row.file] ?? "", line: Int(row.line))
        let offset = max(row.offset, start)
        // Of rows of one place the last one counts.
        if result.last?.offset == offset { result.removeLast() }
        if result.isEmpty ? line != nil : result[result.count - 1].line != line { result.append((offset, line)) }
      }
      if !result.isEmpty { break }
    }
    return result
  }

  private mutating func line(in section: Int?, at offset: UInt64) throws(ObjectFileError) -> SourceLine? {
    for unit in units where unit.ranges.isEmpty || unit.ranges.contains(where: { $0.contains(section, offset) }) {
      let table = try table(of: unit)
      // Line 0 is code that the compiler made for no line of the source (DWARF 5, 6.2.2).
      guard let row = table.row(section, offset), row.line > 0 else { continue }
      return SourceLine(file: table.files[row.file] ?? "", line: Int(row.line))
    }
    return nil
  }

  private mutating func table(of unit: Unit) throws(ObjectFileError) -> Table {
    if let known = tables[unit.index] { return known }
    let sections = sections
    let table = try sections.withUnsafeBytes { (bytes) throws(ObjectFileError) in
      let reader = try DWARFReader(sections, bytes)
      return try Table(at: unit.table, in: unit.index, reader)
    }
    tables[unit.index] = table
    return table
  }

  private static func units(_ reader: DWARFReader) throws(ObjectFileError) -> [Unit] {
    var result: [Unit] = []
    for (index, unit) in reader.units.enumerated() {
      guard case .compile = unit.kind, let table = unit.attributes.lineTable else { continue }
      let attributes = unit.attributes
      let ranges = try reader.codeRanges(
        lowPC: attributes.lowPC, highPC: attributes.highPC, ranges: attributes.ranges, in: index)
      result.append(Unit(index: index, ranges: ranges.compactMap(Span.init), table: table))
    }
    return result
  }
}

extension DWARFLines {
  /// A range of code, in one section of an object or in an image.
  fileprivate struct Span: Sendable {
    var section: Int?
    var start: UInt64
    var byteCount: UInt64

    init?(_ range: DWARFRange) {
      switch range.start {
      case .address(let address): (section, start) = (nil, address.rawValue)
      case .section(let index, let offset): (section, start) = (index, offset)
      case .symbol: return nil
      }
      byteCount = range.byteCount
    }

    func contains(_ section: Int?, _ offset: UInt64) -> Bool {
      section == self.section && offset >= start && offset - start < byteCount
    }

    func overlaps(_ section: Int, _ start: UInt64, _ end: UInt64) -> Bool {
      section == self.section && self.start < end && (start <= self.start || start - self.start < byteCount)
    }
  }

  fileprivate struct Table: Sendable {
    /// Ascending by section and place; where a sequence ends, a row that says nothing.
    var rows: [DWARFLineRow]
    var files: [UInt64: String]

    init(at offset: Int, in unit: Int, _ reader: DWARFReader) throws(ObjectFileError) {
      let header = try DWARFLineHeader(at: offset, in: unit, reader)
      var program = DWARFLineProgram(header, reader)
      rows = try program.run()
      files = [:]
      for file in Set(rows.map(\.file)) { files[file] = try header.path(ofFile: file, reader) }
    }

    /// The row that holds at `start`, if one does, and those up to `end`.
    func rows(_ section: Int, from start: UInt64, to end: UInt64) -> ArraySlice<DWARFLineRow> {
      let first = index(after: section, start)
      let holds = first > 0 && rows[first - 1].section == section && !rows[first - 1].endsSequence
      let last = max(first, end > start ? index(after: section, end - 1) : first)
      return rows[(holds ? first - 1 : first)..<last]
    }

    /// The last row at or before the place, unless its sequence has ended by then.
    func row(_ section: Int?, _ offset: UInt64) -> DWARFLineRow? {
      let low = index(after: section, offset)
      guard low > 0, rows[low - 1].section == section, !rows[low - 1].endsSequence else { return nil }
      return rows[low - 1]
    }

    /// The first row behind a place.
    private func index(after section: Int?, _ offset: UInt64) -> Int {
      rows.partitioningIndex { ($0.section ?? -1, $0.offset) > (section ?? -1, offset) }
    }
  }
}
