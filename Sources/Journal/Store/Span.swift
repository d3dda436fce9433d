import Addressing

/// Bytes that an operation writes, by where they are.
struct Span {
  enum Space: Int64 {
    case memory = 0
    case file = 1
    /// The file's length: one span at 0, of no bytes.
    case length = 2
  }

  var space: Space
  var start: UInt64
  var byteCount: UInt64
  var after: [UInt8]

  /// Part 0 is what the operation itself writes, part n its nth record. Nil where a part writes nothing.
  /// Of an observed update, the last part is where a file holds the bytes of an address.
  static func of(_ operation: Operation, _ observation: Observation?) throws(JournalError) -> [Span?] {
    let spans = of(operation)
    guard let observation, let first = spans.first, let memory = first, memory.space == .memory else { return spans }
    let range = AddressRange(validating: VirtualAddress(memory.start), byteCount: memory.byteCount)
    guard let offset = range.flatMap(observation.fileOffset) else { return spans }
    return spans + [Span(space: .file, start: offset.rawValue, byteCount: memory.byteCount, after: memory.after)]
  }

  private static func of(_ operation: Operation) -> [Span?] {
    switch operation {
    case .write(let write):
      switch write.place {
      case .virtual(let address): [span(.memory, address.rawValue, write.after)]
      case .file(let offset): [span(.file, offset.rawValue, write.after)]
      }
    case .pointer(let pointer): [word(pointer.cell, pointer.wordAfter)] + pointer.records.map(record)
    case .bind(let bind): [word(bind.cell, bind.wordAfter)] + bind.records.map(record)
    case .resize(let resize): [Span(space: .length, start: 0, byteCount: 0, after: littleEndian(resize.after))]
    case .map, .protect: []
    }
  }

  private static func span(_ space: Space, _ start: UInt64, _ after: [UInt8]) -> Span? {
    after.isEmpty ? nil : Span(space: space, start: start, byteCount: UInt64(after.count), after: after)
  }

  private static func word(_ cell: VirtualAddress, _ value: UInt64) -> Span? {
    span(.memory, cell.rawValue, littleEndian(value))
  }

  private static func record(_ edit: FileEdit) -> Span? { span(.file, edit.offset.rawValue, edit.after) }

  private static func littleEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }
}
