/// A DWARF expression as unwind information has it: for frames of signal handlers and of call stubs (DWARF 5, 2.5).
public struct UnwindExpression {
  private static let mostSteps = 1000
  private static let deepestStack = 64

  /// The value of a register; nil where it is not known.
  private let register: (UInt64) -> UInt64?
  /// The 8 bytes at an address; nil where nothing can be read.
  private let load: (UInt64) -> UInt64?
  private var stack: [UInt64] = []

  public init(register: @escaping (UInt64) -> UInt64?, load: @escaping (UInt64) -> UInt64?) {
    self.register = register
    self.load = load
  }

  /// - Parameter first: on the stack when the expression begins.
  /// - Returns: nil where something in it is unknown, malformed, cannot be read, or does not end.
  public mutating func value(of expression: [UInt8], first: UInt64?) -> UInt64? {
    stack = first.map { [$0] } ?? []
    return expression.withUnsafeBytes { bytes in
      var cursor = DWARFCursor(bytes, at: 0)
      var steps = 0
      while !cursor.isAtEnd {
        steps += 1
        guard steps <= Self.mostSteps, stack.count <= Self.deepestStack, step(cursor.u8(), &cursor) else { return nil }
      }
      return cursor.failed ? nil : stack.last
    }
  }

  private mutating func step(_ code: UInt8, _ cursor: inout DWARFCursor) -> Bool {
    switch code {
    case 0x30..<0x50: return push(UInt64(code - 0x30))
    case 0x70..<0x90: return pushRegister(UInt64(code - 0x70), cursor.sleb())
    case 0x92: return pushRegister(cursor.uleb(), cursor.sleb())
    case 0x03, 0x0e, 0x0f: return push(cursor.u64())
    case 0x08: return push(UInt64(cursor.u8()))
    case 0x09: return push(signed: Int64(Int8(bitPattern: cursor.u8())))
    case 0x0a: return push(UInt64(cursor.u16()))
    case 0x0b: return push(signed: Int64(Int16(bitPattern: cursor.u16())))
    case 0x0c: return push(UInt64(cursor.u32()))
    case 0x0d: return push(signed: Int64(Int32(bitPattern: cursor.u32())))
    case 0x10: return push(cursor.uleb())
    case 0x11: return push(signed: cursor.sleb())
    case 0x06:
      guard let address = stack.popLast(), let word = load(address) else { return false }
      return push(word)
    case 0x23:
      let addend = cursor.uleb()
      return unary { $0 &+ addend }
    case 0x1f: return unary { 0 &- $0 }
    case 0x20: return unary { ~$0 }
    case 0x28:
      let distance = cursor.u16()
      guard let condition = stack.popLast() else { return false }
      return condition == 0 || jump(distance, &cursor)
    case 0x2f: return jump(cursor.u16(), &cursor)
    case 0x96: return true
    default: return moveOnStack(code, &cursor) ?? binary(code)
    }
  }

  private mutating func push(_ value: UInt64) -> Bool {
    stack.append(value)
    return true
  }

  private mutating func push(signed value: Int64) -> Bool { push(UInt64(bitPattern: value)) }

  private mutating func pushRegister(_ number: UInt64, _ offset: Int64) -> Bool {
    guard let value = register(number) else { return false }
    return push(value &+ UInt64(bitPattern: offset))
  }

  private mutating func unary(_ body: (UInt64) -> UInt64) -> Bool {
    guard let value = stack.popLast() else { return false }
    return push(body(value))
  }

  private func jump(_ distance: UInt16, _ cursor: inout DWARFCursor) -> Bool {
    cursor.move(to: cursor.offset + Int(Int16(bitPattern: distance)))
    return !cursor.failed
  }

  /// dup, drop, over, pick, swap; nil for other operations.
  private mutating func moveOnStack(_ code: UInt8, _ cursor: inout DWARFCursor) -> Bool? {
    switch code {
    case 0x12: pick(0)
    case 0x13: stack.popLast() != nil
    case 0x14: pick(1)
    case 0x15: pick(Int(cursor.u8()))
    case 0x16:
      if let top = stack.popLast(), let next = stack.popLast() {
        push(top) && push(next)
      } else {
        false
      }
    default: nil
    }
  }

  private mutating func pick(_ depth: Int) -> Bool {
    guard depth < stack.count else { return false }
    return push(stack[stack.count - 1 - depth])
  }

  private mutating func binary(_ code: UInt8) -> Bool {
    guard let right = stack.popLast(), let left = stack.popLast() else { return false }
    let signedLeft = Int64(bitPattern: left)
    let signedRight = Int64(bitPattern: right)
    let result: UInt64
    switch code {
    case 0x1a: result = left & right
    case 0x1c: result = left &- right
    case 0x1e: result = left &* right
    case 0x21: result = left | right
    case 0x22: result = left &+ right
    case 0x24: result = right < 64 ? left << right : 0
    case 0x25: result = right < 64 ? left >> right : 0
    case 0x26: result = UInt64(bitPattern: signedLeft >> Int64(min(right, 63)))
    case 0x27: result = left ^ right
    case 0x29: result = left == right ? 1 : 0
    case 0x2a: result = signedLeft >= signedRight ? 1 : 0
    case 0x2b: result = signedLeft > signedRight ? 1 : 0
    case 0x2c: result = signedLeft <= signedRight ? 1 : 0
    case 0x2d: result = signedLeft < signedRight ? 1 : 0
    case 0x2e: result = left == right ? 0 : 1
    default: return false
    }
    return push(result)
  }
}
