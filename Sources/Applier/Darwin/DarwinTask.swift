public import Addressing
public import Journal

/// A live process of Darwin, held by its task port.
///
/// Invariants:
/// - (D1) From `init` to `detach` a file in `/tmp` is locked that is named for the process: a second applier is refused. The
///   kernel lets go of the lock when this program dies.
/// - (D2) Between two calls of this type the task has no more suspensions of ours than `stopThreads` left: one while it is held,
///   else none. Were this program killed, the kernel would take them back (`MachCalls.suspend`): no thread's state is ever
///   altered, so that each goes on by itself.
/// - (D3) Memory that threads may execute loses that only while the task is suspended. Apple silicon has no pages that can be
///   written and executed (xnu, osfmk/vm/vm_map.c, vm_map_protect): a thread that ran meanwhile would fault.
///   An applier that is killed just then leaves a page that cannot be executed, in a task that the kernel lets go: the next one to
///   attach closes it, if the program still lives.
/// - (D4) Whatever a write has made of a page's protections, current and maximal, is what was found again when it returns.
///
/// | state | how it is left |
/// |---|---|
/// | attached | `stopThreads` → held · `detach` |
/// | held: suspended | `resumeThreads` → attached · `detach` |
/// | detached, or the process has ended | nothing can be done any more |
public final class DarwinTask: TaskAccess {
  public let process: Int32
  public var slide: Slide { image.slide }
  public internal(set) var lastPauseNanoseconds: UInt64?

  let calls: any MachCalls & DarwinProcessCalls
  let port: TaskPort
  let image: MachOTaskImage
  let architecture: BaseImage.Architecture
  let facts: DarwinProcessFacts
  private let lock: Int32
  var isHeld = false
  private(set) var isDetached = false
  var pauseStart: UInt64 = 0

  /// Attaches to a running process, stopping nothing.
  ///
  /// - Parameter base: the image that it is taken for: its architecture, and which of its pages are code.
  public convenience init(attachingTo process: Int32, base: BaseImage) throws(ApplyError) {
    try self.init(attachingTo: process, base: base, DarwinCalls())
  }

  init(
    attachingTo process: Int32, base: BaseImage, _ calls: any MachCalls & DarwinProcessCalls
  ) throws(ApplyError) {
    let facts = try Self.facts(process, calls)
    let name = Self.name(process, facts)
    let lock = try Self.lock(process, name, calls)
    var port: TaskPort?
    do throws(ApplyError) {
      let opened = try Self.open(process, name, calls)
      port = opened
      image = try MachOTaskImage.executable(of: opened, named: name, calls)
      try image.check(base.architecture, named: name)
      self.port = opened
    } catch {
      if let port { calls.release(port) }
      calls.unlock(lock)
      throw error
    }
    self.process = process
    self.calls = calls
    architecture = base.architecture
    self.facts = facts
    self.lock = lock
    try closeLeftOpen(base.codeRanges)
  }

  deinit { detach() }

  public var name: String { Self.name(process, facts) }

  /// Microseconds since 1970: a pid finds new owners, a start time does not.
  public var startTime: UInt64 { facts.startTime }

  public var executablePath: String? { try? calls.path(process) }

  /// The UUID in the task's memory; empty where the image has none.
  public func identity() throws(ApplyError) -> [UInt8] { image.uuid ?? [] }

  /// Lets the threads go, and the process. Nothing to do when that is done.
  public func detach() {
    guard !isDetached else { return }
    isDetached = true
    if isHeld {
      isHeld = false
      // Should it fail, the process has ended, or the kernel takes the suspension back when we end.
      try? calls.resume(port)
    }
    calls.release(port)
    calls.unlock(lock)
  }

  /// The start time of a process, by which a journal knows it again; nil where there is none.
  public static func startTime(of process: Int32) -> UInt64? {
    guard let facts = try? DarwinCalls().facts(process), !facts.isZombie else { return nil }
    return facts.startTime
  }

  // MARK: Attaching

  private static func name(_ process: Int32, _ facts: DarwinProcessFacts) -> String { "pid \(process) (\(facts.name))" }

  private static func facts(
    _ process: Int32, _ calls: any DarwinProcessCalls
  ) throws(ApplyError) -> DarwinProcessFacts {
    let unnamed = "pid \(process)"
    let found = try told(unnamed) { () throws(MachFailure) in process > 0 ? try calls.facts(process) : nil }
    guard let found else { throw ApplyError(.noSuchProcess, target: unnamed) }
    let target = name(process, found)
    if found.isZombie { throw ApplyError(.processIsZombie, target: target) }
    if found.isTranslated { throw ApplyError(.processTranslated, target: target) }
    if !found.is64Bit { throw ApplyError(.processNot64Bit, target: target) }
    return found
  }

  private static func lock(
    _ process: Int32, _ name: String, _ calls: any DarwinProcessCalls
  ) throws(ApplyError) -> Int32 {
    // Not the folder that each user has for temporary files: root and the process's owner must meet.
    let path = "/tmp/hcs-journal.\(process).lock"
    guard let lock = try told(name, { () throws(MachFailure) in try calls.lock(path) }) else {
      throw ApplyError(.alreadyTraced, target: name, detail: "another applier holds \(path)")
    }
    return lock
  }

  /// task_for_pid says KERN_FAILURE whatever the reason (xnu, bsd/kern/kern_proc.c, task_for_pid): that the process has ended is
  /// found out by asking for it once more.
  private static func open(
    _ process: Int32, _ name: String, _ calls: any MachCalls & DarwinProcessCalls
  ) throws(ApplyError) -> TaskPort {
    do throws(MachFailure) {
      return try calls.open(process)
    } catch {
      guard let facts = try told(name, { () throws(MachFailure) in try calls.facts(process) }) else {
        throw ApplyError(.noSuchProcess, target: name, failure: error)
      }
      if facts.isZombie { throw ApplyError(.processIsZombie, target: name, failure: error) }
      throw ApplyError(.taskPortRefused, target: name, failure: error)
    }
  }

  // MARK: Failures

  /// A call whose failure nothing is to be added to.
  static func told<Result>(
    _ target: String, _ body: () throws(MachFailure) -> Result
  ) throws(ApplyError) -> Result {
    do throws(MachFailure) {
      return try body()
    } catch { throw ApplyError(.taskCallFailed, target: target, failure: error) }
  }

  /// A failed call in words; that the process is gone is told apart.
  func error(
    _ failure: MachFailure, at address: RuntimeAddress? = nil, detail: String? = nil
  ) -> ApplyError {
    ApplyError(
      hasEnded ? .processExited : .taskCallFailed, target: name, failure: failure, runtimeAddress: address,
      detail: detail)
  }

  /// A pid may have found a new owner since: the start time tells. Where nothing can be found out, it lives.
  var hasEnded: Bool {
    do throws(MachFailure) {
      guard let now = try calls.facts(process) else { return true }
      return now.isZombie || now.startTime != facts.startTime
    } catch { return false }
  }

  func malformed(_ detail: String, at address: RuntimeAddress? = nil) -> ApplyError {
    ApplyError(.taskMemoryMalformed, target: name, runtimeAddress: address, detail: detail)
  }

  func requireAttached() throws(ApplyError) {
    guard isDetached else { return }
    throw ApplyError(.processExited, target: name, detail: "this program has let it go")
  }
}

extension BaseImage {
  /// Where code is, before and after the arena is mapped.
  fileprivate var codeRanges: [AddressRange] {
    segments.filter { $0.protection.contains(.execute) }.map(\.range) + [arena.code]
  }
}
