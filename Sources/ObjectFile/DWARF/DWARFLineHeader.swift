/// The header of a unit's line table: the names of its source files, and how its program is written (DWARF 5, 6.2.4).
struct DWARFLineHeader {
  var version: UInt16 = 0
  var minimumInstructionLength: UInt8 = 1
  var defaultIsStatement = true
  var lineBase: Int8 = 0
  var lineRange: UInt8 = 1
  var opcodeBase: UInt8 = 1
  /// Operands of each standard opcode, from opcode 1 on.
  var operandCounts: [UInt8] = []
  /// Offsets in `.debug_line`.
  var program = 0..<0
  private var directories: [DWARFValue] = []
  private var files: [File] = []
  /// The unit whose strings and directory the names refer to.
  private let unit: Int

  private struct File {
    var name: DWARFValue
    var directory: UInt64
  }

  init(at offset: Int, in unit: Int, _ reader: DWARFReader) throws(ObjectFileError) {
    self.unit = unit
    var cursor = DWARFCursor(reader.section(.lines), at: offset)
    let length = cursor.u32()
    if length == 0xffff_ffff { throw reader.failure(.unsupportedDWARF, "64-bit DWARF", at: offset, in: .lines) }
    let end = cursor.offset + Int(length)
    version = cursor.u16()
    guard !cursor.failed, end <= cursor.end else {
      throw reader.malformed("a line table runs past the end", at: offset, in: .lines)
    }
    guard (2...5).contains(version) else {
      throw reader.failure(.unsupportedDWARF, "line table version \(version)", at: offset, in: .lines)
    }
    if version >= 5 { cursor.skip(2) }
    let headerLength = Int(cursor.u32())
    program = min(cursor.offset + headerLength, end)..<end
    readParameters(&cursor)
    if version >= 5 {
      try readLists(&cursor, reader)
    } else {
      try readOldLists(&cursor, reader)
    }
    if cursor.failed { throw reader.malformed("a line table's header does not end", at: offset, in: .lines) }
  }

  private mutating func readParameters(_ cursor: inout DWARFCursor) {
    minimumInstructionLength = cursor.u8()
    if version >= 4 { cursor.skip(1) }
    defaultIsStatement = cursor.u8() != 0
    lineBase = Int8(bitPattern: cursor.u8())
    lineRange = cursor.u8()
    opcodeBase = cursor.u8()
    if opcodeBase > 1 { operandCounts = (1..<opcodeBase).map { _ in cursor.u8() } }
  }

  private mutating func readOldLists(_ cursor: inout DWARFCursor, _ reader: DWARFReader) throws(ObjectFileError) {
    while !cursor.failed {
      let name = cursor.string()
      try reader.charge(16)
      if name.isEmpty { break }
      directories.append(.string(.line, offset: name.lowerBound))
    }
    while !cursor.failed {
      let name = cursor.string()
      try reader.charge(16)
      if name.isEmpty { break }
      files.append(File(name: .string(.line, offset: name.lowerBound), directory: cursor.uleb()))
      cursor.skipLEB()
      cursor.skipLEB()
    }
  }

  private mutating func readLists(_ cursor: inout DWARFCursor, _ reader: DWARFReader) throws(ObjectFileError) {
    try readList(&cursor, reader) { directories.append($0.name) }
    try readList(&cursor, reader) { files.append($0) }
  }

  private func readList(
    _ cursor: inout DWARFCursor, _ reader: DWARFReader, _ append: (File) -> Void
  ) throws(ObjectFileError) {
    let format = (0..<Int(cursor.u8())).map { _ in (content: cursor.uleb(), form: cursor.uleb()) }
    let count = cursor.uleb()
    var index: UInt64 = 0
    while index < count && !cursor.failed {
      try reader.charge(16 + format.count)
      var file = File(name: .elsewhere, directory: 0)
      for (content, form) in format {
        let form = DWARFForm(rawValue: UInt16(clamping: form))
        let encoding = DWARFEncoding(unitStart: 0, version: 5)
        guard let value = cursor.value(form, implicit: 0, encoding) else {
          throw reader.unknown(form, at: cursor.offset)
        }
        // DW_LNCT_path, DW_LNCT_directory_index.
        if content == 1 { file.name = value.inLineTable }
        if content == 2 { file.directory = value.unsigned ?? 0 }
      }
      append(file)
      index += 1
    }
  }

  /// The path of a file as `DW_AT_decl_file` and the line program number it: from the compilation directory on where
  /// it was given so. Nil where there is no such file.
  func path(ofFile number: UInt64, _ reader: DWARFReader) throws(ObjectFileError) -> String? {
    let first: UInt64 = version >= 5 ? 0 : 1
    guard number >= first, number - first < UInt64(files.count) else { return nil }
    let file = files[Int(number - first)]
    guard let name = try reader.text(file.name, in: unit) else { return nil }
    if name.hasPrefix("/") { return name }
    let top = try reader.text(reader.units[unit].attributes.compilationDirectory, in: unit)
    guard let directory = try directory(file.directory, reader), directory != "." else {
      return top.map { $0 + "/" + name } ?? name
    }
    if directory.hasPrefix("/") { return directory + "/" + name }
    return (top.map { $0 + "/" } ?? "") + directory + "/" + name
  }

  /// Nil for the compilation directory.
  private func directory(_ index: UInt64, _ reader: DWARFReader) throws(ObjectFileError) -> String? {
    if index == 0 { return nil }
    let position = version >= 5 ? index : index - 1
    guard position < UInt64(directories.count) else { return nil }
    return try reader.text(directories[Int(position)], in: unit)
  }
}

extension DWARFValue {
  /// A string that stands in the field itself stands in `.debug_line` here.
  fileprivate var inLineTable: DWARFValue {
    if case .string(.info, let offset) = self { return .string(.line, offset: offset) }
    return self
  }
}
