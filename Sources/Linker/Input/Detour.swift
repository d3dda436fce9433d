import Addressing
import Journal

/// An instruction that names a library's variable as if it were the program's own (`mov stderr(%rip),%rdi`), as code
/// does that was not compiled with -fPIC. In a program that is linked whole the linker would give it a copy of the
/// variable; a running program cannot get one. The instruction becomes a jump to an island in the arena, which goes
/// through a cell and comes back.
struct Detour: Hashable {
  let name: String
  /// Without prefixes and ModRM.
  private let opcode: [UInt8]
  private let isWide: Bool
  /// Written by the instruction and not read: it serves to hold the variable's address.
  private let register: UInt8
  /// In bytes from the start of the variable.
  private let displacement: Int32

  static let roomByteCount: UInt64 = 32
  /// `jmp`, with what stands before it filled with one no-operation.
  private static let fillers: [[UInt8]] = [[], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00]]

  /// Nil for instructions that do more than write one whole register.
  ///
  /// - Parameter instruction: its bytes, of which the last four are the relocation's field.
  init?(_ instruction: ArraySlice<UInt8>, name: String, addend: Int64) {
    guard let displacement = Int32(exactly: addend &+ 4), instruction.count >= 6 else { return nil }
    var head = instruction.dropLast(4)
    let modRM = head.removeLast()
    var prefix: UInt8 = 0
    if let first = head.first, first & 0xf0 == 0x40 {
      prefix = first
      head = head.dropFirst()
    }
    guard modRM & 0xc7 == 0x05, Self.opcodes.contains(Array(head)) else { return nil }
    self.name = name
    opcode = Array(head)
    isWide = prefix & 8 != 0
    register = modRM >> 3 & 7 | (prefix & 4 != 0 ? 8 : 0)
    self.displacement = displacement
  }

  // mov r32/64, lea, movsxd; movzx and movsx from 8 and 16 bits: all write the whole register.
  private static let opcodes: Set<[UInt8]> = [
    [0x8b], [0x8d], [0x63], [0x0f, 0xb6], [0x0f, 0xb7], [0x0f, 0xbe], [0x0f, 0xbf],
  ]

  /// What takes the instruction's place, up to the field.
  static func jump(byteCount: Int) -> [UInt8]? {
    guard fillers.indices.contains(byteCount - 1) else { return nil }
    return fillers[byteCount - 1] + [0xe9]
  }

  func island(
    at place: VirtualAddress, cell: VirtualAddress, returningTo next: VirtualAddress
  ) -> (bytes: [UInt8], fixups: [Fixup]) {
    let low = register & 7
    let isHigh = register >= 8
    var bytes: [UInt8] = [isHigh ? 0x4c : 0x48, 0x8b, 0x05 | low << 3, 0, 0, 0, 0]
    bytes += [0x40 | (isWide ? 8 : 0) | (isHigh ? 5 : 0)] + opcode + [0x80 | low << 3 | low]
    if low == 4 { bytes.append(0x24) }
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: displacement >> (8 * Int32($0))) }
    bytes += [0xe9, 0, 0, 0, 0]
    let fixups = [
      Fixup(offset: 3, kind: .relative32, target: cell, addend: -4),
      Fixup(offset: UInt32(bytes.count - 4), kind: .relative32, target: next, addend: -4),
    ]
    for fixup in fixups { bytes.put(fixup.fieldBytes(in: place), at: Int(fixup.offset)) }
    return (bytes, fixups)
  }

  /// The cell that an island's first instruction reads.
  static func cell(ofIslandAt place: VirtualAddress, _ bytes: [UInt8]) -> VirtualAddress? {
    bytes.signed32(at: 3).map { place.displaced(by: 7 &+ $0) }
  }
}
