/// Writes rebase opcodes.
public enum MachORebaseEncoder {
  /// The stream for a set of words: the same for the same set, whatever their order.
  ///
  /// It ends with REBASE_OPCODE_DONE; no words give an empty stream.
  ///
  /// - Throws: `unsupportedFixup` for a segment beyond the sixteenth, which no opcode can name.
  public static func encode(
    _ places: some Sequence<MachOFixupPlace>, file: String
  ) throws(ObjectFileError) -> [UInt8] {
    let sorted = Set(places).sorted()
    guard !sorted.isEmpty else { return [] }
    var stream = OpcodeStream()
    stream.append(.setType, UInt8(MachORebaseOpcode.pointerType))
    // Where dyld stands after what has been written.
    var position: MachOFixupPlace?
    for run in MachOFixupRuns(sorted) {
      try stream.move(from: position, to: run[0], file: file)
      position = stream.append(run)
    }
    stream.append(.done)
    return stream.bytes.bytes
  }

  /// A stream made as long as its room is, by opcodes that do nothing.
  ///
  /// dyld refuses a stream of which more than 15 bytes follow REBASE_OPCODE_DONE (8 in some versions): room cannot be
  /// filled with zeros (dyld, common/MachOAnalyzer.cpp, forEachRebase_Opcodes; mach_o/RebaseOpcodes.cpp).
  ///
  /// - Precondition: `byteCount` is not less than the stream's length.
  public static func padded(_ stream: [UInt8], to byteCount: Int) -> [UInt8] {
    let nothing = MachORebaseOpcode.setType.rawValue | UInt8(MachORebaseOpcode.pointerType)
    return [UInt8](repeating: nothing, count: byteCount - stream.count) + stream
  }
}

/// Sorted places as runs of equal distances, none of which goes on into another segment.
///
/// A run of more than two words that do not touch leaves its last word to the next run, so that dyld stands at a word
/// afterwards and not behind a gap that nothing needs.
struct MachOFixupRuns: Sequence, IteratorProtocol {
  private let sorted: [MachOFixupPlace]
  private var index = 0

  /// - Precondition: sorted, each place once.
  init(_ sorted: [MachOFixupPlace]) { self.sorted = sorted }

  mutating func next() -> MachOFixupRun? {
    guard index < sorted.count else { return nil }
    let first = sorted[index]
    let word = Int64(MachOFixupPlace.wordByteCount)
    let stride = distance(from: index) ?? word
    var count = 1
    while distance(from: index + count - 1) == stride { count += 1 }
    if stride != word && count > 1 { count -= 1 }
    index += count
    return MachOFixupRun(segment: first.segment, offset: first.offset, count: UInt64(count), stride: stride)
  }

  private func distance(from index: Int) -> Int64? {
    guard index + 1 < sorted.count, sorted[index + 1].segment == sorted[index].segment else { return nil }
    return Int64(exactly: sorted[index + 1].offset - sorted[index].offset)
  }
}

private struct OpcodeStream {
  var bytes = TableBytes()

  mutating func append(_ opcode: MachORebaseOpcode, _ immediate: UInt8 = 0) {
    bytes.append(opcode.rawValue | immediate)
  }

  mutating func append(_ opcode: MachORebaseOpcode, uleb: UInt64) {
    append(opcode)
    bytes.append(uleb: uleb)
  }

  mutating func move(
    from position: MachOFixupPlace?, to place: MachOFixupPlace, file: String
  ) throws(ObjectFileError) {
    guard let position, position.segment == place.segment, position.offset <= place.offset else {
      let segment = try segmentImmediate(place.segment, file: file)
      append(.setSegmentAndOffset, segment)
      return bytes.append(uleb: place.offset)
    }
    let distance = place.offset - position.offset
    if distance == 0 { return }
    let words = distance / MachOFixupPlace.wordByteCount
    if distance.isMultiple(of: MachOFixupPlace.wordByteCount) && words < 16 {
      append(.addAddressScaled, UInt8(words))
    } else {
      append(.addAddress, uleb: distance)
    }
  }

  /// Writes a run at whose first word dyld stands, and returns where it stands then.
  mutating func append(_ run: MachOFixupRun) -> MachOFixupPlace {
    let skip = UInt64(bitPattern: run.stride) &- MachOFixupPlace.wordByteCount
    switch (run.count, skip) {
    case (1..<16, 0): append(.rebaseImmediateTimes, UInt8(run.count))
    case (_, 0): append(.rebaseTimes, uleb: run.count)
    case (1, _): append(.rebaseAddAddress, uleb: skip)
    default:
      append(.rebaseTimesSkipping, uleb: run.count)
      bytes.append(uleb: skip)
    }
    return run[run.count]
  }
}

/// A segment's number as the immediate of REBASE_ and BIND_OPCODE_SET_SEGMENT_AND_OFFSET_ULEB.
func segmentImmediate(_ segment: Int, file: String) throws(ObjectFileError) -> UInt8 {
  guard let immediate = UInt8(exactly: segment), immediate < 16 else {
    throw ObjectFileError(
      .unsupportedFixup, file: file, detail: "a fixup in segment \(segment), and opcodes know 16 segments")
  }
  return immediate
}
