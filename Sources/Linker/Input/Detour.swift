import Addressing
import Journal

/// An instruction that names a library's variable as if it were the program's own (`mov stderr(%rip),%rdi`), as code
/// does that was not compiled with -fPIC. In a program that is linked whole the linker would give it a copy of the
/// variable; a running program cannot get one. The instruction becomes a jump to an island in the arena, which goes
/// through a cell and comes back.
struct Detour: Hashable {
  let name: String
  /// What the island does between reading the cell and going back.
  private let work: Work
  /// In bytes from the start of the variable.
  private let displacement: Int32

  private enum Work: Hashable {
    /// The instruction writes one whole register and does not read it: it serves to hold the variable's address.
    case load(Load)
    /// A register is kept on the stack meanwhile.
    case operand(FixedOperand)
  }

  private struct Load: Hashable {
    /// Without prefixes and ModRM.
    var opcode: [UInt8]
    var isWide: Bool
    var register: UInt8
  }

  static let roomByteCount: UInt64 = 64
  /// No-operations of one instruction, by their length (Intel SDM volume 2, NOP).
  private static let fillers: [[UInt8]] = [
    [], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0x00], [0x0f, 0x1f, 0x44, 0x00, 0x00],
    [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00], [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
    [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  ]

  /// Nil for instructions that an island cannot stand for.
  ///
  /// - Parameters:
  ///   - instruction: its bytes.
  ///   - field: where the relocation's field stands in it.
  ///   - addend: the relocation's, from the field's place where `isRelative`.
  init?(_ instruction: [UInt8], field: Int, name: String, addend: Int64, isRelative: Bool) {
    let distance = isRelative ? addend &+ Int64(instruction.count - field) : addend
    guard let displacement = Int32(exactly: distance), instruction.holdsField(at: field, count: 4),
      let work = Self.work(instruction, field: field, isRelative: isRelative)
    else { return nil }
    self.name = name
    self.displacement = displacement
    self.work = work
  }

  private static func work(_ instruction: [UInt8], field: Int, isRelative: Bool) -> Work? {
    guard let load = isRelative ? load(instruction, field: field) : address(instruction, field: field) else {
      return FixedOperand(instruction, field: field).map(Work.operand)
    }
    return .load(load)
  }

  /// `mov x(%rip),%reg` and its like.
  private static func load(_ instruction: [UInt8], field: Int) -> Load? {
    guard field + 4 == instruction.count else { return nil }
    var head = instruction.dropLast(4)
    guard let modRM = head.popLast() else { return nil }
    var prefix: UInt8 = 0
    if let first = head.first, first & 0xf0 == 0x40 {
      prefix = first
      head = head.dropFirst()
    }
    guard modRM & 0xc7 == 0x05, opcodes.contains(Array(head)) else { return nil }
    return Load(
      opcode: Array(head), isWide: prefix & 8 != 0, register: modRM >> 3 & 7 | (prefix & 4 != 0 ? 8 : 0))
  }

  /// `mov $x,%reg` of 32 bits: it clears the upper half, so that the whole register is the address.
  private static func address(_ instruction: [UInt8], field: Int) -> Load? {
    guard field + 4 == instruction.count, let last = instruction.byte(at: field - 1), last & 0xf8 == 0xb8 else {
      return nil
    }
    let prefix = instruction.byte(at: field - 2) ?? 0
    guard field == 1 || field == 2 && prefix & 0xfe == 0x40 else { return nil }
    return Load(opcode: [0x8d], isWide: true, register: last & 7 | (field == 2 && prefix & 1 != 0 ? 8 : 0))
  }

  // mov r32/64, lea, movsxd; movzx and movsx from 8 and 16 bits: all write the whole register.
  private static let opcodes: Set<[UInt8]> = [
    [0x8b], [0x8d], [0x63], [0x0f, 0xb6], [0x0f, 0xb7], [0x0f, 0xbe], [0x0f, 0xbf],
  ]

  /// What takes the instruction's place; the jump's distance stands where the relocation's field stood.
  static func jump(byteCount: Int, field: Int) -> [UInt8]? {
    let rest = byteCount - field - 4
    guard fillers.indices.contains(field - 1), fillers.indices.contains(rest) else { return nil }
    return fillers[field - 1] + [0xe9, 0, 0, 0, 0] + fillers[rest]
  }

  // MARK: The island

  func island(
    at place: VirtualAddress, cell: VirtualAddress, returningTo next: VirtualAddress
  ) -> (bytes: [UInt8], fixups: [Fixup]) {
    var bytes: [UInt8]
    switch work {
    case .load(let load):
      let low = load.register & 7
      let isHigh = load.register >= 8
      bytes = [isHigh ? 0x4c : 0x48, 0x8b, 0x05 | low << 3, 0, 0, 0, 0]
      bytes += [0x40 | (load.isWide ? 8 : 0) | (isHigh ? 5 : 0)] + load.opcode + [0x80 | low << 3 | low]
      if low == 4 { bytes.append(0x24) }
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: displacement >> (8 * Int32($0))) }
    case .operand(let operand):
      let (sum, instruction) = operand.rebased(displacement: displacement)
      // The 128 bytes below the stack pointer are the function's own (psABI, "The Stack Frame"); lea leaves the flags.
      bytes = [0x48, 0x8d, 0x64, 0x24, 0x80, 0x50 | operand.scratch]
      bytes += [0x48, 0x8b, 0x05 | operand.scratch << 3, 0, 0, 0, 0] + sum + instruction
      bytes += [0x58 | operand.scratch, 0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]
    }
    bytes += [0xe9, 0, 0, 0, 0]
    let fixups = [
      Fixup(offset: UInt32(cellField), kind: .relative32, target: cell, addend: -4),
      Fixup(offset: UInt32(bytes.count - 4), kind: .relative32, target: next, addend: -4),
    ]
    for fixup in fixups { bytes.put(fixup.fieldBytes(in: place), at: Int(fixup.offset)) }
    return (bytes, fixups)
  }

  /// Where the island names its cell.
  private var cellField: Int {
    switch work {
    case .load: 3
    case .operand: 9
    }
  }

  /// The cell that an island of this detour reads.
  func cell(ofIslandAt place: VirtualAddress, _ bytes: [UInt8]) -> VirtualAddress? {
    bytes.signed32(at: cellField).map { place.displaced(by: Int64(cellField) &+ 4 &+ $0) }
  }
}
