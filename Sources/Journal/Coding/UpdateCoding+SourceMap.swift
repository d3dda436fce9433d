import Addressing

extension UpdateEncoder {
  mutating func append(_ map: SourceMap) throws(JournalError) {
    writer.append(count: map.files.count)
    for file in map.files { writer.append(file) }
    writer.append(count: map.bodies.count)
    var last: VirtualAddress?
    for body in map.bodies {
      if let last, body.start < last { throw refusal("the lines at \(body.start) are out of order") }
      guard let end = body.start.advanced(by: UInt64(body.byteCount)) else {
        throw refusal("the body at \(body.start) leaves the address space")
      }
      last = end
      writer.append(body.start)
      writer.append(varint: UInt64(body.byteCount))
      try append(payload: try LineCoding.encode(body, fileCount: map.files.count), .lines(body.start))
    }
  }
}

extension UpdateDecoder {
  mutating func sourceMap() throws(JournalError) -> SourceMap {
    var map = SourceMap()
    for _ in 0..<(try reader.count()) { map.files.append(try reader.text()) }
    var last: VirtualAddress?
    for _ in 0..<(try reader.count()) {
      let start = try reader.address()
      let byteCount = try reader.varint32()
      guard let end = start.advanced(by: UInt64(byteCount)), last.map({ $0 <= start }) ?? true else {
        throw reader.refusal("the lines of bodies are out of order")
      }
      last = end
      let rows = try LineCoding.decode(try payload(), within: byteCount, fileCount: map.files.count)
      map.bodies.append(BodyLines(start: start, byteCount: byteCount, rows: rows))
    }
    if map.isEmpty { throw reader.refusal("there are no lines, where the encoding version says that there are") }
    return map
  }
}

/// The rows of one body, a byte string by themselves: the journal keeps it with the rows of the body before as dictionary, of
/// which an edit changes a few. Each row tells what differs from the one before, so that what moved as a whole stays equal.
enum LineCoding {
  static func encode(_ body: BodyLines, fileCount: Int) throws(JournalError) -> [UInt8] {
    var rows = ByteWriter()
    var previous = BodyLines.Row(offset: 0, file: 0, line: 0)
    for (index, row) in body.rows.enumerated() {
      guard row.offset < body.byteCount, index == 0 || row.offset > previous.offset, row.file >= 0, row.file < fileCount
      else { throw JournalError(.invalidUpdate, address: body.start, detail: "the lines of a body contradict it") }
      let isOtherFile = row.file != previous.file
      rows.append(varint: UInt64(row.offset - previous.offset) << 1 | (isOtherFile ? 1 : 0))
      if isOtherFile { rows.append(count: row.file) }
      rows.append(signed: Int64(row.line) - Int64(previous.line))
      previous = row
    }
    if body.rows.isEmpty { throw JournalError(.invalidUpdate, address: body.start, detail: "a body has no lines") }
    return rows.bytes
  }

  static func decode(
    _ bytes: [UInt8], within byteCount: UInt32, fileCount: Int
  ) throws(JournalError) -> [BodyLines.Row] {
    var reader = ByteReader(bytes, refusingWith: .malformedUpdate)
    var rows: [BodyLines.Row] = []
    var previous = BodyLines.Row(offset: 0, file: 0, line: 0)
    while reader.remainingCount > 0 {
      let head = try reader.varint()
      let isOtherFile = head & 1 == 1
      let file = isOtherFile ? try reader.varint() : UInt64(previous.file)
      let (line, overflow) = Int64(previous.line).addingReportingOverflow(try reader.signed())
      let offset = UInt64(previous.offset) + (head >> 1)
      guard head > 1 || rows.isEmpty, let offset = UInt32(exactly: offset), offset < byteCount,
        file < UInt64(fileCount), !isOtherFile || file != UInt64(previous.file), !overflow,
        let line = UInt32(exactly: line)
      else { throw reader.refusal("the lines of a body contradict it") }
      previous = BodyLines.Row(offset: offset, file: Int(file), line: line)
      rows.append(previous)
    }
    if rows.isEmpty { throw reader.refusal("a body has no lines") }
    return rows
  }
}
