import Addressing

// Who is where. Looked at are, for each thread: the program counter; for conservative guards the other registers; every word of the
// stack from the red zone up to the end of the mapping that holds it. What a signal handler has interrupted is found in the signal
// frame (InterruptedPlace): its program counter, and its stack where that is another. Stacks that a program switches by itself are
// not found (BaseImage.switchesStacks).
//
// A word may be left over: compilers do not clear what a frame leaves unused, and a process that waits would be taken for
// one that is where it was long ago. So where something is found, the thread's frames are walked (StackWalk). Where
// that leads to the outermost one, a word that is no frame's program counter or return address counts no more. In any doubt
// it does: no unwind information, more than one stack, the frame of whatever was interrupted elsewhere than in a system call,
// what only setjmp(3) could have stored, what lies above the outermost frame.

extension LinuxTask {
  public func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    guard isHeld else {
      throw ApplyError(.taskCallFailed, target: name, detail: "threads are looked at only while they stand still")
    }
    return try occupants(of: guards, among: threads.keys.sorted())
  }

  /// Those of the given threads that stand still are looked at.
  func occupants(of guards: [GuardedRange], among ids: [Int32]) throws(ApplyError) -> [ThreadOccupant] {
    guard !guards.isEmpty else { return [] }
    var look = ThreadLook(task: self, guards: guards, map: map ?? TaskMap(process))
    var found: [ThreadOccupant] = []
    for id in ids {
      guard let registers = threads[id]?.registers else { continue }
      found += try look.occupants(id, registers)
    }
    return found
  }

  /// Takes one look at nobody: what is called for the first time is read from the disk and gets its types made now, and not
  /// while threads stand still: up to half of a pause of few threads.
  func rehearseLook() {
    guard !hasRehearsed else { return }
    hasRehearsed = true
    // Small numbers, which every stack has, for addresses: that has frames walked as well, from the entry point on.
    let guards = [RuntimeAddress(rawValue: 0), image.entryPoint].compactMap { start in
      RuntimeRange(start: start, byteCount: 4096).map { GuardedRange(range: $0, reach: .whole, isConservative: true) }
    }
    do throws(ApplyError) {
      let map = map ?? TaskMap(process)
      let stack = try map.lines().last { $0.name.elementsEqual("[stack]".utf8) }
      var words = [UInt64](repeating: 0, count: ThreadRegisters.count)
      words[ThreadRegisters.Name.rip.rawValue] = image.entryPoint.rawValue
      words[ThreadRegisters.Name.rsp.rawValue] = (stack?.range.end.rawValue ?? 4096) &- 4096
      guard let registers = ThreadRegisters(words: words) else { return }
      var look = ThreadLook(task: self, guards: guards, map: map)
      _ = try look.occupants(lead, registers)
    } catch {
      // The look that counts will say so.
    }
  }

  /// Whether a signal handler that ends at this address returns to the kernel.
  func isRestorer(_ address: UInt64) -> Bool {
    if let known = knownRestorers[address] { return known }
    let count = RemoteGadgets.restorers[0].count
    var answer = false
    do throws(ApplyError) {
      answer = RemoteGadgets.isRestorer(try process.read(RuntimeAddress(rawValue: address), count))
    } catch {}
    knownRestorers[address] = answer
    return answer
  }
}

/// One look at every thread of a task that stands still.
private struct ThreadLook {
  private static let redZone: UInt64 = 128
  private static let chunk = 1 << 20

  let task: LinuxTask
  let guards: [GuardedRange]
  let scan: StackScan
  let map: TaskMap
  /// Made when something is found, which is rare.
  private var knownCode: CodeRanges?
  private var knownWalker: StackWalker?
  var returnAddresses: [UInt64: Bool] = [:]
  var pointerGuard: UInt64?

  init(task: LinuxTask, guards: [GuardedRange], map: TaskMap) {
    self.task = task
    self.guards = guards
    self.map = map
    scan = StackScan(guards)
  }

  private mutating func code() throws(ApplyError) -> CodeRanges {
    if let knownCode { return knownCode }
    let code = CodeRanges(try map.lines())
    knownCode = code
    return code
  }

  private mutating func walker() throws(ApplyError) -> StackWalker {
    if let knownWalker { return knownWalker }
    let walker = StackWalker(
      task.process, executable: task.image.unwinding, mappings: try map.lines(), framed: task.framedCode)
    knownWalker = walker
    return walker
  }

