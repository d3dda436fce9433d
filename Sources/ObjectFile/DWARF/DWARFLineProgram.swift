import Addressing

/// A row of a line table: from this place on the code is of this line.
struct DWARFLineRow: Sendable {
  /// Nil in an image.
  var section: Int?
  var offset: UInt64
  var file: UInt64
  var line: UInt32
  var endsSequence: Bool
}

/// Runs the program that a line table is written as (DWARF 5, 6.2.5).
struct DWARFLineProgram {
  private let header: DWARFLineHeader
  private let reader: DWARFReader
  private var cursor: DWARFCursor
  private var sequence: [DWARFLineRow] = []
  private var rows: [DWARFLineRow] = []

  // The state machine's registers. `place` is nil while the sequence is of code that the linker has dropped.
  private var place: DWARFLocation?
  private var file: UInt64 = 1
  private var line: UInt32 = 1

  init(_ header: DWARFLineHeader, _ reader: DWARFReader) {
    self.header = header
    self.reader = reader
    cursor = DWARFCursor(reader.section(.lines), at: header.program.lowerBound, end: header.program.upperBound)
  }

  /// The rows of all sequences, ascending by section and place.
  mutating func run() throws(ObjectFileError) -> [DWARFLineRow] {
    guard header.lineRange > 0 || cursor.isAtEnd else {
      throw reader.malformed("a line table has a line range of 0", at: header.program.lowerBound, in: .lines)
    }
    while !cursor.isAtEnd {
      try reader.charge(16)
      let opcode = cursor.u8()
      if opcode >= header.opcodeBase {
        special(opcode)
      } else if opcode == 0 {
        extended()
      } else {
        standard(opcode)
      }
    }
    if cursor.failed {
      throw reader.malformed("a line table ends within an instruction", at: header.program.lowerBound, in: .lines)
    }
    // Sequences stand in any order. Within equal places the last row counts, but the end of one sequence does not hide
    // the start of the next.
    let order = rows.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      let (first, second) = ((a.section ?? -1, a.offset), (b.section ?? -1, b.offset))
      if first != second { return first < second }
      if a.endsSequence != b.endsSequence { return a.endsSequence }
      return left.offset < right.offset
    }
    return order.map(\.element)
  }

  private mutating func special(_ opcode: UInt8) {
    let adjusted = opcode - header.opcodeBase
    advance(by: UInt64(adjusted / header.lineRange))
    line = line &+ UInt32(truncatingIfNeeded: Int(header.lineBase) + Int(adjusted % header.lineRange))
    emit()
  }

  private mutating func standard(_ opcode: UInt8) {
    switch opcode {
    case 1: emit()
    case 2: advance(by: cursor.uleb())
    case 3: line = line &+ UInt32(truncatingIfNeeded: cursor.sleb())
    case 4: file = cursor.uleb()
    case 5: cursor.skipLEB()
    case 8: advance(by: UInt64((255 - header.opcodeBase) / header.lineRange))
    case 9: place = place?.advanced(by: UInt64(cursor.u16()))
    case 6, 7, 10, 11: break
    case 12: cursor.skipLEB()
    default:
      // An opcode of a later version: the header says how many operands it has.
      for _ in 0..<header.operandCounts[Int(opcode) - 1] { cursor.skipLEB() }
    }
  }

  private mutating func extended() {
    let byteCount = cursor.uleb()
    let start = cursor.offset
    guard !cursor.failed, byteCount > 0, byteCount <= UInt64(cursor.end - start) else { return cursor.skip(byteCount) }
    switch cursor.u8() {
    case 1:
      emit(endsSequence: true)
      rows += sequence
      sequence = []
      (place, file, line) = (nil, 1, 1)
    case 2:
      let position = cursor.offset
      place = reader.location(of: cursor.u64(), in: .lines, at: position)
    default: break
    }
    if !cursor.failed { cursor.move(to: start + Int(byteCount)) }
  }

  private mutating func advance(by operation: UInt64) {
    place = place?.advanced(by: operation &* UInt64(header.minimumInstructionLength))
  }

  private mutating func emit(endsSequence: Bool = false) {
    let (section, offset): (Int?, UInt64)
    switch place {
    case .address(let address): (section, offset) = (nil, address.rawValue)
    case .section(let index, let position): (section, offset) = (index, position)
    case .symbol, nil: return
    }
    sequence.append(
      DWARFLineRow(section: section, offset: offset, file: file, line: line, endsSequence: endsSequence))
  }
}
