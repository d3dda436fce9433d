import Applier
import Journal

/// A target that is held: a process stays attached, a file open, as long as this lives.
struct OpenTarget {
  let name: TargetName
  let target: any UpdateTarget
  let process: LiveProcess?

  init(_ name: TargetName, base: BaseImage, _ method: WriteMethod = .force) throws(ApplyError) {
    self.name = name
    switch name {
    case .process(let pid):
      let process = try LiveProcess(attachingTo: pid, base: base, method)
      self.process = process
      target = process.target
    case .image(let path):
      process = nil
      target = try FileImage(path: path, base: base)
    }
  }
}

extension JournalStore {
  /// The processes of `targets()` that still run. Those that have ended are forgotten where the journal can be written.
  func runningTargets() throws(JournalError) -> [KnownTarget] {
    var running: [KnownTarget] = []
    for known in try targets() {
      if LiveProcess.isRunning(known) {
        running.append(known)
      } else {
        try? forgetTarget(pid: known.pid, startTime: known.startTime)
      }
    }
    return running
  }
}
