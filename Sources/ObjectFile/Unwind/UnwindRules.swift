/// Where a function's caller finds its registers, at one place in the function: what the instructions of a CIE and an FDE
/// come to there (DWARF 5, 6.4.2).
public struct UnwindRules: Hashable, Sendable {
  public enum Frame: Hashable, Sendable {
    case register(UInt64, offset: Int64)
    case expression([UInt8])
  }

  public enum Rule: Hashable, Sendable {
    /// Has no value in the caller. Of the return address: there is no caller.
    case undefined
    case sameValue
    /// Stored that far from the frame's address.
    case stored(Int64)
    /// That far from the frame's address itself.
    case computed(Int64)
    case register(UInt64)
    /// Stored at the expression's value, which begins with the frame's address on the stack.
    case storedAt([UInt8])
    case valueOf([UInt8])
  }

  /// The frame's address (CFA): the stack pointer before the call.
  public var frame: Frame?
  /// Registers without a rule keep their value.
  public var rules: [UInt64: Rule] = [:]

  private static let deepestMemory = 64

  public init(frame: Frame? = nil, rules: [UInt64: Rule] = [:]) {
    self.frame = frame
    self.rules = rules
  }

  /// - Parameter offset: of the place in the function, in bytes.
  /// - Returns: nil where an instruction is unknown or malformed.
  public init?(_ common: UnwindCommonInformation, _ description: UnwindDescription, at offset: UInt64) {
    self.init()
    guard run(common.instructions, common, upTo: .max, initial: nil) else { return nil }
    let initial = self
    guard run(description.instructions, common, upTo: offset, initial: initial) else { return nil }
  }

  private init() {}

  private mutating func run(
    _ instructions: [UInt8], _ common: UnwindCommonInformation, upTo offset: UInt64, initial: UnwindRules?
  ) -> Bool {
    instructions.withUnsafeBytes { bytes in
      var cursor = DWARFCursor(bytes, at: 0)
      var memory: [UnwindRules] = []
      var location: UInt64 = 0
      while !cursor.isAtEnd {
        let code = cursor.u8()
        if let delta = Self.advance(code, &cursor) {
          let (distance, overflow) = delta.multipliedReportingOverflow(by: common.codeAlignment)
          let (next, wraps) = location.addingReportingOverflow(distance)
          guard !cursor.failed, !overflow, !wraps else { return false }
          // The rules up to here hold from `location` up to `next`.
          if next > offset { return true }
          location = next
        } else if code == 0x0a {
          guard memory.count < Self.deepestMemory else { return false }
          memory.append(self)
        } else if code == 0x0b {
          guard let last = memory.popLast() else { return false }
          self = last
        } else {
          guard apply(code, &cursor, bytes, common, initial) else { return false }
        }
      }
      return !cursor.failed
    }
  }

  /// By how many units of code the location moves on; nil for other instructions.
  private static func advance(_ code: UInt8, _ cursor: inout DWARFCursor) -> UInt64? {
    switch code {
    case 0x40..<0x80: UInt64(code & 0x3f)
    case 0x02: UInt64(cursor.u8())
    case 0x03: UInt64(cursor.u16())
    case 0x04: UInt64(cursor.u32())
    default: nil
    }
  }

  private mutating func apply(
    _ code: UInt8, _ cursor: inout DWARFCursor, _ bytes: UnsafeRawBufferPointer, _ common: UnwindCommonInformation,
    _ initial: UnwindRules?
  ) -> Bool {
    let unit = common.dataAlignment
    switch code {
    case 0x80..<0xc0: return set(UInt64(code & 0x3f), .stored(Self.scaled(cursor.uleb(), unit)))
    case 0xc0...: return restore(UInt64(code & 0x3f), initial)
    case 0x00: return true
    case 0x05: return set(cursor.uleb(), .stored(Self.scaled(cursor.uleb(), unit)))
    case 0x06: return restore(cursor.uleb(), initial)
    case 0x07: return set(cursor.uleb(), .undefined)
    case 0x08: return set(cursor.uleb(), .sameValue)
    case 0x09: return set(cursor.uleb(), .register(cursor.uleb()))
    case 0x0c: frame = .register(cursor.uleb(), offset: Int64(bitPattern: cursor.uleb()))
    case 0x0d: return moveFrame(register: cursor.uleb(), offset: nil)
    case 0x0e: return moveFrame(register: nil, offset: Int64(bitPattern: cursor.uleb()))
    case 0x0f: frame = .expression(Self.block(&cursor, bytes))
    case 0x10: return set(cursor.uleb(), .storedAt(Self.block(&cursor, bytes)))
    case 0x11: return set(cursor.uleb(), .stored(cursor.sleb() &* unit))
    case 0x12: frame = .register(cursor.uleb(), offset: cursor.sleb() &* unit)
    case 0x13: return moveFrame(register: nil, offset: cursor.sleb() &* unit)
    case 0x14: return set(cursor.uleb(), .computed(Self.scaled(cursor.uleb(), unit)))
    case 0x15: return set(cursor.uleb(), .computed(cursor.sleb() &* unit))
    case 0x16: return set(cursor.uleb(), .valueOf(Self.block(&cursor, bytes)))
    // DW_CFA_GNU_args_size: for whoever leaves the frame by an exception.
    case 0x2e: _ = cursor.uleb()
    // DW_CFA_GNU_negative_offset_extended.
    case 0x2f: return set(cursor.uleb(), .stored(0 &- Self.scaled(cursor.uleb(), unit)))
    default: return false
    }
    return true
  }

  private mutating func set(_ register: UInt64, _ rule: Rule) -> Bool {
    rules[register] = rule
    return true
  }

  private mutating func restore(_ register: UInt64, _ initial: UnwindRules?) -> Bool {
    guard let initial else { return false }
    rules[register] = initial.rules[register]
    return true
  }

  private mutating func moveFrame(register: UInt64?, offset: Int64?) -> Bool {
    guard case .register(let former, let formerOffset) = frame else { return false }
    frame = .register(register ?? former, offset: offset ?? formerOffset)
    return true
  }

  private static func scaled(_ value: UInt64, _ unit: Int64) -> Int64 { Int64(bitPattern: value) &* unit }

  private static func block(_ cursor: inout DWARFCursor, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let count = cursor.uleb()
    let start = cursor.offset
    cursor.skip(count)
    return cursor.failed ? [] : Array(bytes[start..<cursor.offset])
  }
}
