import Addressing

@testable import Applier

/// The kernel's calls as an applier with one defect would make them.
final class DefectiveMach: MachCalls, DarwinProcessCalls {
  enum Defect: CaseIterable {
    /// Makes pages writable without VM_PROT_COPY.
    case doesNotCopy
    /// Asks for pages that can be written and executed at once, so that nothing must stand still.
    case writesWhileExecutable
    /// Leaves pages as it made them.
    case doesNotRestore
    /// Restores what pages are, but not what they may become.
    case doesNotRestoreMaximum
    /// Takes the first region for one that stands a page further on.
    case slidesWrongly
    /// Forgets the page that a write runs over into.
    case doesNotRoundUp
    /// Lets threads run while their code cannot be executed.
    case doesNotSuspend
    /// Leaves old instructions in the cache.
    case doesNotFlush
    /// Takes a submap for one region.
    case staysOutOfSubmaps
    /// Lets go of the task once more than it held it.
    case resumesTwice
  }

  private let mach: SimulatedMach
  private let defect: Defect?

  init(_ mach: SimulatedMach, _ defect: Defect?) {
    self.mach = mach
    self.defect = defect
  }

  var pageByteCount: UInt64 { mach.pageByteCount }

  func open(_ process: Int32) throws(MachFailure) -> TaskPort { try mach.open(process) }
  func release(_ task: TaskPort) { mach.release(task) }

  func suspend(_ task: TaskPort) throws(MachFailure) {
    if defect != .doesNotSuspend { try mach.suspend(task) }
  }

  func resume(_ task: TaskPort) throws(MachFailure) {
    if defect == .doesNotSuspend { return }
    try mach.resume(task)
    if defect == .resumesTwice { try mach.resume(task) }
  }

  func nextRegion(_ task: TaskPort, at address: UInt64, depth: UInt32) throws(MachFailure) -> MachRegion? {
    guard var region = try mach.nextRegion(task, at: address, depth: defect == .staysOutOfSubmaps ? 0 : depth) else {
      return nil
    }
    if defect == .staysOutOfSubmaps { region.isSubmap = false }
    return region
  }

  func read(_ task: TaskPort, at address: UInt64, count: Int) throws(MachFailure) -> [UInt8] {
    var bytes = try mach.read(task, at: address, count: count)
    // The address that __TEXT was linked for, in the first load command, read a page short.
    if defect == .slidesWrongly, count < 0x1000, bytes.starts(with: [0x19, 0, 0, 0]) {
      bytes[25] &-= UInt8(mach.pageByteCount >> 8)
    }
    return bytes
  }

  func write(_ task: TaskPort, _ bytes: [UInt8], at address: UInt64) throws(MachFailure) {
    try mach.write(task, bytes, at: address)
  }

  func protect(_ task: TaskPort, _ range: RuntimeRange, _ protection: MachProtection) throws(MachFailure) {
    var range = range
    var protection = protection
    let opens = protection.copies
    switch defect {
    case .doesNotCopy: protection.copies = false
    case .writesWhileExecutable where opens: protection.pages.insert(.execute)
    case .doesNotRestore where !opens: return
    case .doesNotRestoreMaximum where protection.setsMaximum: return
    case .doesNotRoundUp:
      range = RuntimeRange(start: range.start, byteCount: min(range.byteCount, mach.pageByteCount)) ?? range
    default: break
    }
    try mach.protect(task, range, protection)
  }

  func allocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) { try mach.allocate(task, range) }
  func deallocate(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) { try mach.deallocate(task, range) }

  func flush(_ task: TaskPort, _ range: RuntimeRange) throws(MachFailure) {
    if defect != .doesNotFlush { try mach.flush(task, range) }
  }

  func threads(_ task: TaskPort) throws(MachFailure) -> ThreadList { try mach.threads(task) }
  func release(_ threads: ThreadList) { mach.release(threads) }

  func state(_ thread: ThreadPort, flavor: Int32, wordCount: Int) throws(MachFailure) -> [UInt32] {
    try mach.state(thread, flavor: flavor, wordCount: wordCount)
  }

  func identity(_ thread: ThreadPort) throws(MachFailure) -> MachThreadIdentity { try mach.identity(thread) }
  func name(_ thread: ThreadPort) throws(MachFailure) -> String { try mach.name(thread) }
  func loaderInfo(_ task: TaskPort) throws(MachFailure) -> RuntimeRange? { try mach.loaderInfo(task) }

  func facts(_ process: Int32) throws(MachFailure) -> DarwinProcessFacts? { try mach.facts(process) }
  func path(_ process: Int32) throws(MachFailure) -> String { try mach.path(process) }
  func send(_ signal: Int32, to process: Int32) throws(MachFailure) { try mach.send(signal, to: process) }
  func pollStatus(_ process: Int32) throws(MachFailure) -> Int32? { try mach.pollStatus(process) }

  func spawn(
    _ path: String, _ arguments: [String], _ environment: [String], isSlid: Bool
  ) throws(MachFailure) -> Int32 {
    try mach.spawn(path, arguments, environment, isSlid: isSlid)
  }

  func lock(_ path: String) throws(MachFailure) -> Int32? { try mach.lock(path) }
  func unlock(_ descriptor: Int32) { mach.unlock(descriptor) }
  func watch(_ process: Int32, _ signals: UInt64) throws(MachFailure) -> Int32 { try mach.watch(process, signals) }
  func nextEvent(_ queue: Int32) throws(MachFailure) -> Int32 { try mach.nextEvent(queue) }
  func endWatch(_ queue: Int32) { mach.endWatch(queue) }
  var nanoseconds: UInt64 { mach.nanoseconds }
  func sleep(nanoseconds: UInt64) { mach.sleep(nanoseconds: nanoseconds) }
}
