import Addressing

/// What an instruction does to the flow of control.
enum ControlFlow: Hashable, Sendable {
  case next
  /// Goes to the target and returns; nil where the target is computed or read from memory.
  case call(VirtualAddress?)
  case jump(VirtualAddress?)
  case conditionalJump(VirtualAddress?)
  case `return`
  /// Nothing after it runs: `ud2`, `hlt`, `brk`.
  case stop

  var isJump: Bool {
    if case .jump = self { true } else { false }
  }

  var target: VirtualAddress? {
    switch self {
    case .call(let target), .jump(let target), .conditionalJump(let target): target
    case .next, .return, .stop: nil
    }
  }
}

/// One decoded instruction.
struct Instruction: Hashable, Sendable {
  /// In bytes from the start of what was decoded.
  var offset: Int
  var byteCount: Int
  var flow: ControlFlow
  /// The addresses that it names, with where.
  var references: [CodeReference]

  var end: Int { offset + byteCount }
}

/// An address that an instruction names in its own bytes.
struct CodeReference: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// A direct call or jump.
    case branch
    /// An operand in memory relative to the instruction, or at a fixed address.
    case memory
    /// The 4-byte displacement of an operand in memory that registers are added to: in code that does not slide often
    /// the start of a table, otherwise an offset in a structure.
    case indexed
    /// An immediate number; it need not be an address.
    case immediate
  }

  var kind: Kind
  var target: VirtualAddress
  /// Where its field lies, in bytes from the start of what was decoded; nil where it is not a field of whole bytes.
  var fieldOffset: Int?
  var fieldByteCount: Int
  /// How many bytes the instruction reads or writes there, where x86 code accesses memory; nil where it takes the address.
  var accessByteCount: Int?
}
