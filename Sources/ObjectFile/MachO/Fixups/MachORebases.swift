/// The words to which dyld adds the slide: the rebase opcodes of LC_DYLD_INFO_ONLY, expanded as they are asked for.
///
/// Opcodes: `<mach-o/loader.h>`, REBASE_OPCODE_*. All of them are checked when the value is made: each word stands in the
/// file's part of a segment, and there are not more words than the segments can hold.
public struct MachORebases: Sequence, Sendable {
  private let stream: ByteView
  private let places: MachOSegmentPlaces

  /// - Parameter stream: `rebase_off`, `rebase_size`.
  public init(_ stream: ByteView, in places: MachOSegmentPlaces) throws(ObjectFileError) {
    (self.stream, self.places) = (stream, places)
    var decoder = MachORebaseDecoder(stream, in: places)
    while try decoder.next() != nil {}
  }

  public func makeIterator() -> Iterator { Iterator(MachORebaseDecoder(stream, in: places)) }

  public struct Iterator: IteratorProtocol {
    private var decoder: MachORebaseDecoder
    private var run: MachOFixupRun?
    private var index: UInt64 = 0

    init(_ decoder: MachORebaseDecoder) { self.decoder = decoder }

    public mutating func next() -> MachOFixupPlace? {
      if run == nil {
        // It was read to its end without an error before.
        guard let next = try? decoder.next() else { return nil }
        (run, index) = (next, 0)
      }
      guard let run else { return nil }
      defer {
        index += 1
        if index == run.count { self.run = nil }
      }
      return run[index]
    }
  }
}

/// The runs of words that the opcodes make.
struct MachORebaseDecoder: Sendable {
  private var cursor: MachOStreamCursor
  private var position: MachOFixupPosition
  private var isPointer = false

  init(_ stream: ByteView, in places: MachOSegmentPlaces) {
    cursor = MachOStreamCursor(stream)
    position = MachOFixupPosition(in: places)
  }

  mutating func next() throws(ObjectFileError) -> MachOFixupRun? {
    while !cursor.isAtEnd {
      let byte = try cursor.byte()
      guard let opcode = MachORebaseOpcode(rawValue: byte & 0xF0) else {
        throw cursor.failure(.unsupportedFixup, "rebase opcode 0x\(String(byte, radix: 16))")
      }
      if opcode == .done { return nil }
      if let run = try perform(opcode, immediate: UInt64(byte & 0x0F)) { return run }
    }
    return nil
  }

  private mutating func perform(
    _ opcode: MachORebaseOpcode, immediate: UInt64
  ) throws(ObjectFileError) -> MachOFixupRun? {
    switch opcode {
    case .done: break
    case .setType:
      // Types 2 and 3 are of 32-bit code (REBASE_TYPE_TEXT_*).
      guard immediate == MachORebaseOpcode.pointerType else {
        throw cursor.failure(.unsupportedFixup, "rebase type \(immediate)")
      }
      isPointer = true
    case .setSegmentAndOffset: position.set(segment: Int(immediate), offset: try cursor.uleb())
    case .addAddress: position.advance(by: try cursor.uleb())
    case .addAddressScaled: position.advance(by: immediate * MachOFixupPlace.wordByteCount)
    case .rebaseImmediateTimes: return try take(immediate, skip: 0)
    case .rebaseTimes: return try take(try cursor.uleb(), skip: 0)
    case .rebaseAddAddress: return try take(1, skip: try cursor.uleb())
    case .rebaseTimesSkipping:
      let count = try cursor.uleb()
      return try take(count, skip: try cursor.uleb())
    }
    return nil
  }

  private mutating func take(_ count: UInt64, skip: UInt64) throws(ObjectFileError) -> MachOFixupRun? {
    guard isPointer else { throw cursor.failure(.malformedFixups, "a rebase before its type is set") }
    return try position.take(count, skip: skip, cursor)
  }
}

/// The upper half of a byte of the stream; the lower half is its immediate (`<mach-o/loader.h>`, REBASE_OPCODE_*).
enum MachORebaseOpcode: UInt8 {
  case done = 0x00
  case setType = 0x10
  case setSegmentAndOffset = 0x20
  case addAddress = 0x30
  case addAddressScaled = 0x40
  case rebaseImmediateTimes = 0x50
  case rebaseTimes = 0x60
  case rebaseAddAddress = 0x70
  case rebaseTimesSkipping = 0x80

  /// REBASE_TYPE_POINTER
  static let pointerType: UInt64 = 1
}
