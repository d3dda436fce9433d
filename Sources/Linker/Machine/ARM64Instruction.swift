/// An arm64 instruction word: the encodings of the Arm ARM (C4.1) that relocations and stubs are about.
struct ARM64Instruction: Hashable, Sendable {
  var word: UInt32

  init(_ word: UInt32) { self.word = word }

  init?(_ bytes: [UInt8], at offset: Int) {
    guard let word = bytes.littleEndian32(at: offset) else { return nil }
    self.word = word
  }

  static let nop = ARM64Instruction(0xd503_201f)
  /// `bti c`: an indirect call may land here.
  static let landingPad = ARM64Instruction(0xd503_245f)
  /// `brk #1`
  static let trap = ARM64Instruction(0xd420_0020)

  var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }

  /// The register that the instruction writes, in all forms used here.
  var destination: UInt32 { word & 31 }
  /// The first register that it reads, or the base of an address.
  var source: UInt32 { word >> 5 & 31 }

  // MARK: Kinds

  var isPageAddress: Bool { word & 0x9f00_0000 == 0x9000_0000 }
  var isAddress: Bool { word & 0x9f00_0000 == 0x1000_0000 }
  /// `add` of 64 bits and an immediate that is not shifted.
  var isAdd: Bool { word & 0xffc0_0000 == 0x9100_0000 }
  /// A load or store with an unsigned offset.
  var isAccess: Bool { word & 0x3b00_0000 == 0x3900_0000 }
  /// `ldr` of a 64-bit general register with an unsigned offset.
  var isLoad64: Bool { word & 0xffc0_0000 == 0xf940_0000 }
  /// The load of the same register from a place relative to the instruction, its distance left 0; nil for what has no
  /// such form: `ldr` of w, x, s, d and q, and `ldrsw`.
  var literalForm: ARM64Instruction? {
    let opcodes: [UInt32: UInt32] = [
      0xb940_0000: 0x1800_0000, 0xf940_0000: 0x5800_0000, 0xb980_0000: 0x9800_0000, 0xbd40_0000: 0x1c00_0000,
      0xfd40_0000: 0x5c00_0000, 0x3dc0_0000: 0x9c00_0000,
    ]
    return opcodes[word & 0xffc0_0000].map { ARM64Instruction($0 | destination) }
  }
  func isLiteralForm(of load: ARM64Instruction) -> Bool {
    load.literalForm.map { $0.word == word & ~0xff_ffe0 } ?? false
  }
  var isBranch: Bool { word & 0x7c00_0000 == 0x1400_0000 }
  var isCall: Bool { word & 0xfc00_0000 == 0x9400_0000 }
  /// `movz` of a 64-bit register, 16 bits up.
  var isMoveHigh: Bool { word & 0xffe0_0000 == 0xd2a0_0000 }
  /// `movk` of a 64-bit register, the lowest 16 bits.
  var isMoveLow: Bool { word & 0xffe0_0000 == 0xf280_0000 }
  /// What an indirect call may land on where the image asks for it: `bti c`, `bti jc`, `paciasp`, `pacibsp`.
  var isLandingPad: Bool { [0xd503_245f, 0xd503_24df, 0xd503_233f, 0xd503_237f].contains(word) }

  // MARK: Operands

  /// The distance of an `adr` in bytes, of an `adrp` in pages.
  var distance21: Int64 {
    let raw = UInt64(word >> 29 & 3) | UInt64(word >> 5 & 0x7ffff) << 2
    return Self.signed(raw, bits: 21)
  }

  /// In bytes.
  var distance26: Int64 { Self.signed(UInt64(word & 0x3ff_ffff), bits: 26) * 4 }
  var distance19: Int64 { Self.signed(UInt64(word >> 5 & 0x7ffff), bits: 19) * 4 }
  var distance14: Int64 { Self.signed(UInt64(word >> 5 & 0x3fff), bits: 14) * 4 }
  var immediate16: UInt64 { UInt64(word >> 5 & 0xffff) }

  /// The 12-bit operand of an `add`, a load or a store, in bytes.
  var offset12: UInt64 { UInt64(word >> 10 & 0xfff) << offsetShift }

  /// By how many bits a load or store shifts its offset: the size of what it moves.
  var offsetShift: UInt64 {
    guard isAccess else { return 0 }
    return word & 0xc480_0000 == 0x0480_0000 ? 4 : UInt64(word >> 30)
  }

  private static func signed(_ value: UInt64, bits: UInt64) -> Int64 {
    Int64(bitPattern: value << (64 - bits)) >> Int64(64 - bits)
  }

  // MARK: Making

  func with(_ value: UInt64, at bit: UInt32, count: UInt32) -> ARM64Instruction {
    let mask = UInt32((1 << UInt64(count)) - 1) << bit
    return ARM64Instruction(word & ~mask | UInt32(truncatingIfNeeded: value) << bit & mask)
  }

  /// - Parameter distance: in bytes for `adr`.
  func withDistance21(_ distance: Int64) -> ARM64Instruction {
    let raw = UInt64(bitPattern: distance)
    return with(raw, at: 29, count: 2).with(raw >> 2, at: 5, count: 19)
  }

  static func pageAddress(_ register: UInt32) -> ARM64Instruction { ARM64Instruction(0x9000_0000 | register) }
  static func add(_ register: UInt32, _ source: UInt32) -> ARM64Instruction {
    ARM64Instruction(0x9100_0000 | source << 5 | register)
  }
  static func load(_ register: UInt32, _ base: UInt32) -> ARM64Instruction {
    ARM64Instruction(0xf940_0000 | base << 5 | register)
  }
  static func branch(_ register: UInt32) -> ARM64Instruction { ARM64Instruction(0xd61f_0000 | register << 5) }
  static let branch = ARM64Instruction(0x1400_0000)
  /// `movz` of the 16 bits of that number.
  static func moveZero(_ register: UInt32, group: UInt32) -> ARM64Instruction {
    ARM64Instruction(0xd280_0000 | group << 21 | register)
  }
  static func moveKeep(_ register: UInt32, group: UInt32) -> ARM64Instruction {
    ARM64Instruction(0xf280_0000 | group << 21 | register)
  }
}
