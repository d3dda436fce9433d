import Journal

/// A thread's registers, as thread_get_state tells them.
struct MachThreadState: Hashable, Sendable {
  let architecture: BaseImage.Architecture
  private let words: [UInt64]

  /// ARM_THREAD_STATE64 and x86_THREAD_STATE64, and how many 32-bit words they have (mach/arm/thread_status.h,
  /// mach/i386/thread_status.h).
  static func flavor(_ architecture: BaseImage.Architecture) -> (number: Int32, wordCount: Int) {
    switch architecture {
    case .arm64: (6, 68)
    case .x86_64: (4, 42)
    }
  }

  /// Nil where words are missing.
  init?(_ words: [UInt32], _ architecture: BaseImage.Architecture) {
    guard words.count == Self.flavor(architecture).wordCount else { return nil }
    self.architecture = architecture
    self.words = stride(from: 0, to: words.count - 1, by: 2).map { UInt64(words[$0]) | UInt64(words[$0 + 1]) << 32 }
  }

  /// arm64: x0…x28, fp, lr, sp, pc, cpsr. x86-64: rax, rbx, rcx, rdx, rdi, rsi, rbp, rsp, r8…r15, rip, rflags, cs, fs, gs.
  var programCounter: UInt64 { architecture == .arm64 ? words[32] : words[16] }
  var stackPointer: UInt64 { architecture == .arm64 ? words[31] : words[7] }
  /// Where a function that calls none returns to; Intel's is on the stack.
  var linkRegister: UInt64? { architecture == .arm64 ? words[30] : nil }
  /// All that may hold an address but the program counter and the stack pointer.
  var general: [UInt64] {
    architecture == .arm64 ? Array(words[0...30]) : Array(words[0...6]) + Array(words[8...15])
  }
}

extension BaseImage.Architecture {
  /// Whether the instruction that ends where the bytes end may be a call, so that the address behind it may be one to
  /// return to.
  func endsInCall(_ before: [UInt8]) -> Bool {
    switch self {
    case .x86_64: return StackScan.endsInCall(before)
    case .arm64:
      guard before.count >= 4 else { return false }
      let word = before.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      // BL: 100101 imm26. BLR: 1101011000111111000000 Rn 00000 (Arm ARM, C6.2).
      return word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000
    }
  }
}
