#if os(Linux)
  import Addressing
  import Applier
  import Foundation
  import Journal

  /// A process that this program has attached to, or has just started, as a target.
  final class LiveProcess {
    let target: LiveTask
    private let task: LinuxTask
    private let spawned: SpawnedProcess?

    init(attachingTo pid: Int32, base: BaseImage, _ method: WriteMethod) throws(ApplyError) {
      task = try LinuxTask(attachingTo: pid, entryPoint: base.entryPoint, writeMethod: method.ofTask)
      target = try LiveTask(task, base: base)
      spawned = nil
    }

    /// Starts a program and leaves it stopped at its entry point.
    init(
      starting path: String, arguments: [String], isSlid: Bool, base: BaseImage, _ method: WriteMethod
    ) throws(ApplyError) {
      let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
      let spawned = try SpawnedProcess.start(
        path, arguments: arguments, environment: environment, isSlid: isSlid, entryPoint: base.entryPoint,
        writeMethod: method.ofTask)
      self.spawned = spawned
      task = spawned.task
      target = try LiveTask(TaskAtEntry(task), base: base, stage: .atEntry)
    }

    /// A program that was started and not let go ends with this: it has not been promised to anyone yet.
    deinit {
      if spawned == nil { task.detach() }
    }

    /// Of an observed image: nothing is done to a process that maps the very file which a compiler rewrites, and frames are
    /// told by the functions that the journal knows.
    func expectObserved(_ store: JournalStore) throws {
      let base = store.base
      if Self.isSameFile("/proc/\(task.process.id)/exe", base.originalPath) {
        throw ApplyError(.imageIsRewritten, target: target.name, detail: base.originalPath)
      }
      let everywhere = base.segments.filter { $0.protection.contains(.execute) }.map(\.range)
      var functions = try everywhere.flatMap { try store.baseSymbols(overlapping: $0) }.compactMap { symbol in
        symbol.kind == .function ? AddressRange(validating: symbol.address, byteCount: symbol.byteCount) : nil
      }
      functions += try store.functionBodies(at: try store.newestPosition().digest)
      task.expectFramePointers(in: functions, entryPoint: base.entryPoint)
    }

    private static func isSameFile(_ one: String, _ other: String) -> Bool {
      var (first, second) = (stat(), stat())
      guard stat(one, &first) == 0, stat(other, &second) == 0 else { return false }
      return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    func known(at position: Digest) -> KnownTarget {
      KnownTarget(
        pid: task.process.id, startTime: task.process.startTime, path: task.process.executablePath ?? "",
        position: position, since: PointInTime.now.milliseconds)
    }

    /// Lets a started program go on; it is for the caller to wait for its end.
    func letGo() { spawned?.letGo() }

    /// Lets a started program go on and waits for its end.
    /// - Returns: its own exit status, or 128 + n for signal n.
    func waitForEnd() throws(ApplyError) -> Int32 { try spawned?.wait().exitStatus ?? 0 }

    /// Who executes superseded code, and who could not be looked at.
    func threads(
      in superseded: SupersededCode
    ) throws(ApplyError) -> (places: [ThreadPlace], unseen: [UnseenThread]) {
      try target.threads(in: superseded)
    }

    /// Where a process stands, read without stopping it; nil where it cannot be read.
    static func standing(_ pid: Int32, _ base: BaseImage) -> TargetStanding? {
      (try? ProcessGlance(pid, base: base))?.standing
    }

    /// This life of a process id; nil where there is none.
    static func life(of pid: Int32) -> ProcessLife? {
      LinuxProcess.startTime(of: pid).map { ProcessLife(pid: pid, startTime: $0) }
    }

    /// Whether the process that the journal has noted is still there: a pid finds new owners, a start time does not.
    static func isRunning(_ known: KnownTarget) -> Bool {
      guard let process = try? LinuxProcess(known.pid) else { return false }
      return process.startTime == known.startTime
    }
  }

  extension WriteMethod {
    fileprivate var ofTask: LinuxTask.WriteMethod {
      switch self {
      case .force: .forced
      case .protect: .remoteProtect
      }
    }
  }
#endif
