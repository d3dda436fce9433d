/// A CIE of `.eh_frame`: what several functions' unwind information has in common (LSB Core, Exception Frames; DWARF 5,
/// 6.4.1).
public struct UnwindCommonInformation: Hashable, Sendable {
  public var codeAlignment: UInt64
  public var dataAlignment: Int64
  public var returnAddressRegister: UInt64
  /// The frame is one that the kernel made for a signal handler: what it leads to was interrupted anywhere.
  public var isSignalFrame = false
  /// Whether the augmentation begins with `z`: FDEs then tell how long theirs is.
  var hasAugmentation = false
  /// How functions' addresses stand in the FDEs.
  public var addressEncoding = UnwindPointerEncoding.absolute
  /// How exception tables' addresses (LSDA) stand there; nil where FDEs have none.
  public var exceptionTableEncoding: UnwindPointerEncoding?
  /// The routine that reads the exception tables: where its field is, in bytes from the record's start.
  public var personality: Field?
  public var instructions: [UInt8]
  /// What the augmentation string has besides `z`, and needs no field: `S` and `B`.
  public var plainAugmentation: [UInt8] = []

  public struct Field: Hashable, Sendable {
    public var offset: Int
    public var encoding: UnwindPointerEncoding
  }

  /// - Parameter record: from its length word on, no more than it says.
  /// - Returns: nil for what is malformed or of a kind that no compiler for x86-64 writes.
  public init?(_ record: [UInt8]) {
    let parsed = record.withUnsafeBytes { Self.parse($0) }
    guard let parsed else { return nil }
    self = parsed
  }

  private init(_ code: UInt64, _ data: Int64, _ register: UInt64) {
    codeAlignment = code
    dataAlignment = data
    returnAddressRegister = register
    instructions = []
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) -> Self? {
    var cursor = DWARFCursor(bytes, at: 4)
    guard cursor.u32() == 0, case let version = cursor.u8(), version == 1 || version == 3 else { return nil }
    let augmentation = cursor.string()
    let code = cursor.uleb()
    let data = cursor.sleb()
    let register = version == 1 ? UInt64(cursor.u8()) : cursor.uleb()
    var result = Self(code, data, register)
    var letters = bytes[augmentation]
    if !letters.isEmpty {
      result.hasAugmentation = true
      guard letters.removeFirst() == UInt8(ascii: "z"), case let byteCount = cursor.uleb(), !cursor.failed,
        byteCount <= UInt64(cursor.end - cursor.offset), result.read(letters, &cursor, upTo: Int(byteCount))
      else { return nil }
    }
    guard !cursor.failed else { return nil }
    result.instructions = Array(bytes[cursor.offset...])
    return result
  }

  /// The letters of the augmentation string, each with its data.
  private mutating func read(
    _ letters: Slice<UnsafeRawBufferPointer>, _ cursor: inout DWARFCursor, upTo byteCount: Int
  ) -> Bool {
    let end = cursor.offset + byteCount
    for letter in letters {
      switch letter {
      case UInt8(ascii: "R"): addressEncoding = UnwindPointerEncoding(rawValue: cursor.u8())
      case UInt8(ascii: "L"): exceptionTableEncoding = UnwindPointerEncoding(rawValue: cursor.u8())
      case UInt8(ascii: "P"):
        let encoding = UnwindPointerEncoding(rawValue: cursor.u8())
        guard let count = encoding.byteCount else { return false }
        personality = Field(offset: cursor.offset, encoding: encoding)
        cursor.skip(count)
      case UInt8(ascii: "S"), UInt8(ascii: "B"):
        isSignalFrame = isSignalFrame || letter == UInt8(ascii: "S")
        plainAugmentation.append(letter)
      default: return false
      }
    }
    guard !cursor.failed, cursor.offset <= end else { return false }
    cursor.move(to: end)
    return !cursor.failed
  }
}

/// An FDE of `.eh_frame`: one function's unwind information. Offsets are in bytes from the record's start.
public struct UnwindDescription: Hashable, Sendable {
  public static let addressOffset = 8
  /// Of the function, in bytes.
  public var byteCount: UInt64
  /// Where the field with the exception table's address is; nil where there is none.
  public var exceptionTableOffset: Int?
  public var instructions: [UInt8]
  /// Where the instructions begin in the record.
  public var instructionOffset: Int

  /// As for `UnwindCommonInformation`.
  public init?(_ record: [UInt8], _ common: UnwindCommonInformation) {
    guard let addressByteCount = common.addressEncoding.byteCount else { return nil }
    let lengthOffset = Self.addressOffset + addressByteCount
    guard record.count >= lengthOffset + addressByteCount,
      let byteCount = common.addressEncoding.length(record[lengthOffset..<lengthOffset + addressByteCount])
    else { return nil }
    self.byteCount = byteCount
    var offset = lengthOffset + addressByteCount
    if common.hasAugmentation {
      let end: Int? = record.withUnsafeBytes { bytes in
        var cursor = DWARFCursor(bytes, at: offset)
        let count = cursor.uleb()
        guard !cursor.failed, count <= UInt64(bytes.count - cursor.offset) else { return nil }
        offset = cursor.offset
        return offset + Int(count)
      }
      guard let end else { return nil }
      if let encoding = common.exceptionTableEncoding, encoding != .omitted {
        guard let count = encoding.byteCount, count <= end - offset else { return nil }
        exceptionTableOffset = offset
      }
      offset = end
    }
    instructionOffset = offset
    instructions = Array(record[offset...])
  }
}

/// The records of an `.eh_frame` one after the other.
public struct UnwindRecordSequence {
  public struct Record: Hashable, Sendable {
    /// In bytes from the section's start, to the length word.
    public var range: Range<Int>
    /// Where the record's CIE begins; nil for a CIE.
    public var commonInformation: Int?
  }

  public private(set) var records: [Record] = []
  /// Where the sequence ends that could be read: at a zero length word, at the end, or before what is malformed.
  public private(set) var end = 0
  public private(set) var isWhole = false

  public init(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      while end + 4 <= buffer.count {
        var cursor = DWARFCursor(buffer, at: end)
        let count = cursor.u32()
        // Linkers put terminators between the parts of several objects: only crtend.o's is the last.
        if count == 0 {
          end += 4
          continue
        }
        // 0xffffffff begins the 64-bit form, which nobody writes.
        guard count >= 4, count < UInt32.max, UInt64(count) <= UInt64(buffer.count - end - 4) else { return }
        let distance = cursor.u32()
        let next = end + 4 + Int(count)
        var common: Int?
        if distance != 0 {
          guard UInt64(distance) <= UInt64(end + 4) else { return }
          common = end + 4 - Int(distance)
        }
        records.append(Record(range: end..<next, commonInformation: common))
        end = next
      }
      isWhole = end == buffer.count
    }
  }
}
