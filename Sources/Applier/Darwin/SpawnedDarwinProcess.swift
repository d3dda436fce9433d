import Addressing
public import Journal

/// A program started by us, stopped at its entry point, in the hands of a `DarwinTask`; afterwards, its parent.
///
/// It is started suspended, before the dynamic loader has run: what is written then, the loader overwrites. So its entry point
/// gets an instruction that branches to itself, and it is let go until its thread is there. By then the loader has also run the
/// image's own initializers (dyld runs them before it calls the entry point): what they did, the base image did.
///
/// Standard streams, process group and limits are ours.
public final class SpawnedDarwinProcess {
  private static let kill: Int32 = 9
  private static let goOn: Int32 = 19
  /// Initializers of libraries may take their time; that much.
  private static let patience: UInt64 = 30_000_000_000

  public let task: DarwinTask
  private let calls: any MachCalls & DarwinProcessCalls
  private var isLetGo = false

  /// - Parameters:
  ///   - path: of the executable; no search path is gone through.
  ///   - arguments: the first is the name that the program sees of itself.
  ///   - environment: `NAME=value`.
  ///   - isSlid: whether its addresses are made random (ASLR).
  ///   - base: the image that it is, and where its entry point is.
  public static func start(
    _ path: String, arguments: [String], environment: [String], isSlid: Bool, base: BaseImage
  ) throws(ApplyError) -> SpawnedDarwinProcess {
    try SpawnedDarwinProcess(
      path, arguments: arguments, environment: environment, isSlid: isSlid, base: base, DarwinCalls())
  }

  init(
    _ path: String, arguments: [String], environment: [String], isSlid: Bool, base: BaseImage,
    _ calls: any MachCalls & DarwinProcessCalls
  ) throws(ApplyError) {
    self.calls = calls
    let process: Int32
    do throws(MachFailure) {
      process = try calls.spawn(path, arguments, environment, isSlid: isSlid)
    } catch { throw ApplyError(.spawnFailed, target: path, failure: error) }
    do throws(ApplyError) {
      task = try DarwinTask(attachingTo: process, base: base, calls)
      try Self.run(task, toEntryPointOf: base, calls)
    } catch {
      // It has been promised to nobody yet; that it has ended already is as good.
      try? calls.send(Self.kill, to: process)
      _ = try? calls.pollStatus(process)
      throw error
    }
  }

  deinit {
    guard !isLetGo else { return }
    try? calls.send(Self.kill, to: task.process)
    task.detach()
    _ = try? calls.pollStatus(task.process)
  }

  /// From before its first instruction, through the dynamic loader, to the entry point.
  private static func run(
    _ task: DarwinTask, toEntryPointOf base: BaseImage, _ calls: any MachCalls & DarwinProcessCalls
  ) throws(ApplyError) {
    let entry = RuntimeAddress(base.entryPoint, slide: task.slide)
    // arm64: B to itself. x86-64: JMP to itself.
    let loop: [UInt8] = base.architecture == .arm64 ? [0x00, 0x00, 0x00, 0x14] : [0xeb, 0xfe]
    let found = try task.read(entry, loop.count)
    try task.write(loop, at: entry)
    do throws(MachFailure) { try calls.send(goOn, to: task.process) } catch { throw task.error(error) }
    let deadline = calls.nanoseconds &+ patience
    var pause: UInt64 = 10_000
    while true {
      try task.stopThreads()
      if try task.programCounters().contains(entry.rawValue) { return try task.write(found, at: entry) }
      try task.resumeThreads()
      guard calls.nanoseconds < deadline else {
        throw ApplyError(.spawnFailed, target: task.name, detail: "it did not come to its entry point")
      }
      calls.sleep(nanoseconds: pause)
      pause = min(pause * 2, 1_000_000)
    }
  }

  /// The program runs from its entry point on, and nobody holds it any more.
  public func letGo() {
    isLetGo = true
    task.detach()
  }

  /// Signals that ask a program for something, which are passed on: SIGHUP 1, SIGTERM 15, SIGUSR1 30, SIGUSR2 31. Those of the
  /// terminal, SIGINT 2, SIGQUIT 3 and SIGWINCH 28, it has told the program itself, which is in our process group: they are
  /// kept from ending us.
  private static let passedOn: Set<Int32> = [1, 15, 30, 31]
  private static let kept: Set<Int32> = [2, 3, 28]

  /// Lets it go and waits for its end, passing signals on.
  /// - Returns: its own exit status, or 128 + the signal's number.
  public func wait() throws(ApplyError) -> Int32 {
    let process = task.process
    do throws(MachFailure) {
      let signals = Self.passedOn.union(Self.kept).reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }
      // Before the program goes: from here on a signal for us is one for it.
      let queue = try calls.watch(process, signals)
      defer { calls.endWatch(queue) }
      letGo()
      while true {
        // The low seven bits name the signal that ended it, or are 0 (sys/wait.h).
        if let status = try calls.pollStatus(process) {
          return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f)
        }
        let event = try calls.nextEvent(queue)
        if Self.passedOn.contains(event) { try calls.send(event, to: process) }
      }
    } catch { throw task.error(error) }
  }
}
