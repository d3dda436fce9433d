import Addressing
import Journal

@testable import Applier

/// A Mach kernel with one process, as far as an applier meets it. Each rule names where XNU has it (xnu-11417.101.15).
///
/// While the task is not suspended its threads run a little before every call is answered, as if the calls took their time: one
/// whose instructions cannot be fetched kills the process.
final class SimulatedMach: MachCalls, DarwinProcessCalls {
  /// How a call fails.
  enum Failure: CaseIterable {
    /// It does nothing, this once.
    case once
    /// It does nothing, and no later call does anything.
    case forGood
    /// A write writes half of what it should, this once.
    case half
  }

  struct Thread {
    var number: UInt64
    var name: String
    var programCounter: UInt64
    var stackPointer: UInt64 = 0
    var linkRegister: UInt64 = 0
    /// arm64: x0…x28, fp. x86-64: rax, rbx, rcx, rdx, rdi, rsi, rbp, r8…r15.
    var general = [UInt64](repeating: 0, count: 30)
    var specificData: UInt64 = 0
  }

  static let processNumber: Int32 = 4711

  let pageByteCount: UInt64
  let architecture: BaseImage.Architecture
  var entries: [SimulatedEntry] = []
  var pages: [UInt64: SimulatedPage] = [:]
  var threads: [Thread] = []
  var facts = DarwinProcessFacts(name: "small", flags: 0x4, state: 2, startTime: 1_700_000_000_000_000)
  /// Whether task_for_pid is allowed: bsd/kern/kern_proc.c, task_for_pid_posix_check and the entitlements.
  var hasPrivilege = true
  var loader: RuntimeRange?
  var locks: [String: Int32] = [:]

  private(set) var suspensionCount = 0
  /// Why the process died, where it did.
  private(set) var crash: String?
  private(set) var openPortCount = 0
  private(set) var openThreadListCount = 0

  /// Fails the call of this number, counted from 1.
  var failing: (call: Int, how: Failure)?
  private(set) var callCount = 0
  private(set) var log: [String] = []
  /// Lets the threads run; what it returns is why the process dies. An emulator is put here.
  var run: ((SimulatedMach) -> String?)?
  /// Tells whoever else maps the pages that these are other ones, or have another protection now.
  var onRemap: ((_ start: UInt64, _ end: UInt64) -> Void)?
  var onFlush: ((_ start: UInt64, _ end: UInt64) -> Void)?
  var onSuspend: (() -> Void)?

  /// - Parameter pageByteCount: of a Mac with Apple's processor where nothing is said; of an Intel Mac 4 KiB.
  init(pageByteCount: UInt64? = nil, architecture: BaseImage.Architecture = .arm64) {
    self.pageByteCount = pageByteCount ?? (architecture == .arm64 ? 0x4000 : 0x1000)
    self.architecture = architecture
  }

  var isSuspended: Bool { suspensionCount > 0 }

  // MARK: Failing

  func heal() { failing = nil }

  func restartCounting() {
    callCount = 0
    log = []
  }

  /// What the kernel does when the applier's ports go: osfmk/kern/task.c, task_suspend and its no-senders notification.
  func applierDies() {
    suspensionCount = 0
    locks = [:]
  }

  /// Counts a call, lets threads run, and fails where that was asked for.
  func call(
    _ name: String, ofTask isOfTask: Bool = true, half: (() throws(MachFailure) -> Void)? = nil
  ) throws(MachFailure) {
    callCount += 1
    log.append(name)
    if isOfTask {
      letThreadsRun()
      // The port of a task that has ended names nothing: MIG's convert_port_to_map gives no map.
      if crash != nil { throw .kernel(name, .invalidArgument) }
    }
    guard let failing, callCount >= failing.call else { return }
    switch failing.how {
    case .once where callCount > failing.call, .half where callCount > failing.call: return
    case .half: try half?()
    case .once, .forGood: break
    }
    throw .kernel(name, .failure, "made to fail")
  }

  /// An instruction is fetched from a page that may be executed: osfmk/vm/vm_fault.c, vm_fault_internal, whose
  /// KERN_PROTECTION_FAILURE becomes EXC_BAD_ACCESS.
  func letThreadsRun() {
    guard !isSuspended, crash == nil else { return }
    if let run {
      crash = run(self)
    } else {
      for thread in threads where fetch(thread.programCounter) == nil {
        crash = "EXC_BAD_ACCESS at 0x" + String(thread.programCounter, radix: 16)
      }
    }
    if crash != nil { facts.state = 5 }
  }

  /// The byte that a processor gets as an instruction's; nil where it faults.
  func fetch(_ address: UInt64) -> UInt8? {
    guard let entry = leaf(at: address), entry.current.contains(.execute), let page = pages[pageStart(address)] else {
      return nil
    }
    page.mapExecutable()
    return page.fetched?[Int(address - pageStart(address))]
  }

  // MARK: Tasks

  func open(_ process: Int32) throws(MachFailure) -> TaskPort {
    try call("task_for_pid", ofTask: false)
    guard process == Self.processNumber, hasPrivilege, crash == nil else { throw .kernel("task_for_pid", .failure) }
    openPortCount += 1
    return TaskPort(rawValue: 0x1203)
  }

