import Addressing
import ObjectFile

/// The frames of a thread that stands still, by the unwind information (CFI) in the task's own memory.
///
/// It is asked only whether a word that looks like a return address is one (`ThreadLook`), and may therefore give up at
/// anything odd: `isWhole` is true only where every frame was found, each above the last on one stack, up to one that has no
/// caller. There the return address is undefined: glibc's `_start` and the start of a thread (clone, clone3) say so.
struct StackWalk {
  /// Where the thread is and where it returns to.
  fileprivate(set) var places: Set<UInt64> = []
  fileprivate(set) var isWhole = false
  /// Above the outermost frame lies what is no frame's, or another stack's.
  fileprivate(set) var top: UInt64 = 0
  /// Frames that were interrupted anywhere: there, unlike at a call, unwind information may be wrong by a few words (code
  /// built without -fasynchronous-unwind-tables), and what lies there is not judged by it.
  fileprivate(set) var uncertain: [Range<UInt64>] = []

  func isCertain(ofWordAt address: UInt64) -> Bool {
    isWhole && address < top && !uncertain.contains { $0.contains(address) }
  }
}

/// One look's worth of walks: what they read and find out is kept for the next thread.
final class StackWalker {
  private static let mostFrames = 100_000
  private static let registerCount: UInt64 = 17
  private static let stackPointer: UInt64 = 7
  private static let returnAddress: UInt64 = 16
  private static let mostRecordBytes: UInt32 = 1 << 20
  /// rax, rdx, rcx, rsi, rdi, r8 to r11: a call may change them (psABI, Registers).
  private static let scratch: [Int] = [0, 1, 2, 4, 5, 8, 9, 10, 11]
  /// In the order of their DWARF numbers (psABI, DWARF Register Number Mapping).
  private static let order: [ThreadRegisters.Name] = [
    .rax, .rdx, .rcx, .rbx, .rsi, .rdi, .rbp, .rsp, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rip,
  ]

  private let pages: TaskPages
  private let images: UnwindImages
  private var commons: [UInt64: UnwindCommonInformation] = [:]
  private var steps: [UInt64: Step?] = [:]

  private let framed: FramedCode

  init(
    _ memory: any ReadableMemory, executable: UnwindImage, mappings: [MapsLine], framed: FramedCode = FramedCode()
  ) {
    self.framed = framed
    pages = TaskPages(memory)
    images = UnwindImages(executable: executable, mappings: mappings, pages: pages)
  }

  private struct Step {
    var rules: UnwindRules
    var returnAddressRegister: UInt64
    var isSignalFrame: Bool
    /// Found by the frame pointer, which holds only where a function is past its first instructions and not in its last.
    var isFramed = false
  }

  /// - Parameter stack: the mapping that holds the thread's stack pointer.
  func walk(_ registers: ThreadRegisters, on stack: RuntimeRange) -> StackWalk {
    var walk = StackWalk()
    var frame: [UInt64?] = Self.order.map { registers[$0] }
    var lookup = registers[.rip]
    var isInterrupted = true
    for _ in 0..<Self.mostFrames {
      guard let place = frame[Int(Self.returnAddress)], let pointer = frame[Int(Self.stackPointer)],
        let step = step(at: lookup), let address = frameAddress(step.rules, frame)
      else { return walk }
      if step.isFramed, isInterrupted, !isAtSystemCall(place) { return walk }
      walk.add(place)
      if step.isSignalFrame || (isInterrupted && !isAtSystemCall(place)) { walk.markUncertain(pointer, address) }
      if step.rules.rules[step.returnAddressRegister] == .undefined {
        walk.finish(at: max(address, pointer))
        return walk
      }
      guard let next = caller(of: frame, step, address) else { return walk }
      // Stacks grow downwards: a caller's frame is above. A handler's on another stack is not followed.
      guard let above = next[Int(Self.stackPointer)], above > pointer,
        stack.contains(RuntimeAddress(rawValue: above &- 8))
      else { return walk }
      frame = next
      isInterrupted = step.isSignalFrame
      // A call may be the last instruction of its function.
      lookup = (next[Int(Self.returnAddress)] ?? 0) &- (isInterrupted ? 0 : 1)
    }
    return walk
  }

  // MARK: One frame

  private func frameAddress(_ rules: UnwindRules, _ frame: [UInt64?]) -> UInt64? {
    switch rules.frame {
    case .register(let number, let offset)?:
      return value(of: number, in: frame).map { $0 &+ UInt64(bitPattern: offset) }
    case .expression(let expression)?: return evaluate(expression, frame, first: nil)
    case nil: return nil
    }
  }

