import Addressing
import Journal
import Testing

@testable import Applier

/// Attaching to a task of Darwin, looking at its threads, starting one.
@Suite struct DarwinTaskTests {
  static let layout = SimulatedMach.layout
  let base = layout.base()
  let mach = SimulatedMach.small()
  let slide = Slide(rawValue: 0x1_0480_0000)

  private func refusal() -> ApplyError? { failure { () throws(ApplyError) in try mach.task() } }

  // MARK: Attaching

  @Test func `the slide is where the first region stands less where the image has it, and the identity is its UUID`()
    throws
  {
    let task = try mach.task()
    #expect(task.slide == slide)
    #expect(try task.identity() == Self.layout.identity)
    #expect(task.name == "pid 4711 (small)")
  }

  @Test func `without the privilege the message says what to do`() {
    mach.hasPrivilege = false
    let error = refusal()
    #expect(error?.code == .taskPortRefused)
    for word in ["com.apple.security.cs.debugger", "root", "DevToolsSecurity -enable", "get-task-allow"] {
      #expect(error?.description.contains(word) == true)
    }
    #expect(mach.locks.isEmpty)
  }

  @Test func `processes that cannot be patched are refused by name`() throws {
    let none = failure { () throws(ApplyError) in try DarwinTask(attachingTo: 1, base: base, mach) }
    #expect(none?.code == .noSuchProcess)
    mach.facts.state = 5
    #expect(refusal()?.code == .processIsZombie)
    mach.facts.state = 2
    mach.facts.flags = 0x2_0004
    #expect(refusal()?.code == .processTranslated)
    mach.facts.flags = 0
    #expect(refusal()?.code == .processNot64Bit)
    mach.facts.flags = 0x4
    var other = base
    other.architecture = .x86_64
    let error = failure { () throws(ApplyError) in try mach.task(base: other) }
    #expect(error?.code == .architectureMismatch)
    #expect(error?.description.contains("the process arm64") == true)
    mach.poke([2], at: RuntimeAddress(Self.layout.head.start, slide: slide).rawValue + 8)
    #expect(refusal()?.detail?.contains("arm64e") == true)
    #expect(mach.openPortCount == 0)
    #expect(mach.locks.isEmpty)
  }

  @Test func `a second applier is refused until the first has let go`() throws {
    let first = try mach.task()
    #expect(refusal()?.code == .alreadyTraced)
    first.detach()
    _ = try mach.task()
  }

