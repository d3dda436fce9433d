import Applier
import Foundation
import Journal

/// What is tried at one update after the other.
enum BisectSubject {
  /// A program that is started anew for each update, with these arguments.
  case fresh([String])
  /// A running process, taken from update to update.
  case process(Int32)
  /// The image as a file, and nothing that runs.
  case file
}

/// Brings a subject to updates, and a copy of the image with it.
struct BisectStage {
  let store: JournalStore
  let subject: BisectSubject
  let options: ApplyOptions
  /// The image file at the update that is tried.
  private let image: PrivateCopy
  private let mover: TargetMover

  init(store: JournalStore, subject: BisectSubject, options: ApplyOptions) throws {
    self.store = store
    self.subject = subject
    self.options = options
    image = try PrivateCopy(of: store)
    mover = TargetMover(store: store, options: options, isDryRun: false)
  }

  func remove() { image.remove() }

  /// What the command finds in its environment.
  private func variables(_ position: TargetHeader.Position, pid: Int32?) -> [(name: String, value: String)] {
    let journal = URL(fileURLWithPath: store.path).standardizedFileURL.path
    return [
      ("HCSJ_UPDATE", "\(position.number.rawValue)"), ("HCSJ_IMAGE", image.path), ("HCSJ_JOURNAL", journal),
    ] + (pid.map { [("HCSJ_PID", "\($0)")] } ?? [])
  }

  /// Brings the subject there and runs the command.
  func run(_ command: TestCommand, at position: TargetHeader.Position) throws -> Int32 {
    try moveImage(to: position)
    switch subject {
    case .file: return try command.run(variables(position, pid: nil))
    case .process(let pid):
      _ = try move(pid, to: position)
      return try command.run(variables(position, pid: pid))
    case .fresh(let arguments):
      let program = try FreshProgram(store, at: position, arguments, options)
      defer { program.end() }
      program.letGo()
      return try command.run(variables(position, pid: program.pid))
    }
  }

  /// A file is not closed before its target is gone, and what is open for writing cannot be executed.
  private func moveImage(to position: TargetHeader.Position) throws {
    _ = try mover.move(try store.fileImage(image.path), .anyWay(position.number))
  }

  /// Where the running process stands; nil where there is none.
  func standing() throws -> TargetHeader.Position? {
    guard case .process(let pid) = subject else { return nil }
    let open = try OpenTarget(.process(pid), store: store, options.writeMethod)
    return try UpdateApplier(base: store.base).standing(of: open.target).position
  }

  /// Takes the running process there; nil where there is none.
  func settle(at position: TargetHeader.Position) throws -> ApplyReport? {
    guard case .process(let pid) = subject else { return nil }
    return try move(pid, to: position)
  }

  private func move(_ pid: Int32, to position: TargetHeader.Position) throws -> ApplyReport {
    guard let result = mover.move([.process(pid)], .anyWay(position.number)).first else {
      throw CommandError(.noTarget)
    }
    return try result.outcome.get()
  }
}

/// A program started at an update, with nothing to read, that ends with the command it is tried by.
private struct FreshProgram {
  private let process: LiveProcess
  private let copy: PrivateCopy?
  let pid: Int32

  init(
    _ store: JournalStore, at position: TargetHeader.Position, _ arguments: [String], _ options: ApplyOptions
  ) throws {
    // A process must not map the file that its compiler rewrites.
    let copy = store.base.isPrepared ? nil : try PrivateCopy(of: store)
    do {
      let path = try copy?.path ?? ImagePaths.prepared(of: store)
      let process = try BorrowedStreams.whileDetached {
        try LiveProcess(
          starting: path, arguments: [path] + arguments, isSlid: true, base: store.base, options.writeMethod)
      }
      let applier = UpdateApplier(base: store.base)
      let standing = try applier.standing(of: process.target).position
      try store.along(standing.digest, position.digest) { steps in
        _ = try applier.apply(steps, to: position, on: process.target)
      }
      pid = process.known(at: position.digest).pid
      self.process = process
    } catch {
      copy?.remove()
      throw error
    }
    self.copy = copy
  }

  func letGo() { process.letGo() }

  /// It is ours to end: nobody else knows of it.
  func end() {
    kill(pid, SIGKILL)
    _ = try? TestCommand.waitForEnd(of: pid)
    copy?.remove()
  }
}
