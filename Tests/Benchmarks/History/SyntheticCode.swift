import Addressing
import Journal

/// A function's code: valid x86-64 that computes something and calls other functions of the image.
struct SyntheticCode {
  private enum Instruction {
    case plain([UInt8])
    case call(VirtualAddress)
  }

  private var instructions: [Instruction] = []
  private let callees: [BaseSymbol]

  /// 100 to 600 bytes, most of them short, as real programs have them.
  init(number: Int, callees: [BaseSymbol], _ random: inout SyntheticNumbers) {
    self.callees = callees
    for _ in 0..<(24 + random.skewed(120)) { instructions.append(instruction(&random)) }
  }

  private func instruction(_ random: inout SyntheticNumbers) -> Instruction {
    let byte = UInt8(truncatingIfNeeded: random.below(64))
    switch random.below(9) {
    case 0: return .plain([0x48, 0x8d, 0x44, 0x47, byte])  // lea rax, [rdi + rax*2 + byte]
    case 1: return .plain([0x48, 0x83, 0xc0, byte])  // add rax, byte
    case 2: return .plain([0x48, 0x31, 0xf8])  // xor rax, rdi
    case 3: return .plain([0x48, 0x6b, 0xc0, byte])  // imul rax, rax, byte
    case 4: return .plain([0x48, 0x89, 0x44, 0x24, byte & 0x38])  // mov [rsp + byte], rax
    case 5: return .plain([0x48, 0x8b, 0x7c, 0x24, byte & 0x38])  // mov rdi, [rsp + byte]
    case 6: return .plain([0xb8, byte, byte >> 2, 0, 0])  // mov eax, number
    case 7: return .plain([0x48, 0xc1, 0xe8, byte & 0x1f])  // shr rax, byte
    default: return .call(callees[random.below(callees.count)].address)
    }
  }

  /// What an edit does: some instructions become others, some are inserted, some go.
  mutating func edit(_ random: inout SyntheticNumbers) {
    for _ in 0...random.below(3) {
      let place = random.below(instructions.count)
      switch random.below(4) {
      case 0: instructions.insert(instruction(&random), at: place)
      case 1 where instructions.count > 16: instructions.remove(at: place)
      default: instructions[place] = instruction(&random)
      }
    }
  }

  func linked(at start: VirtualAddress) -> (bytes: [UInt8], fixups: [Fixup]) {
    var bytes: [UInt8] = [0x53, 0x48, 0x83, 0xec, 0x40]  // push rbx; sub rsp, 64
    var fixups: [Fixup] = []
    for instruction in instructions {
      switch instruction {
      case .plain(let plain): bytes += plain
      case .call(let target):
        bytes.append(0xe8)
        let fixup = Fixup(offset: UInt32(bytes.count), kind: .relative32, target: target, addend: -4)
        bytes += fixup.fieldBytes(in: start)
        fixups.append(fixup)
      }
    }
    return (bytes + [0x48, 0x83, 0xc4, 0x40, 0x5b, 0xc3], fixups)  // add rsp, 64; pop rbx; ret
  }

  /// A line for every third instruction.
  func lines(of body: AddressRange, firstLine: UInt32) -> BodyLines {
    var rows = [BodyLines.Row(offset: 0, file: 0, line: firstLine)]
    var offset: UInt32 = 5
    for (index, instruction) in instructions.enumerated() {
      if index % 3 == 0 { rows.append(BodyLines.Row(offset: offset, file: 0, line: firstLine + UInt32(index / 3) + 1)) }
      switch instruction {
      case .plain(let plain): offset += UInt32(plain.count)
      case .call: offset += 5
      }
    }
    return BodyLines(start: body.start, byteCount: UInt32(body.byteCount), rows: rows)
  }
}