  mutating func occupants(_ id: Int32, _ registers: ThreadRegisters) throws(ApplyError) -> [ThreadOccupant] {
    var found: Set<Sighting> = []
    for hit in scan.hits(registers[.rip]) { found.insert(Sighting(.programCounter, hit)) }
    let registerHits = ThreadRegisters.generalPurpose.flatMap { scan.hits(registers[$0]) }
      .filter { isConservative($0) && !$0.isFirstByte }
    let stackHits = try stackHits(registers)
    if !registerHits.isEmpty || !stackHits.isEmpty {
      let walk = try walk(registers)
      let walker = try walker()
      let isIdle = walk.isWhole && walker.isAtSystemCall(registers[.rip])
      // What a system call leaves alone in registers is no place that the program goes to next.
      for hit in registerHits where !isIdle { found.insert(Sighting(.register, hit)) }
      for word in stackHits where counts(word, walk) { found.insert(Sighting(.stackWord, word.hit)) }
    }
    guard !found.isEmpty else { return [] }
    let name = task.process.threadName(id)
    return found.sorted { $0.order < $1.order }.map { sighting in
      ThreadOccupant(
        thread: id, threadName: name, kind: sighting.kind, address: RuntimeAddress(rawValue: sighting.hit.address),
        guardIndex: sighting.hit.guardIndex)
    }
  }

  private struct Sighting: Hashable {
    var kind: ThreadOccupant.Kind
    var hit: StackScan.Hit

    init(_ kind: ThreadOccupant.Kind, _ hit: StackScan.Hit) {
      self.kind = kind
      self.hit = hit
    }

    var order: (Int, UInt8, UInt64) { (hit.guardIndex, kind.rawValue, hit.address) }
  }

  private func isConservative(_ hit: StackScan.Hit) -> Bool { guards[hit.guardIndex].isConservative }

  // MARK: Frames

  /// A hit on a stack and where the word stands.
  private struct StackWord: Hashable {
    var hit: StackScan.Hit
    var address: UInt64
    /// It can be told from a frame's by the thread's own frames: neither mangled nor on a second stack.
    var isOnFrameStack: Bool

    var apartFromFrames: StackWord { StackWord(hit: hit, address: address, isOnFrameStack: false) }
  }

  private mutating func walk(_ registers: ThreadRegisters) throws(ApplyError) -> StackWalk {
    guard let stack = try map.stack(holding: registers[.rsp]) else { return StackWalk() }
    return try walker().walk(registers, on: stack)
  }

  private func counts(_ word: StackWord, _ walk: StackWalk) -> Bool {
    guard word.isOnFrameStack, walk.isCertain(ofWordAt: word.address) else { return true }
    return walk.places.contains(word.hit.address)
  }

  // MARK: Stacks

  private mutating func stackHits(_ registers: ThreadRegisters) throws(ApplyError) -> Set<StackWord> {
    pointerGuard = pointerGuard ?? readPointerGuard(registers)
    var found: Set<StackWord> = []
    // How far down each stack has been looked at: an alternate one may lie in the mapping of the one that was interrupted,
    // above where that stands (a thread-local array; two mappings that the kernel has made one).
    var lowest: [RuntimeAddress: UInt64] = [:]
    var pointers = [registers[.rsp]]
    while let pointer = pointers.popLast() {
      guard let stack = try map.stack(holding: pointer), pointer < lowest[stack.start] ?? .max else { continue }
      lowest[stack.start] = pointer
      let look = try look(at: stack, from: pointer)
      found.formUnion(look.words)
      pointers += look.interrupted
    }
    let isOneStack = lowest.count == 1 && lowest.values.first == registers[.rsp]
    return isOneStack ? found : Set(found.map { $0.apartFromFrames })
  }

  /// One stack from a stack pointer up, the red zone below it included, and the stack pointers of what signal handlers on it have
  /// interrupted elsewhere.
  private mutating func look(
    at stack: RuntimeRange, from pointer: UInt64
  ) throws(ApplyError) -> (words: Set<StackWord>, interrupted: [UInt64]) {
    var words = Set(try redZoneHits(below: pointer, stack.start.rawValue, pointerGuard))
    var interrupted: [UInt64] = []
    var next = max(pointer & ~7, stack.start.rawValue)
    while next < stack.end.rawValue {
      let count = min(Self.chunk, Int(stack.end.rawValue - next))
      let bytes = try task.process.read(RuntimeAddress(rawValue: next), count)
      var candidates: [StackWord] = []
      scan.forEachHit(in: bytes, pointerGuard: pointerGuard) { word in
        candidates.append(
          StackWord(hit: word.hit, address: next &+ UInt64(word.offset), isOnFrameStack: !word.isMangled))
      }
      for word in candidates where try isStackHit(word.hit) { words.insert(word) }
      for frame in try signalFrames(in: bytes, at: next) where frame.isOfHandler(runningAt: pointer) {
        // That is where the thread goes on, as with a program counter.
        for hit in scan.hits(frame.programCounter) {
          words.insert(StackWord(hit: hit, address: frame.address, isOnFrameStack: true))
        }
        let isSeen = frame.stackPointer >= pointer && frame.stackPointer < stack.end.rawValue
        if !isSeen { interrupted.append(frame.stackPointer) }
      }
      let isLast = next + UInt64(count) == stack.end.rawValue
      next += UInt64(isLast ? count : count - InterruptedPlace.byteCount)
    }
    return (words, interrupted)
  }

