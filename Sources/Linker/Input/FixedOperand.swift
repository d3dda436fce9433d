/// An x86-64 instruction one operand of which is memory at an address that its own bytes tell, as the compiler writes
/// it for a variable of the program's own: `x(%rip)`, or `x` with registers added in an image that does not slide.
///
/// Intel SDM volume 2, chapter 2: prefixes, REX, ModRM, SIB, VEX and EVEX.
struct FixedOperand: Hashable {
  private enum Encoding: Hashable { case legacy, vex2, vex3, evex }

  private enum Form: Hashable {
    /// `x(%rip)`
    case relative
    /// `x` or `x(,%index,scale)`
    case absolute
    /// `x(%register)` or `x(%register,%index,scale)`: the register's number.
    case based(UInt8)
  }

  private let bytes: [UInt8]
  private let field: Int
  private let encoding: Encoding
  /// Where REX, or the byte of VEX or EVEX that has REX.B's bit, stands.
  private let prefix: Int?
  private let opcode: Int
  private let form: Form
  /// The register that holds the operand's base in its stead: not one that the instruction names.
  let scratch: UInt8

  private var modRM: Int { opcode + 1 }
  private var hasIndexByte: Bool { field == modRM + 2 }

  /// Nil for what is no such operand, and for instructions that go by the stack pointer.
  ///
  /// - Parameters:
  ///   - bytes: of the one instruction.
  ///   - field: where the operand's 4-byte displacement stands in it.
  init?(_ bytes: [UInt8], field: Int) {
    guard let start = Start(bytes, before: field), field + 4 <= bytes.count else { return nil }
    self.bytes = bytes
    self.field = field
    encoding = start.encoding
    prefix = start.prefix
    opcode = start.opcode
    let modRM = start.opcode + 1
    guard modRM < field, let form = Self.form(bytes, modRM: modRM, field: field, start.base) else { return nil }
    self.form = form
    let register = bytes[modRM] >> 3 & 7 | start.register
    guard !Self.usesStack(bytes, start, register: register) else { return nil }
    var named: Set<UInt8> = [register, start.source]
    // Without REX the numbers 4 to 7 are %ah to %bh in instructions on bytes.
    if start.encoding == .legacy, start.prefix == nil, (4...7).contains(register) { named.insert(register - 4) }
    if field == modRM + 2 { named.insert(bytes[modRM + 1] >> 3 & 7 | start.index) }
    if case .based(let base) = form {
      guard base != 4 else { return nil }
      named.insert(base)
    }
    // %rsi, %rdi, %rbx: numbers without a prefix, and none that these instructions mean without naming it.
    guard let free = [6, 7, 3].first(where: { !named.contains($0) }) else { return nil }
    scratch = free
  }

  /// What leads up to the opcode.
  private struct Start {
    var encoding = Encoding.legacy
    var prefix: Int?
    var opcode: Int
    /// The high bits, 8 or 0, that prefixes add to the numbers of registers.
    var register: UInt8 = 0
    var index: UInt8 = 0
    var base: UInt8 = 0
    /// VEX.vvvv: a register named besides.
    var source: UInt8 = 0
    /// The map of opcodes: one byte, 0F, or longer ones.
    var map = 0

    init?(_ bytes: [UInt8], before field: Int) {
      var at = 0
      // Not those of segments (64, 65), nor of 32-bit addresses (67): they change what the operand is.
      while at < field, [0x66, 0xf0, 0xf2, 0xf3].contains(bytes[at]) { at += 1 }
      opcode = at
      guard bytes.count >= field, at + 4 < bytes.count else { return nil }
      switch bytes[at] {
      case 0xc5:
        encoding = .vex2
        opcode = at + 2
        map = 1
        register = bytes[at + 1] & 0x80 == 0 ? 8 : 0
        source = ~(bytes[at + 1] >> 3) & 15
      case 0xc4, 0x62:
        encoding = bytes[at] == 0xc4 ? .vex3 : .evex
        prefix = at + 1
        opcode = at + (encoding == .vex3 ? 3 : 4)
        map = 2
        spread(~(bytes[at + 1] >> 5))
        source = ~(bytes[at + 2] >> 3) & 15
      default:
        if bytes[at] & 0xf0 == 0x40 {
          prefix = at
          spread(bytes[at])
          at += 1
        }
        opcode = at
        guard at + 2 < bytes.count, bytes[at] == 0x0f else { return }
        map = [0x38, 0x3a].contains(bytes[at + 1]) ? 2 : 1
        opcode = at + map
      }
    }

