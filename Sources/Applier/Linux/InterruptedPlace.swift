/// What a signal handler has interrupted, as the kernel keeps it on the handler's stack for rt_sigreturn(2): a return address,
/// which is the restorer's, and a ucontext (arch/x86/include/uapi/asm/{ucontext,sigcontext}.h).
struct InterruptedPlace: Hashable {
  private enum Offset {
    /// Behind the restorer, the flags and the link: `uc_stack`, a `stack_t` of pointer, flags and size.
    static let alternateStack = 8 + 16
    static let alternateStackSize = alternateStack + 16
    /// Behind those and fifteen registers.
    static let stackPointer = 8 + 40 + 15 * 8
    static let programCounter = stackPointer + 8
    /// Behind the flags.
    static let selectors = programCounter + 16
  }

  /// cs, gs, fs and ss follow rip and the flags: in a 64-bit program always these (arch/x86/include/asm/segment.h). To
  /// compare them first leaves next to nothing to be looked up.
  private static let selectors: UInt64 = 0x2b << 48 | 0x33

  /// What is read here, in bytes from where the frame begins.
  static let byteCount = Offset.selectors + 8

  /// Of the frame.
  let address: UInt64
  let stackPointer: UInt64
  let programCounter: UInt64
  /// What sigaltstack(2) had set up: empty where nothing.
  private let alternateStack: Range<UInt64>

  /// Nil where the bytes end before.
  init?(_ bytes: [UInt8], at offset: Int, address: UInt64) {
    let reader = TaskBytes(bytes)
    guard let pointer = reader.word(at: offset + Offset.stackPointer),
      let counter = reader.word(at: offset + Offset.programCounter),
      let start = reader.word(at: offset + Offset.alternateStack),
      let size = reader.word(at: offset + Offset.alternateStackSize)
    else { return nil }
    self.address = address
    stackPointer = pointer
    programCounter = counter
    alternateStack = start..<max(start, start &+ size)
  }

  /// - Precondition: from the offset on there are `byteCount` bytes.
  @inline(__always)
  static func hasSelectors(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
    bytes.load(fromByteOffset: offset + Offset.selectors, as: UInt64.self) == selectors
  }

  /// Whether the handler may be the one that a thread is in which stands at this stack pointer. An alternate stack keeps the frame
  /// of a handler that has long returned, and one that is a thread-local array lies where all of the thread's stack is looked at.
  func isOfHandler(runningAt pointer: UInt64) -> Bool {
    !alternateStack.contains(address) || alternateStack.contains(pointer)
  }
}
