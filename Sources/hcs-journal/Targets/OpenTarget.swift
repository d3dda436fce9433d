import Applier
import Journal

/// A target that is held: a process stays attached, a file open, as long as this lives.
struct OpenTarget {
  let name: TargetName
  let target: any UpdateTarget
  let process: LiveProcess?

  init(
    _ name: TargetName, store: JournalStore, _ method: WriteMethod = .force, breaksLinks: Bool = false
  ) throws {
    let base = store.base
    self.name = name
    switch name {
    case .process(let pid):
      let process = try LiveProcess(attachingTo: pid, base: base, method)
      if !base.isPrepared { try process.expectObserved(store) }
      self.process = process
      target = process.target
    case .image(let path):
      process = nil
      target = try store.fileImage(path, breaksLinks: breaksLinks)
    }
  }
}

extension JournalStore {
  /// The file as a target of this journal.
  func fileImage(_ path: String, breaksLinks: Bool = false) throws(ApplyError) -> FileImage {
    try FileImage(
      path: path, base: base, observed: base.isPrepared ? nil : observedFiles,
      lengths: base.growth.isEmpty ? .unknown : fileLengths, breaksLinks: breaksLinks)
  }

  private var fileLengths: FileLengths {
    FileLengths { digest in
      do throws(JournalError) {
        return try self.fileByteCount(at: digest)
      } catch {
        if error.code == .unknownDigest { return nil }
        throw error
      }
    }
  }

  /// How a copy of an observed image is known.
  private var observedFiles: ObservedFiles {
    ObservedFiles(
      position: { file in
        for summary in try self.log() {
          let update = try self.update(summary.number)
          if update.content.observation?.after.digest == file {
            return TargetHeader.Position(digest: update.digest, number: update.number)
          }
        }
        return file == self.base.originalDigest ? self.base.position : nil
      },
      file: { digest in
        if digest == self.base.digest { return self.base.originalDigest }
        return try self.update(digest: digest).content.observation?.after.digest ?? .zero
      })
  }

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
