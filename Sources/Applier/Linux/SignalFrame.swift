import Addressing

/// What rt_sigreturn(2) takes a thread's state from, built by us instead of by the kernel.
///
/// A thread that makes a call for us returns onto it if nobody is there to restore it any more (L3). On the stack, from
/// low to high addresses, clear of the red zone (psABI: 128 bytes below rsp are the function's own):
///
///     [gadget]      only for a function: where it returns to
///     restorer      `mov $15, %rax; syscall` of the task's C library
///     ucontext      304 bytes: registers, signal mask, where the extended state is
///     extended state, aligned to 64: 512 bytes FXSAVE (its last 48 describe the rest), XSAVE header, components, magic
///
/// Layouts: arch/x86/include/uapi/asm/{ucontext,sigcontext}.h; the kernel's check: arch/x86/kernel/fpu/signal.c.
struct SignalFrame: Hashable, Sendable {
  enum Purpose: Sendable {
    /// rsp points at the restorer: for a `syscall; ret`.
    case systemCall
    /// rsp points at the gadget, and is 8 off a multiple of 16 as after a `call` (psABI).
    case function(returnsTo: UInt64)
  }

  /// Where the bytes go, and what rsp is to be.
  let stackPointer: UInt64
  let bytes: [UInt8]

  private static let redZone: UInt64 = 128
  private static let contextByteCount: UInt64 = 304

  /// Nil where the stack pointer leaves no room, or the extended state is not as known.
  init?(
    for purpose: Purpose, registers: ThreadRegisters, signalMask: UInt64, extendedState: [UInt8], restorer: UInt64
  ) {
    guard let state = Self.extendedState(extendedState), registers[.rsp] > 65536 else { return nil }
    let top = registers[.rsp] - Self.redZone
    let stateStart = (top - UInt64(state.count)) & ~63
    var context = (stateStart - Self.contextByteCount) & ~15
    var head: [UInt8] = restorer.littleEndianBytes
    if case .function(let gadget) = purpose {
      context -= 8
      head = gadget.littleEndianBytes + head
    }
    stackPointer = context - UInt64(head.count)
    let contextBytes = Self.context(registers.resolvingRestart(), signalMask, stateAt: stateStart)
    let gap = Int(stateStart - context - Self.contextByteCount)
    bytes = head + contextBytes + [UInt8](repeating: 0, count: gap) + state
  }

  private static func context(_ registers: ThreadRegisters, _ signalMask: UInt64, stateAt: UInt64) -> [UInt8] {
    // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS.
    var words: [UInt64] = [7, 0]
    // An alternate stack of impossible flags: the kernel then leaves the thread's own as it is (restore_altstack ignores
    // EINVAL).
    words += [0, 0x7fff_ffff, 0]
    let order: [ThreadRegisters.Name] = [
      .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rdi, .rsi, .rbp, .rbx, .rdx, .rax, .rcx, .rsp, .rip, .flags,
    ]
    words += order.map { registers[$0] }
    words.append(registers[.cs] & 0xffff | (registers[.ss] & 0xffff) << 48)
    // err, trapno, oldmask, cr2; the extended state; eight reserved words; the mask.
    words += [0, 0, 0, 0, stateAt] + [UInt64](repeating: 0, count: 8) + [signalMask]
    return words.flatMap(\.littleEndianBytes)
  }

  private static let softwareBytes = 464
  private static let headerByteCount = 576
  /// Up to and with PKRU, and what every task has; AMX tiles (components 17 and 18) lie beyond and are the task's only
  /// once it has asked for them.
  private static let ordinaryByteCount = 2696
  private static let tiles: UInt64 = 3 << 17

  /// As ptrace(2) gives it, made into what the kernel takes back: the software bytes say how much there is.
  private static func extendedState(_ found: [UInt8]) -> [UInt8]? {
    let reader = TaskBytes(found)
    guard found.count >= headerByteCount, let mask = reader.word(at: softwareBytes), let inUse = reader.word(at: 512)
    else { return nil }
    let hasTiles = inUse & tiles != 0
    var state = hasTiles ? found : Array(found.prefix(ordinaryByteCount))
    let features = hasTiles ? mask : mask & ~tiles
    let byteCount = UInt32(truncatingIfNeeded: state.count)
    let description =
      UInt32(0x4650_5853).littleEndianBytes + (byteCount + 4).littleEndianBytes + features.littleEndianBytes
      + byteCount.littleEndianBytes
    state.replaceSubrange(softwareBytes..<(softwareBytes + description.count), with: description)
    return state + UInt32(0x4650_5845).littleEndianBytes
  }
}
