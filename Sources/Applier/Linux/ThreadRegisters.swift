/// The general registers of a stopped x86-64 thread, in the order of the kernel's `user_regs_struct`
/// (arch/x86/include/asm/user_64.h).
struct ThreadRegisters: Hashable, Sendable {
  enum Name: Int, CaseIterable, Sendable {
    case r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi
    /// The number of the system call that the thread is in, or −1: whether the kernel may restart one.
    case originalRAX
    case rip, cs, flags, rsp, ss, fsBase, gsBase, ds, es, fs, gs
  }

  static let count = Name.allCases.count

  /// What may hold a code address; the program counter apart.
  static let generalPurpose: [Name] = [
    .r15, .r14, .r13, .r12, .rbp, .rbx, .r11, .r10, .r9, .r8, .rax, .rcx, .rdx, .rsi, .rdi,
  ]

  private(set) var words: [UInt64]

  /// Nil unless there are exactly as many words as registers.
  init?(words: [UInt64]) {
    guard words.count == Self.count else { return nil }
    self.words = words
  }

  subscript(name: Name) -> UInt64 {
    get { words[name.rawValue] }
    set { words[name.rawValue] = newValue }
  }
}

extension ThreadRegisters {
  /// What a system call returns to the kernel's own restart code; a program never sees them (include/linux/errno.h).
  private enum Restart: Int64 {
    case ifHandlerAllows = -512
    case always = -513
    case ifNoHandler = -514
    case byRestartBlock = -516
  }

  private static let interrupted: Int64 = -4
  private static let syscallByteCount: UInt64 = 2

  var isInSystemCall: Bool { Int64(bitPattern: self[.originalRAX]) >= 0 }

  var hasInterruptedSystemCall: Bool { isInSystemCall && Int64(bitPattern: self[.rax]) == Self.interrupted }

  /// Whether an interrupted call may be made again. Not those that take effect and yet say EINTR: Linux has freed the
  /// descriptor before close(2) can be interrupted, and the number may belong to another file by now.
  var allowsRestart: Bool { !Self.takingEffectAnyway.contains(self[.originalRAX]) }

  /// close, dup2, dup3, close_range (arch/x86/entry/syscalls/syscall_64.tbl).
  private static let takingEffectAnyway: Set<UInt64> = [3, 33, 292, 436]

  /// The registers with which the thread makes the system call again from its start.
  func restartingSystemCall() -> ThreadRegisters {
    var registers = self
    registers[.rax] = self[.originalRAX]
    registers[.rip] = self[.rip] &- Self.syscallByteCount
    registers[.originalRAX] = .max
    return registers
  }

  /// The registers to go on with where the kernel will not look at a pending restart: after rt_sigreturn(2), which also
  /// voids the restart block, so that such a call starts anew with its whole time-out.
  func resolvingRestart() -> ThreadRegisters {
    guard isInSystemCall, Restart(rawValue: Int64(bitPattern: self[.rax])) != nil else { return self }
    return restartingSystemCall()
  }
}