  @Test func `a process that ends meanwhile is told apart from a call that fails`() throws {
    let task = try mach.task()
    mach.threads[0].programCounter = 0
    #expect(failure { () throws(ApplyError) in try task.read(RuntimeAddress(rawValue: 0), 1) }?.code == .processExited)
    let other = SimulatedMach.small()
    let living = try other.task()
    #expect(
      failure { () throws(ApplyError) in try living.read(RuntimeAddress(rawValue: 0), 1) }?.code == .taskCallFailed)
  }

  @Test func `code that a killed applier left writable can be executed again after the next attach`() throws {
    let code = RuntimeAddress(Self.layout.code.start, slide: slide)
    let page = try #require(RuntimeRange(start: code, byteCount: Self.layout.page))
    try mach.suspend(TaskPort(rawValue: 0))
    try mach.protect(TaskPort(rawValue: 0), page, MachProtection(pages: [.read, .write], copies: true))
    mach.applierDies()
    #expect(mach.fetch(code.rawValue) == nil)
    _ = try mach.task()
    #expect(mach.fetch(code.rawValue) != nil)
  }

  @Test func `pages are given another protection, writing by a copy, and never what the kernel forbids`() throws {
    let task = try mach.task()
    let code = RuntimeAddress(Self.layout.code.start, slide: slide)
    let page = try #require(RuntimeRange(start: code, byteCount: Self.layout.page))
    let file = try #require(mach.pages[code.rawValue])
    try task.stopThreads()
    try task.protect(page, [.read, .write])
    #expect(mach.leaf(at: code.rawValue)?.current == [.read, .write])
    try task.write([1, 2, 3, 4], at: code)
    #expect(file.contents.prefix(4) != [1, 2, 3, 4])
    try task.protect(page, [.read, .execute])
    #expect(mach.fetch(code.rawValue) == 1)
    let refused = failure { () throws(ApplyError) in try task.protect(page, [.read, .write, .execute]) }
    #expect(refused?.code == .taskCallFailed)
    try task.resumeThreads()
  }

  @Test(
    "An executable's header that the program has damaged is refused, never believed", arguments: [UInt8(0), 0x7f, 0xff])
  func damagedHeadersAreRefused(byte: UInt8) throws {
    let head = RuntimeAddress(Self.layout.head.start, slide: slide).rawValue
    for offset in UInt64(0)..<160 {
      let found = mach.peek(head + offset, 1)
      mach.poke([byte], at: head + offset)
      let error = failure { () throws(ApplyError) in
        let task = try mach.task()
        defer { task.detach() }
        _ = try task.identity()
      }
      if let error {
        #expect([.taskMemoryMalformed, .architectureMismatch].contains(error.code), "\(offset): \(error)")
      }
      mach.poke(found, at: head + offset)
    }
    #expect(mach.openPortCount == 0)
    #expect(mach.locks.isEmpty)
  }

  // MARK: Threads

  private func runtime(_ offset: UInt64) -> UInt64 {
    RuntimeAddress(Self.layout.code.start, slide: slide).rawValue + offset
  }

  private func sightings(
    _ reach: Guard.Reach = .whole, isConservative: Bool = true
  ) throws -> [ThreadOccupant.Kind] {
    let task = try mach.task()
    defer { task.detach() }
    try task.stopThreads()
    let range = try #require(RuntimeRange(start: RuntimeAddress(rawValue: runtime(0x100)), byteCount: 0x40))
    let guarded = GuardedRange(range: range, reach: reach, isConservative: isConservative)
    let found = try task.occupants(of: [guarded])
    #expect(found.allSatisfy { $0.thread == 0x5a17 && $0.threadName == "main" })
    return found.map(\.kind)
  }

  /// BL, so that the address behind it is one to return to.
  private func putCall(before address: UInt64) { mach.poke([0, 0, 0, 0x94], at: address - 4) }

  @Test func `a thread is found by its program counter, a register, or a word of its stack`() throws {
    let stack = mach.threads[0].stackPointer
    #expect(try sightings() == [])
    mach.threads[0].programCounter = runtime(0x120)
    #expect(try sightings() == [.programCounter])
    mach.threads[0].programCounter = runtime(0x5000)
    mach.threads[0].general[19] = runtime(0x124)
    #expect(try sightings() == [.register])
    #expect(try sightings(isConservative: false) == [])
    mach.threads[0].general[19] = 0
    mach.poke(runtime(0x128).bytes, at: stack + 0x40)
    #expect(try sightings() == [.stackWord])
    #expect(try sightings(isConservative: false) == [])
    putCall(before: runtime(0x128))
    #expect(try sightings(isConservative: false) == [.stackWord])
  }

  @Test func `below the stack pointer nobody returns to anything, whether or not the call is still there`() throws {
    mach.poke(runtime(0x128).bytes, at: mach.threads[0].stackPointer - 16)
    #expect(try sightings() == [])
    putCall(before: runtime(0x128))
    #expect(try sightings() == [])
    mach.threads[0].stackPointer -= 16
    #expect(try sightings(isConservative: false) == [.stackWord])
  }

  @Test func `a function that calls none returns to what its link register holds`() throws {
    putCall(before: runtime(0x128))
    mach.threads[0].linkRegister = runtime(0x128)
    #expect(try sightings(isConservative: false) == [.stackWord])
  }

  @Test func `the first byte of a range is a pointer to the function, unless a call comes before it`() throws {
    let stack = mach.threads[0].stackPointer
    mach.poke(runtime(0x100).bytes, at: stack + 0x40)
    mach.poke([0x1f, 0x20, 0x03, 0xd5], at: runtime(0x100) - 4)
    #expect(try sightings() == [])
    #expect(try sightings(.interior) == [])
    putCall(before: runtime(0x100))
    #expect(try sightings() == [.stackWord])
  }

  @Test func `what setjmp has kept is found under its mangling`() throws {
    let token: UInt64 = 0x5a5a_1234_9876_ffff
    mach.threads[0].specificData = SimulatedMach.stack.start + 0x1000
    mach.poke(token.bytes, at: SimulatedMach.stack.start + 0x1000 + 56)
    mach.poke((runtime(0x130) ^ token).bytes, at: mach.threads[0].stackPointer + 0x80)
    #expect(try sightings() == [.stackWord])
  }

  @Test func `the stack that a signal handler's alternate one has interrupted is looked at as well`() throws {
    let heap: UInt64 = 0x1_7000_0000
    mach.add(SimulatedEntry(start: heap, end: heap + 0x4000, current: [.read, .write], maximum: [.read, .write]))
    let interrupted = mach.threads[0].stackPointer
    mach.poke(runtime(0x130).bytes, at: interrupted + 0x20)
    mach.threads[0].stackPointer = heap + 0x3000
    #expect(try sightings() == [])
    // The interrupted stack pointer, in the signal frame.
    mach.poke(interrupted.bytes, at: heap + 0x3100)
    #expect(try sightings() == [.stackWord])
  }

  // MARK: Starting

  /// The dynamic loader: what stands in the cells is its own, and the thread comes to the entry point.
  private func load(_ mach: SimulatedMach) {
    let cell = RuntimeAddress(Self.layout.cells.start, slide: slide).rawValue
    mach.poke([UInt8](repeating: 0, count: 8), at: cell)
    mach.threads[0].programCounter = runtime(0)
  }

  @Test(
    "A program is started with or without random addresses, and stopped at its entry point", arguments: [true, false])
  func starts(isSlid: Bool) throws {
    let entry = mach.peek(runtime(0), 16)
    var looped: [UInt8] = []
    mach.onContinue = {
      looped = $0.peek(self.runtime(0), 4)
      self.load($0)
    }
    mach.threads[0].programCounter = runtime(0x5000)
    let spawned = try SpawnedDarwinProcess(
      "/bin/small", arguments: ["small", "x"], environment: [], isSlid: isSlid, base: base, mach)
    #expect(mach.spawned?.isSlid == isSlid)
    #expect(mach.spawned?.arguments == ["small", "x"])
    #expect(looped == [0, 0, 0, 0x14])
    #expect(mach.peek(runtime(0), 16) == entry)
    #expect(mach.isSuspended)
    mach.events = [2, 15]
    mach.onSuspend = nil
    mach.status = nil
    mach.onEvent = { mach, remaining in if remaining == 0 { mach.status = 7 << 8 } }
    #expect(try spawned.wait() == 7)
    // SIGTERM was for the program; SIGINT it had from the terminal.
    #expect(mach.sent == [19, 15])
    #expect(!mach.isSuspended)
    #expect(mach.crash == nil)
  }

  @Test func `a program that never comes to its entry point is ended, and so is one that was not let go`() throws {
    let error = failure { () throws(ApplyError) in
      try SpawnedDarwinProcess("/bin/small", arguments: [], environment: [], isSlid: true, base: base, mach)
    }
    #expect(error?.code == .spawnFailed)
    #expect(mach.sent.contains(9))
    let other = SimulatedMach.small()
    other.onContinue = { self.load($0) }
    do {
      _ = try SpawnedDarwinProcess("/bin/small", arguments: [], environment: [], isSlid: true, base: base, other)
    }
    #expect(other.sent == [19, 9])
  }
}