  func release(_ task: TaskPort) { openPortCount -= 1 }

  /// Suspensions are counted: osfmk/kern/task.c, place_task_hold.
  func suspend(_ task: TaskPort) throws(MachFailure) {
    try call("task_suspend")
    suspensionCount += 1
    if suspensionCount == 1 { onSuspend?() }
  }

  func resume(_ task: TaskPort) throws(MachFailure) {
    try call("task_resume")
    guard suspensionCount > 0 else { throw .kernel("task_resume", .failure) }
    suspensionCount -= 1
  }

  func loaderInfo(_ task: TaskPort) throws(MachFailure) -> RuntimeRange? {
    try call("task_info")
    return loader
  }

  // MARK: Threads

  func threads(_ task: TaskPort) throws(MachFailure) -> ThreadList {
    try call("task_threads")
    openThreadListCount += 1
    return ThreadList(ports: threads.indices.map { ThreadPort(rawValue: UInt32($0)) }, storage: 1)
  }

  func release(_ threads: ThreadList) { openThreadListCount -= 1 }

  private func thread(_ port: ThreadPort, _ call: String) throws(MachFailure) -> Thread {
    guard threads.indices.contains(Int(port.rawValue)) else { throw .kernel(call, .terminated) }
    return threads[Int(port.rawValue)]
  }

  /// The flavor decides how much room there must be: osfmk/arm64/status.c and osfmk/i386/pcb.c, machine_thread_get_state.
  func state(_ port: ThreadPort, flavor: Int32, wordCount: Int) throws(MachFailure) -> [UInt32] {
    try call("thread_get_state")
    let thread = try thread(port, "thread_get_state")
    let wanted: (flavor: Int32, wordCount: Int) = architecture == .arm64 ? (6, 68) : (4, 42)
    guard flavor == wanted.flavor, wordCount >= wanted.wordCount else {
      throw .kernel("thread_get_state", .invalidArgument)
    }
    let words =
      architecture == .arm64
      ? Array(thread.general.prefix(30)) + [thread.linkRegister, thread.stackPointer, thread.programCounter, 0]
      : Array(thread.general.prefix(7)) + [thread.stackPointer] + Array(thread.general[7..<15])
        + [thread.programCounter, 0, 0, 0, 0]
    return words.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)] }
  }

  func identity(_ port: ThreadPort) throws(MachFailure) -> MachThreadIdentity {
    try call("thread_info")
    let thread = try thread(port, "thread_info")
    return MachThreadIdentity(number: thread.number, specificData: thread.specificData)
  }

  func name(_ port: ThreadPort) throws(MachFailure) -> String {
    try call("thread_info")
    return try thread(port, "thread_info").name
  }

  // MARK: Processes

  private(set) var nanoseconds: UInt64 = 0
  /// What happens when the process that was spawned is let go.
  var onContinue: ((SimulatedMach) -> Void)?
  private(set) var spawned: (path: String, arguments: [String], isSlid: Bool)?
  var status: Int32?
  var events: [Int32] = []
  /// Called with how many events are left.
  var onEvent: ((SimulatedMach, Int) -> Void)?
  private(set) var sent: [Int32] = []

  func facts(_ process: Int32) throws(MachFailure) -> DarwinProcessFacts? {
    try call("sysctl", ofTask: false)
    return process == Self.processNumber ? facts : nil
  }

  func path(_ process: Int32) throws(MachFailure) -> String {
    try call("proc_pidpath", ofTask: false)
    return "/usr/local/bin/small"
  }

  func send(_ signal: Int32, to process: Int32) throws(MachFailure) {
    try call("kill", ofTask: false)
    sent.append(signal)
    if signal == 9 { crash = "killed" }
    guard signal == 19 else { return }
    applierDies()
    onContinue?(self)
  }

  func pollStatus(_ process: Int32) throws(MachFailure) -> Int32? {
    try call("waitpid", ofTask: false)
    return status
  }

  func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], isSlid: Bool
  ) throws(MachFailure) -> Int32 {
    try call("posix_spawn", ofTask: false)
    spawned = (path, arguments, isSlid)
    suspensionCount = 1
    return Self.processNumber
  }

  func lock(_ path: String) throws(MachFailure) -> Int32? {
    try call("flock", ofTask: false)
    if locks[path] != nil { return nil }
    let descriptor = Int32(locks.count + 3)
    locks[path] = descriptor
    return descriptor
  }

  func unlock(_ descriptor: Int32) { locks = locks.filter { $0.value != descriptor } }

  func watch(_ process: Int32, _ signals: UInt64) throws(MachFailure) -> Int32 {
    try call("kqueue", ofTask: false)
    return 9
  }

  func nextEvent(_ queue: Int32) throws(MachFailure) -> Int32 {
    try call("kevent", ofTask: false)
    let event = events.isEmpty ? 0 : events.removeFirst()
    onEvent?(self, events.count)
    return event
  }

  func endWatch(_ queue: Int32) {}

  func sleep(nanoseconds count: UInt64) {
    // As on a busy machine.
    nanoseconds += 50 * count
    letThreadsRun()
  }
}
