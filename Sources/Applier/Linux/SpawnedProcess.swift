public import Addressing
import Glibc

/// A program started by us, stopped at its entry point, in the hands of a `LinuxTask`; afterwards, its parent.
///
/// At the entry point (AT_ENTRY) the dynamic loader has relocated the image and run the libraries' constructors; the program's
/// own have not run. What is written earlier, the loader overwrites.
///
/// Until `letGo` the kernel kills the program with us (PTRACE_O_EXITKILL): it has not been promised to anyone yet.
/// Standard streams, process group and limits are ours.
public final class SpawnedProcess {
  public let task: LinuxTask
  public var id: Int32 { task.process.id }

  private init(_ task: LinuxTask) { self.task = task }

  deinit {
    guard !task.isDetached else { return }
    do throws(SystemCallFailure) { try LinuxCalls.send(SIGKILL, to: id) } catch {}
    task.detach()
  }

  /// - Parameters:
  ///   - path: of the executable; no search path is gone through.
  ///   - arguments: the first is the name that the program sees of itself.
  ///   - environment: `NAME=value`.
  ///   - isSlid: whether its addresses are made random (ASLR).
  ///   - entryPoint: of its image.
  public static func start(
    _ path: String, arguments: [String], environment: [String], isSlid: Bool, entryPoint: VirtualAddress,
    writeMethod: LinuxTask.WriteMethod = .forced, patienceNanoseconds: UInt64 = 2_000_000_000
  ) throws(ApplyError) -> SpawnedProcess {
    let birth = try Birth(path, arguments: arguments, environment: environment, isSlid: isSlid)
    do throws(ApplyError) {
      try birth.run()
      try birth.runToEntryPoint()
      let process = try LinuxProcess(birth.id)
      let image = try process.mainImage(entryPoint: entryPoint)
      var thread = LinuxThread(birth.id)
      thread.state = .stopped(LinuxThread.Stop())
      thread.registers = birth.registers
      let task = LinuxTask(
        process, image, thread, options: Birth.options, writeMethod: writeMethod,
        patienceNanoseconds: patienceNanoseconds)
      return SpawnedProcess(task)
    } catch {
      birth.end()
      throw error
    }
  }

  /// The program runs from its entry point on, and nobody traces it any more.
  public func letGo() { task.detach() }

  /// How a program ended, as a shell says it.
  public struct Ending: Hashable, Sendable {
    /// Its own, or 128 + the signal's number.
    public var exitStatus: Int32
  }

  /// Signals that ask a program for something, which are passed on. SIGHUP 1, SIGINT 2, SIGQUIT 3, SIGUSR1 10, SIGUSR2 12,
  /// SIGTERM 15, SIGWINCH 28. SIGTSTP and SIGCONT are not among them: we stop and go on beside the program.
  private static let passedOn: UInt64 = [1, 2, 3, 10, 12, 15, 28].reduce(0) { $0 | 1 << ($1 - 1) }

  private static func ending(_ kind: WaitStatus.Kind?) -> Ending? {
    switch kind {
    case .exited(let status): Ending(exitStatus: status)
    case .killed(let signal): Ending(exitStatus: 128 + signal)
    default: nil
    }
  }

  /// Waits for the end, passing signals on. To be called on the thread that signals of this process come to: the main one.
  public func wait() throws(ApplyError) -> Ending {
    do throws(SystemCallFailure) {
      // Before the program goes: from here on a signal for us is one for it.
      var found: UInt64 = 0
      let signals = Descriptor(try LinuxCalls.takeSignals(Self.passedOn, &found))
      defer { LinuxCalls.restoreSignals(found) }
      letGo()
      if let ending = Self.ending(task.ending) { return ending }
      let process = Descriptor(try LinuxCalls.openProcess(id))
      while true {
        if let ending = Self.ending(try LinuxCalls.pollStatus(id)?.kind) { return ending }
        try LinuxCalls.waitReadable([process.number, signals.number])
        while let (signal, isFromTerminal) = try LinuxCalls.nextSignal(signals.number) {
          // The terminal has told the program itself: it is in our process group.
          if !isFromTerminal { try LinuxCalls.send(signal, to: id) }
        }
      }
    } catch {
      throw task.error(error)
    }
  }
}

/// The way of a child of ours from fork to its entry point.
private final class Birth {
  static let options: LinuxCalls.SeizeOptions = [.traceSystemCallsApart, .exitKill]
  private static let patience: UInt64 = 30_000_000_000

