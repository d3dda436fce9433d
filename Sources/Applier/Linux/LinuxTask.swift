public import Addressing

/// A live process, held by ptrace(2).
///
/// Invariants:
/// - (L1) From `init` to `detach` the main thread is traced. That is the lock: a thread has one tracer, so a second applier
///   is refused. While the task is not held, no other thread is traced.
/// - (L2) Every ptrace call comes from the thread that made this object: to any other the kernel says "no such process".
/// - (L3) A thread that is stopped holds registers with which it can go on by itself: were this program killed, the kernel
///   would let every thread go, and none may fail for it. What must be done to a thread is done as soon as it stops.
/// - (L4) A signal taken from a thread is given back to it, once.
///
/// | state | how it is left |
/// |---|---|
/// | attached: main thread traced and running | `stopThreads` → held · `detach` |
/// | held: every thread traced and stopped | `resumeThreads` → attached · `detach` |
/// | detached, or the process has ended | nothing can be done any more |
public final class LinuxTask: TaskAccess {
  /// How memory that does not allow it is written.
  public enum WriteMethod: Hashable, Sendable, CaseIterable {
    /// Through `/proc/PID/mem`, which passes over protections, where the kernel lets it; else as `.remoteProtect`.
    case forced
    /// The task itself is made to allow it by mprotect(2), and to take that back.
    case remoteProtect
  }

  public let process: LinuxProcess
  public let slide: Slide
  let image: MainImage
  let tracer = LinuxCalls.thread
  /// How long a thread may take to stop, or a call made in the task to return.
  let patience: UInt64

  public var writeMethod: WriteMethod
  public internal(set) var lastPauseNanoseconds: UInt64?

  var threads: [Int32: LinuxThread]
  /// The thread that stays traced from first to last: the main thread, unless it has ended and left the others.
  var lead: Int32
  var isHeld = false
  var isDetached = false
  /// Signals delivered to threads that were to stand still.
  var deliveryCount = 0
  /// How the process ended, if we were told: a parent is told once.
  var ending: WaitStatus.Kind?
  var pauseStart: UInt64?
  var scheduling: LinuxCalls.Scheduling?
  /// What every seized thread is given; the main thread of a spawned program has more.
  let options: LinuxCalls.SeizeOptions
  var gadgets: RemoteGadgets?
  var knownRestorers: [UInt64: Bool] = [:]
  var hasRehearsed = false
  /// Made anew before each stop.
  var map: TaskMap?
  /// Functions of an image that has no unwind information.
  var framedCode = FramedCode()

  /// Attaches to a running process, stopping nothing.
  ///
  /// - Parameter entryPoint: of the image it is taken for (`BaseImage.entryPoint`).
  public convenience init(
    attachingTo id: Int32, entryPoint: VirtualAddress, writeMethod: WriteMethod = .forced,
    patienceNanoseconds: UInt64 = 2_000_000_000
  ) throws(ApplyError) {
    let process = try LinuxProcess(id)
    let image = try process.mainImage(entryPoint: entryPoint)
    do throws(SystemCallFailure) {
      try LinuxCalls.seize(process.thread, .traceSystemCallsApart)
    } catch {
      throw Self.refusal(process, error)
    }
    self.init(
      process, image, LinuxThread(process.thread), options: .traceSystemCallsApart, writeMethod: writeMethod,
      patienceNanoseconds: patienceNanoseconds)
  }

  /// Takes over a process of which this thread has seized one thread.
  init(
    _ process: LinuxProcess, _ image: MainImage, _ lead: LinuxThread, options: LinuxCalls.SeizeOptions,
    writeMethod: WriteMethod, patienceNanoseconds: UInt64
  ) {
    self.process = process
    self.image = image
    self.options = options
    self.writeMethod = writeMethod
    slide = image.slide
    patience = patienceNanoseconds
    threads = [lead.id: lead]
    self.lead = lead.id
    // It cannot be traced any more, and is still counted.
    if lead.id != process.id { threads[process.id] = LinuxThread(process.id, state: .ended) }
  }

  /// Lets frames be told by the frame pointer where a function is known to keep one: what has no unwind information would
  /// have every word on its stack taken for a return address.
  public func expectFramePointers(in functions: [AddressRange], entryPoint: VirtualAddress) {
    framedCode = FramedCode(
      functions: functions.compactMap { RuntimeRange($0, slide: slide) },
      entryPoint: RuntimeAddress(entryPoint, slide: slide).rawValue)
  }

  deinit { detach() }

  public var name: String { process.description }

  /// Empty where the image has no build-id: it is then known by the header in its arena alone.
  public func identity() throws(ApplyError) -> [UInt8] { image.buildID ?? [] }

  private static func refusal(_ process: LinuxProcess, _ failure: SystemCallFailure) -> ApplyError {
    if failure.isGone { return ApplyError(.noSuchProcess, target: process.description, failure: failure) }
    do throws(SystemCallFailure) {
      guard let status = try process.status(ofThread: process.thread) else {
        return ApplyError(.taskCallFailed, target: process.description, failure: failure)
      }
      if status.isZombie { return ApplyError(.processIsZombie, target: process.description) }
      return LinuxProcess.refusal(process.description, status, failure)
    } catch {
      return ApplyError(.noSuchProcess, target: process.description, failure: error)
    }
  }

  /// A failed call in words; that the process is gone is told apart.
  func error(_ failure: SystemCallFailure, at address: RuntimeAddress? = nil, detail: String? = nil) -> ApplyError {
    if LinuxCalls.thread != tracer {
      return ApplyError(
        .taskCallFailed, target: name, failure: failure, detail: "called from another thread than the one that attached"
      )
    }
    return ApplyError(
      failure.isGone ? reasonOfAbsence() : .taskCallFailed, target: name, address: address, failure: failure,
      detail: detail)
  }

  /// Why a thread could not be found. The kernel says so of one thread, and of one that is being killed before it counts as
  /// ended: the others are still written to if that is taken for the end of the process.
  private func reasonOfAbsence() -> ApplyError.Code {
    let deadline = LinuxCalls.nanoseconds &+ min(patience, 50_000_000)
    while LinuxCalls.nanoseconds < deadline {
      if process.hasEnded { return .processExited }
      if !process.hasItsMemory(at: image.entryPoint) { return process.absence }
      LinuxCalls.sleep(nanoseconds: 1_000_000)
    }
    return .taskCallFailed
  }
}
