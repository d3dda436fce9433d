import Addressing
import Journal

/// The entry stubs of x86-64.
enum X86EntryStub: EntryStub, Hashable, CaseIterable {
  /// `jmp *cell(%rip)`, 6 bytes.
  case cellJump
  /// `endbr64; jmp *cell(%rip)`, 10 bytes: the entry stays a legal target of indirect branches (CET).
  case guardedCellJump
  /// `jmp island`, 5 bytes, for a function with no room for more: an island in the arena jumps through the cell.
  case islandJump
  /// `endbr64; jmp island`, 9 bytes.
  case guardedIslandJump

  static let landingPad: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa]

  static let slotByteCount = 16

  var byteCount: Int { instruction.count + 4 }

  var needsIsland: Bool { self == .islandJump || self == .guardedIslandJump }

  /// The stub for an entry, or nil where there is too little room for any.
  ///
  /// - Parameters:
  ///   - firstBytes: what stands at the entry.
  ///   - room: bytes that are the function's own, and padding after them (`padding(in:)`).
  static func kind(for firstBytes: [UInt8], room: Int) -> X86EntryStub? {
    let kinds: [X86EntryStub] =
      firstBytes.stands(landingPad, at: 0) ? [.guardedCellJump, .guardedIslandJump] : [.cellJump, .islandJump]
    return kinds.first { $0.byteCount <= room }
  }

  func encode(at entry: VirtualAddress, to destination: VirtualAddress) throws(LinkError) -> EncodedStub {
    try EncodedStub(instruction, tail: [], at: entry, to: destination)
  }

  /// A slot of the arena that jumps through a cell: `endbr64; jmp *cell(%rip)`, padded to `slotByteCount`.
  static func slot(at place: VirtualAddress, cell: VirtualAddress) throws(LinkError) -> EncodedStub {
    // nopw 0(%rax,%rax): one instruction, never executed.
    let padding: [UInt8] = [0x66, 0x0f, 0x1f, 0x44, 0, 0]
    return try EncodedStub(X86EntryStub.guardedCellJump.instruction, tail: padding, at: place, to: cell)
  }

  /// How many bytes from the start of `bytes` are padding that no code uses: nops, `int3` and zeroes, as the
  /// assembler and linkers put between functions. A nop that `bytes` cut short is not counted.
  static func padding(in bytes: [UInt8]) -> Int {
    var offset = 0
    while let count = paddingInstruction(in: bytes, at: offset) { offset += count }
    return offset
  }

  /// Everything before the 4-byte distance.
  private var instruction: [UInt8] {
    switch self {
    case .cellJump: [0xff, 0x25]
    case .guardedCellJump: Self.landingPad + [0xff, 0x25]
    case .islandJump: [0xe9]
    case .guardedIslandJump: Self.landingPad + [0xe9]
    }
  }

  // The assembler's multi-byte nops: operand-size and segment prefixes, then 90 or 0f 1f /0 with its operand.
  private static func paddingInstruction(in bytes: [UInt8], at start: Int) -> Int? {
    guard let first = bytes.byte(at: start) else { return nil }
    if first == 0xcc || first == 0 { return 1 }
    var offset = start
    while let prefix = bytes.byte(at: offset), prefix == 0x66 || prefix == 0x2e, offset - start < 14 { offset += 1 }
    if bytes.byte(at: offset) == 0x90 { return offset + 1 - start }
    guard bytes.stands([0x0f, 0x1f], at: offset), let modRM = bytes.byte(at: offset + 2), modRM & 0x38 == 0 else {
      return nil
    }
    let operandByteCount: Int
    switch modRM {
    case 0x00: operandByteCount = 0
    case 0x40: operandByteCount = 1
    case 0x44: operandByteCount = 2
    case 0x80: operandByteCount = 4
    case 0x84: operandByteCount = 5
    default: return nil
    }
    let end = offset + 3 + operandByteCount
    return end <= bytes.count ? end - start : nil
  }
}

extension EncodedStub {
  fileprivate init(
    _ head: [UInt8], tail: [UInt8], at place: VirtualAddress, to destination: VirtualAddress
  ) throws(LinkError) {
    let fixup = Fixup(offset: UInt32(head.count), kind: .relative32, target: destination, addend: -4)
    let from = place.displaced(by: Int64(head.count) + 4)
    guard Int32(exactly: Int64(bitPattern: destination.rawValue &- from.rawValue)) != nil else {
      throw LinkError(
        .relocationOutOfRange, address: place, detail: "an entry stub at \(place) cannot reach \(destination)")
    }
    self.init(head + [0, 0, 0, 0] + tail, [fixup], at: place)
  }
}