  let id: Int32
  private let path: String
  private let go: Descriptor
  private let failure: Descriptor
  private(set) var registers: ThreadRegisters?

  /// The child waits until it is told to run the program, so that it can be seized first.
  init(_ path: String, arguments: [String], environment: [String], isSlid: Bool) throws(ApplyError) {
    self.path = path
    do throws(SystemCallFailure) {
      let (goReader, goWriter) = try LinuxCalls.pipe()
      let (failureReader, failureWriter) = try LinuxCalls.pipe()
      id = try LinuxCalls.spawn(
        path, arguments, environment, isSlid: isSlid, go: (goReader.number, goWriter.number),
        failure: (failureReader.number, failureWriter.number))
      go = goWriter
      failure = failureReader
    } catch {
      throw ApplyError(.spawnFailed, target: path, failure: error)
    }
  }

  /// Lets the child go to the first moment of the new program.
  func run() throws(ApplyError) {
    do throws(SystemCallFailure) {
      try LinuxCalls.seize(id, Self.options.union(.traceExec))
      try LinuxCalls.writeByte(go.number)
      while true {
        let kind = try next()
        if kind == .event(.exec) { return try LinuxCalls.setOptions(id, Self.options) }
        try passOn(kind)
      }
    } catch {
      let number = LinuxCalls.readNumber(failure.number).map(SystemErrorNumber.init(rawValue:))
      throw ApplyError(
        .spawnFailed, target: path, failure: number.map { SystemCallFailure(call: "execve", number: $0) } ?? error)
    }
  }

  /// From the first moment on, when the kernel has mapped program and loader, to the entry point.
  func runToEntryPoint() throws(ApplyError) {
    let entry: UInt64
    do throws(SystemCallFailure) {
      let vector = AuxiliaryVector(try LinuxCalls.contents("/proc/\(id)/auxv"))
      guard let address = vector[.entryPoint] else { throw SystemCallFailure(call: "auxv", number: .notSupported) }
      entry = address
      let memory = Descriptor(try LinuxCalls.open("/proc/\(id)/mem", writable: true))
      let found = try LinuxCalls.read(memory.number, at: entry & ~7, count: 8)
      let word = UInt64(littleEndianBytes: found)
      let shift = (entry & 7) * 8
      // POKEDATA writes where the second way of writing would first need a thread that can make calls.
      try LinuxCalls.poke(id, entry & ~7, word & ~(0xff << shift) | Self.breakpoint << shift)
      try reachBreakpoint(behind: entry)
      try LinuxCalls.poke(id, entry & ~7, word)
    } catch {
      throw ApplyError(
        .spawnFailed, target: path, failure: error, detail: "it ended, or did not come, before its entry point")
    }
  }

  /// int3.
  private static let breakpoint: UInt64 = 0xcc

  private func reachBreakpoint(behind entry: UInt64) throws(SystemCallFailure) {
    try LinuxCalls.resume(id)
    while true {
      let kind = try next()
      if kind == .signal(SIGTRAP) {
        var registers = try LinuxCalls.registers(id)
        if registers[.rip] == entry &+ 1 {
          registers[.rip] = entry
          try LinuxCalls.setRegisters(id, registers)
          self.registers = registers
          return
        }
      }
      try passOn(kind)
    }
  }

  private func passOn(_ kind: WaitStatus.Kind) throws(SystemCallFailure) {
    switch kind {
    case .signal(let signal): try LinuxCalls.resume(id, signal: signal)
    case .groupStop: try LinuxCalls.listen(id)
    case .interrupted, .systemCall, .event: try LinuxCalls.resume(id)
    case .exited, .killed: throw SystemCallFailure(call: "waitpid", number: .gone)
    }
  }

  /// Constructors of libraries may take their time; that much.
  private func next() throws(SystemCallFailure) -> WaitStatus.Kind {
    let deadline = LinuxCalls.nanoseconds &+ Self.patience
    var sleep = 10_000
    while LinuxCalls.nanoseconds < deadline {
      if let status = try LinuxCalls.pollStatus(id) { return status.kind }
      LinuxCalls.sleep(nanoseconds: sleep)
      sleep = min(sleep * 2, 1_000_000)
    }
    throw SystemCallFailure(call: "waitpid", number: .timedOut)
  }

  func end() {
    do throws(SystemCallFailure) {
      try LinuxCalls.send(SIGKILL, to: id)
      while true {
        switch try next() {
        case .exited, .killed: return
        default: try LinuxCalls.resume(id)
        }
      }
    } catch {
      // It has ended already, and been waited for.
    }
  }
}