  /// What is below the stack pointer belongs to a function that calls nobody (psABI, The Stack Frame): no return address of
  /// it is there, and those that are were left by calls that have returned.
  private mutating func redZoneHits(
    below pointer: UInt64, _ lowest: UInt64, _ pointerGuard: UInt64?
  ) throws(ApplyError) -> [StackWord] {
    let start = max((pointer &- Self.redZone) & ~7, lowest)
    guard start < (pointer & ~7) else { return [] }
    let words = try task.process.read(RuntimeAddress(rawValue: start), Int((pointer & ~7) - start))
    var found: [StackWord] = []
    scan.forEachHit(in: words, pointerGuard: pointerGuard) { word in
      found.append(StackWord(hit: word.hit, address: start &+ UInt64(word.offset), isOnFrameStack: !word.isMangled))
    }
    var result: [StackWord] = []
    for word in found where isConservative(word.hit) && !word.hit.isFirstByte {
      if try !isReturnAddress(word.hit.address) { result.append(word) }
    }
    return result
  }

  private mutating func isStackHit(_ hit: StackScan.Hit) throws(ApplyError) -> Bool {
    if isConservative(hit) && !hit.isFirstByte { return true }
    return try isReturnAddress(hit.address)
  }

  /// A signal frame begins with the address of the restorer (SignalFrame).
  private mutating func signalFrames(in words: [UInt8], at start: UInt64) throws(ApplyError) -> [InterruptedPlace] {
    let candidates = words.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count - InterruptedPlace.byteCount, by: 8).filter { offset in
        InterruptedPlace.hasSelectors(buffer, at: offset)
      }
    }
    var frames: [InterruptedPlace] = []
    for offset in candidates {
      guard let restorer = TaskBytes(words).word(at: offset), try code().contains(restorer), task.isRestorer(restorer),
        let frame = InterruptedPlace(words, at: offset, address: start &+ UInt64(offset))
      else { continue }
      frames.append(frame)
    }
    return frames
  }

  private mutating func isReturnAddress(_ address: UInt64) throws(ApplyError) -> Bool {
    if let known = returnAddresses[address] { return known }
    let isInCode = try code().contains(address &- 1)
    var answer = false
    do throws(ApplyError) {
      let start = RuntimeAddress(rawValue: address &- 8)
      if isInCode { answer = StackScan.endsInCall(try task.process.read(start, 8)) }
    } catch {}
    returnAddresses[address] = answer
    return answer
  }

  /// At fs:0x30 (tcbhead_t.pointer_guard), the same in every thread (csu/libc-start.c, nptl/pthread_create.c). Of a C
  /// library that has none there, some word: it demangles to nothing.
  private func readPointerGuard(_ registers: ThreadRegisters) -> UInt64? {
    do throws(ApplyError) {
      let address = RuntimeAddress(rawValue: registers[.fsBase] &+ 0x30)
      return TaskBytes(try task.process.read(address, 8)).word(at: 0)
    } catch {
      return nil
    }
  }
}

/// Where a task may execute. Asked for every word of every stack: a few comparisons each.
private struct CodeRanges {
  private let bounds: [(start: UInt64, end: UInt64)]
  private let lowest: UInt64
  private let highest: UInt64

  init(_ mappings: [MapsLine]) {
    // [vsyscall], above all else, would take every pointer for one into code; nothing in it can be read.
    bounds = mappings.filter { $0.protection.contains(.execute) && !$0.name.elementsEqual("[vsyscall]".utf8) }
      .map { ($0.range.start.rawValue, $0.range.end.rawValue) }
    lowest = bounds.map(\.start).min() ?? .max
    highest = bounds.map(\.end).max() ?? 0
  }

  @inline(__always)
  func contains(_ address: UInt64) -> Bool {
    guard address >= lowest, address < highest else { return false }
    for range in bounds where address >= range.start && address < range.end { return true }
    return false
  }
}
