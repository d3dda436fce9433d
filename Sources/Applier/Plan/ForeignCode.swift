public import Journal

/// What other tools leave in code that an update means to overwrite, told by its bytes.
public enum ForeignCode: String, Hashable, Sendable {
  case breakpoint
  case hook

  /// - Parameters:
  ///   - found: what stands there.
  ///   - expected: what should, of the same length.
  ///   - index: of the first byte that differs.
  public init?(
    found: [UInt8], expected: [UInt8], at index: Int, _ architecture: BaseImage.Architecture
  ) {
    guard found.indices.contains(index) else { return nil }
    let isBreakpoint =
      switch architecture {
      case .x86_64: Self.hasX86Breakpoint(found, expected)
      case .arm64: Self.hasARMBreakpoint(found, expected, index)
      }
    if isBreakpoint {
      self = .breakpoint
    } else if Self.isJump(Array(found[(architecture == .arm64 ? index & ~3 : index)...]), architecture) {
      self = .hook
    } else {
      return nil
    }
  }

  /// `int3` (0xcc) is one byte long: every byte that is not as expected is one, and no other.
  private static func hasX86Breakpoint(_ found: [UInt8], _ expected: [UInt8]) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { $0 == $1 || $0 == 0xcc }
  }

  /// `brk #imm`: 1101 0100 001 imm16 00000 (Arm ARM, C6.2).
  private static func hasARMBreakpoint(_ found: [UInt8], _ expected: [UInt8], _ index: Int) -> Bool {
    let start = index & ~3
    guard let word = word(found, start) else { return false }
    return word & 0xffe0_001f == 0xd420_0000 && found.dropFirst(start + 4) == expected.dropFirst(start + 4)
  }

  /// How detours begin. x86-64: `jmp rel32`, `jmp *[rip]`, `push imm32; ret`, and `mov $imm64` to rax or r11 with a jump or `push`
  /// behind it. arm64: `b`, or a load of x16 or x17 with `br` behind it.
  private static func isJump(_ bytes: [UInt8], _ architecture: BaseImage.Architecture) -> Bool {
    switch architecture {
    case .x86_64:
      if bytes.first == 0xe9 || bytes.starts(with: [0xff, 0x25]) { return true }
      if bytes.count > 5, bytes[0] == 0x68, bytes[5] == 0xc3 { return true }
      let isMove = bytes.starts(with: [0x48, 0xb8]) || bytes.starts(with: [0x49, 0xbb])
      return isMove && bytes.count > 11 && [0xff, 0x41, 0x50].contains(bytes[10])
    case .arm64:
      guard let first = word(bytes, 0) else { return false }
      if first & 0xfc00_0000 == 0x1400_0000 { return true }
      let isLoad = first & 0xff00_001e == 0x5800_0010
      return isLoad && word(bytes, 4).map { $0 & 0xffff_fc1f == 0xd61f_0000 } == true
    }
  }

  private static func word(_ bytes: [UInt8], _ start: Int) -> UInt32? {
    guard start >= 0, start + 4 <= bytes.count else { return nil }
    return (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
  }
}