  private func caller(of frame: [UInt64?], _ step: Step, _ address: UInt64) -> [UInt64?]? {
    var next = frame
    if !step.isSignalFrame {
      for number in Self.scratch { next[number] = nil }
    }
    next[Int(Self.stackPointer)] = address
    next[Int(Self.returnAddress)] = nil
    for (number, rule) in step.rules.rules where number < Self.registerCount {
      let target = number == step.returnAddressRegister ? Self.returnAddress : number
      next[Int(target)] = value(of: rule, number, frame, address)
    }
    guard next[Int(Self.returnAddress)] != nil else { return nil }
    return next
  }

  private func value(of rule: UnwindRules.Rule, _ number: UInt64, _ frame: [UInt64?], _ address: UInt64) -> UInt64? {
    switch rule {
    case .undefined: nil
    case .sameValue: value(of: number, in: frame)
    case .stored(let offset): pages.word(at: address &+ UInt64(bitPattern: offset))
    case .computed(let offset): address &+ UInt64(bitPattern: offset)
    case .register(let other): value(of: other, in: frame)
    case .storedAt(let expression): evaluate(expression, frame, first: address).flatMap(pages.word)
    case .valueOf(let expression): evaluate(expression, frame, first: address)
    }
  }

  private func value(of number: UInt64, in frame: [UInt64?]) -> UInt64? {
    number < UInt64(frame.count) ? frame[Int(number)] : nil
  }

  private func evaluate(_ expression: [UInt8], _ frame: [UInt64?], first: UInt64?) -> UInt64? {
    var machine = UnwindExpression(register: { self.value(of: $0, in: frame) }, load: { self.pages.word(at: $0) })
    return machine.value(of: expression, first: first)
  }

  /// A system call's instruction is in no prologue or epilogue, and a thread that waits may be sent back to it (`syscall`).
  func isAtSystemCall(_ place: UInt64) -> Bool {
    let instruction: [UInt8] = [0x0f, 0x05]
    return pages.bytes(place &- 2, 2) == instruction || pages.bytes(place, 2) == instruction
  }

  // MARK: Unwind information

  private func step(at address: UInt64) -> Step? {
    if let known = steps[address] { return known }
    // An entry point's own information seldom says that it has no caller.
    let framed = framedStep(at: address)
    let step = framed?.isFramed == false ? framed : findStep(at: address) ?? framed
    steps[address] = .some(step)
    return step
  }

  private func findStep(at address: UInt64) -> Step? {
    guard let image = images.image(holding: address), let place = image.candidate(for: address, in: pages),
      let record = record(at: place), let distance: UInt32 = TaskBytes(record).integer(at: 4), distance != 0,
      let common = common(at: place &+ 4 &- UInt64(distance)), let description = UnwindDescription(record, common),
      let start = start(of: record, common, at: place), address >= start, address - start < description.byteCount,
      let rules = UnwindRules(common, description, at: address - start)
    else { return nil }
    return Step(
      rules: rules, returnAddressRegister: common.returnAddressRegister, isSignalFrame: common.isSignalFrame)
  }

  /// Without unwind information: by the code itself, of functions whose bounds are known.
  private func framedStep(at address: UInt64) -> Step? {
    guard let function = framed.function(holding: address, pages.bytes) else { return nil }
    let isOutermost = function.contains(framed.entryPoint)
    return Step(
      rules: FramedCode.rules(isOutermost: isOutermost), returnAddressRegister: Self.returnAddress,
      isSignalFrame: false, isFramed: !isOutermost)
  }

  private func start(of record: [UInt8], _ common: UnwindCommonInformation, at place: UInt64) -> UInt64? {
    let offset = UnwindDescription.addressOffset
    guard !common.addressEncoding.isIndirect, let byteCount = common.addressEncoding.byteCount,
      let field = TaskBytes(record).bytes(at: offset, count: byteCount)
    else { return nil }
    return common.addressEncoding.address(field, at: place &+ UInt64(offset))
  }

  private func common(at place: UInt64) -> UnwindCommonInformation? {
    if let known = commons[place] { return known }
    let common = record(at: place).flatMap(UnwindCommonInformation.init)
    commons[place] = common
    return common
  }

  private func record(at place: UInt64) -> [UInt8]? {
    guard let count = pages.integer(UInt32.self, at: place), count >= 4, count <= Self.mostRecordBytes else {
      return nil
    }
    return pages.bytes(place, Int(count) + 4)
  }
}

extension StackWalk {
  fileprivate mutating func add(_ place: UInt64) { places.insert(place) }

  fileprivate mutating func markUncertain(_ pointer: UInt64, _ address: UInt64) {
    if pointer < address { uncertain.append(pointer..<address) }
  }

  fileprivate mutating func finish(at address: UInt64) {
    isWhole = true
    top = address
  }
}
