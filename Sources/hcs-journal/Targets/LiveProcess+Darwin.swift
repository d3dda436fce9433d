#if os(macOS)
  import Addressing
  import Applier
  import Foundation
  import Journal

  /// A process that this program has attached to, or has just started, as a target.
  final class LiveProcess {
    let target: LiveTask
    private let task: DarwinTask
    private let spawned: SpawnedDarwinProcess?

    /// - Parameter method: of no account here: there is one way of writing.
    init(attachingTo pid: Int32, base: BaseImage, _ method: WriteMethod) throws(ApplyError) {
      task = try DarwinTask(attachingTo: pid, base: base)
      target = try LiveTask(task, base: base)
      spawned = nil
    }

    /// Starts a program and leaves it stopped at its entry point.
    init(
      starting path: String, arguments: [String], isSlid: Bool, base: BaseImage, _ method: WriteMethod
    ) throws(ApplyError) {
      let environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" }
      let spawned = try SpawnedDarwinProcess.start(
        path, arguments: arguments, environment: environment, isSlid: isSlid, base: base)
      self.spawned = spawned
      task = spawned.task
      target = try LiveTask(TaskAtEntry(task), base: base, stage: .atEntry)
    }

    /// A program that was started and not let go ends with this: it has not been promised to anyone yet.
    deinit {
      if spawned == nil { task.detach() }
    }

    /// Of an observed image: nothing is done to a process that maps the very file which a compiler rewrites.
    func expectObserved(_ store: JournalStore) throws {
      var (first, second) = (stat(), stat())
      let path = store.base.originalPath
      guard let own = task.executablePath, stat(own, &first) == 0, stat(path, &second) == 0 else { return }
      if first.st_dev == second.st_dev && first.st_ino == second.st_ino {
        throw ApplyError(.imageIsRewritten, target: target.name, detail: path)
      }
    }

    func known(at position: Digest) -> KnownTarget {
      KnownTarget(
        pid: task.process, startTime: task.startTime, path: task.executablePath ?? "", position: position,
        since: PointInTime.now.milliseconds)
    }

    /// Lets a started program go on; it is for the caller to wait for its end.
    func letGo() { spawned?.letGo() }

    /// Lets a started program go on and waits for its end.
    /// - Returns: its own exit status, or 128 + n for signal n.
    func waitForEnd() throws(ApplyError) -> Int32 { try spawned?.wait() ?? 0 }

    /// Who executes superseded code, and who could not be looked at.
    func threads(
      in superseded: SupersededCode
    ) throws(ApplyError) -> (places: [ThreadPlace], unseen: [UnseenThread]) {
      try target.threads(in: superseded)
    }

    /// Nothing is known of a process that is not held.
    static func standing(_ pid: Int32, _ base: BaseImage) -> TargetStanding? { nil }

    /// This life of a process id; nil where there is none.
    static func life(of pid: Int32) -> ProcessLife? {
      DarwinTask.startTime(of: pid).map { ProcessLife(pid: pid, startTime: $0) }
    }

    /// Whether the process that the journal has noted is still there: a pid finds new owners, a start time does not.
    static func isRunning(_ known: KnownTarget) -> Bool { DarwinTask.startTime(of: known.pid) == known.startTime }
  }
#endif
