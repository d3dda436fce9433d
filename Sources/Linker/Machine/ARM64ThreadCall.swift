import Addressing

/// The call of `__tls_get_addr` for one variable, as GCC writes it with -mtls-dialect=trad: `adrp x0; add x0, x0; bl; nop`.
///
/// Where the variable's offset from the thread pointer is known, the four instructions become others that make the same of it:
/// `movz x0; movk x0; mrs x1, tpidr_el0; add x0, x1, x0` (GNU ld, elfnn-aarch64.c, elfNN_aarch64_tls_relax, which the nop is for).
struct ARM64ThreadCall: Hashable {
  static let byteCount = 16
  /// `mrs x0, tpidr_el0`; the register is added.
  private static let readThreadPointer: UInt32 = 0xd53b_d040
  /// `add x0, x1, x0`
  private static let sum: UInt32 = 0x8b00_0020

  /// In bytes from the atom's start.
  let start: Int
  /// Indexes of the relocations.
  let page: Int
  let offset: Int
  let call: Int

  /// All calls of an atom that are whole: nobody may rewrite parts of one.
  static func all(in bytes: [UInt8], _ relocations: [AtomRelocation]) -> [ARM64ThreadCall] {
    guard relocations.contains(where: { ARM64Relocation(rawValue: $0.type) == .tlsGDAdrPage21 }) else { return [] }
    let places = Dictionary(
      relocations.indices.map { (relocations[$0].offset, $0) }, uniquingKeysWith: { first, _ in first })
    return relocations.indices.compactMap { page in
      let first = relocations[page]
      guard ARM64Relocation(rawValue: first.type) == .tlsGDAdrPage21,
        bytes.holdsField(at: first.offset, count: byteCount), let offset = places[first.offset + 4],
        let call = places[first.offset + 8],
        ARM64Relocation(rawValue: relocations[offset].type) == .tlsGDAddLo12NC,
        relocations[offset].symbol == first.symbol, first.addend == 0, relocations[offset].addend == 0,
        ARM64Relocation(rawValue: relocations[call].type) == .call26, places[first.offset + 12] == nil,
        words(of: bytes, at: first.offset) == [0x9000_0000, 0x9100_0000, 0x9400_0000, ARM64Instruction.nop.word]
      else { return nil }
      return ARM64ThreadCall(start: first.offset, page: page, offset: offset, call: call)
    }
  }

  private static func words(of bytes: [UInt8], at start: Int) -> [UInt32] {
    stride(from: start, to: start + byteCount, by: 4).compactMap { ARM64Instruction(bytes, at: $0)?.word }
  }

  /// What takes the place of the call and the nop.
  static let ending = (ARM64Instruction(readThreadPointer | 1), ARM64Instruction(sum))

  /// What a linked image has in the place of the call; nil where that is none of the known forms.
  func read(_ placed: [UInt8], at place: VirtualAddress) -> PlacedReference? {
    guard placed.holdsField(at: start, count: Self.byteCount) else { return nil }
    let code = Self.words(of: placed, at: start).map(ARM64Instruction.init)
    let ending = [Self.ending.0, Self.ending.1]
    let here = place.displaced(by: Int64(start))
    if code[0].isMoveHigh, code[0].destination == 0, code[1].isMoveLow, code[1].destination == 0,
      Array(code[2...]) == ending
    {
      return .threadOffset(Int64(code[0].immediate16 << 16 | code[1].immediate16))
    }
    if code[0].isPageAddress, code[0].destination == 0, code[1].destination == 0, code[1].source == 0 {
      let target = ARM64Machine.page(code[0], at: here).displaced(by: Int64(code[1].offset12))
      if code[1].isLoad64, Array(code[2...]) == ending { return .threadCell(target) }
      // Left as it is, as in a shared library.
      if code[1].isAdd, code[2].isCall, code[3] == .nop { return .threadDescriptor(target) }
      return nil
    }
    // gold: mrs x0, tpidr_el0; add x0, x0, high, lsl 12; add x0, x0, low; nop (aarch64.cc, tls_gd_to_le)
    guard code[0].word == Self.readThreadPointer, code[1].word & ~0x3f_fc00 == 0x9140_0000,
      code[2].word & ~0x3f_fc00 == 0x9100_0000, code[3] == .nop
    else { return nil }
    return .threadOffset(Int64(UInt64(code[1].word >> 10 & 0xfff) << 12 | code[2].offset12))
  }
}