    /// The bits R, X and B, from high to low.
    private mutating func spread(_ bits: UInt8) {
      register = bits & 4 == 0 ? 0 : 8
      index = bits & 2 == 0 ? 0 : 8
      base = bits & 1 == 0 ? 0 : 8
    }
  }

  private static func form(_ bytes: [UInt8], modRM: Int, field: Int, _ high: UInt8) -> Form? {
    let mode = bytes[modRM] >> 6
    let low = bytes[modRM] & 7
    let hasIndexByte = low == 4
    guard field == modRM + (hasIndexByte ? 2 : 1) else { return nil }
    let base = hasIndexByte ? bytes[modRM + 1] & 7 : low
    switch mode {
    case 0 where base == 5: return hasIndexByte ? .absolute : .relative
    case 2: return .based(base | high)
    default: return nil
    }
  }

  /// Whether it pushes, pops or calls, or has the stack pointer for an operand, which an island moves.
  private static func usesStack(_ bytes: [UInt8], _ start: Start, register: UInt8) -> Bool {
    let opcode = bytes[start.opcode]
    let digit = bytes[start.opcode + 1] >> 3 & 7
    guard start.map == 0 else {
      guard start.map == 1, start.encoding == .legacy, register == 4 else { return false }
      // Of those behind 0F the ones on general registers: cmovcc, bt and its like, imul, movzx, movsx, xadd, bsf …
      return (0x40...0x4f).contains(opcode) || (0xa3...0xc1).contains(opcode) && opcode != 0xae && opcode != 0xba
    }
    if opcode == 0x8f || opcode == 0xff && digit >= 2 { return true }
    let namesNone: Set<UInt8> = [
      0x80, 0x81, 0x83, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff,
    ]
    guard register == 4, !namesNone.contains(opcode), !(0xd8...0xdf).contains(opcode) else { return false }
    // What works on bytes means %ah, or %spl with a prefix that compilers do not write for it.
    let isOnBytes = opcode & 1 == 0 && (opcode < 0x40 || (0x84...0x8a).contains(opcode))
    return !isOnBytes
  }

  /// The instruction with the operand `displacement` bytes behind what `scratch` leads to.
  ///
  /// Where registers are added to the operand, `sum` comes first: it adds one of them to `scratch`.
  func rebased(displacement: Int32) -> (sum: [UInt8], instruction: [UInt8]) {
    var result = bytes
    result[modRM] = 0x80 | bytes[modRM] & 0x38 | (hasIndexByte ? 4 : scratch)
    if hasIndexByte { result[modRM + 1] = bytes[modRM + 1] & 0xf8 | scratch }
    if let prefix {
      // REX.B is 0 for the scratch register; VEX and EVEX hold it inverted.
      result[prefix] = encoding == .legacy ? result[prefix] & ~1 : result[prefix] | 0x20
    }
    result.put32(UInt32(bitPattern: displacement), at: field)
    guard case .based(let base) = form else { return ([], result) }
    // lea (%scratch,%base),%scratch changes no flags, as an addition would.
    let high: UInt8 = base >= 8 ? 2 : 0
    return ([0x48 | high, 0x8d, 0x04 | scratch << 3, (base & 7) << 3 | scratch], result)
  }
}
