import Applier
import Foundation
import Journal

/// What the journal is told of one target that is held: what is about to be done to it, and how that ended.
final class TargetNotes {
  private let store: JournalStore
  private let open: OpenTarget
  private let target: NotedIntent.Target
  private var isNoted = false
  /// What one who has died, or is still at it, was doing.
  let earlier: NotedIntent?

  init(_ open: OpenTarget, in store: JournalStore) throws(JournalError) {
    self.store = store
    self.open = open
    let target = open.noted(in: store)
    self.target = target
    earlier = try store.intents().first { $0.target.isSame(as: target) }
  }

  /// Before the first write. The target waits meanwhile, and whatever is for its threads is passed on.
  func begin(_ header: TargetHeader) throws(ApplyError) {
    guard let intent = header.intent, let own = LiveProcess.life(of: getpid()) else { return }
    let noted = NotedIntent(
      target: target, origin: header.position.digest, destination: intent.destination.digest,
      direction: intent.direction, since: PointInTime.now.milliseconds, applier: own)
    do throws(JournalError) {
      // What cannot be passed on now is found by whoever goes on.
      try store.noteIntent(noted) { try? open.target.attend() }
    } catch {
      throw ApplyError(.intentNotNoted, target: open.target.name, cause: error)
    }
    isNoted = true
  }

  /// How it ended, to be written once the target has been let go: whoever waits for the journal must not keep a process, for
  /// which signals wait meanwhile.
  ///
  /// - Parameter position: where it stands; nil where that is not known, or was before.
  func end(at position: Digest?) -> () throws(JournalError) -> Void {
    let (store, target) = (store, target)
    let known = position.flatMap { open.process?.known(at: $0) }
    if isNoted || earlier?.isUnderWay == false {
      return { () throws(JournalError) in try store.noteEnd(of: target, known) }
    }
    return { () throws(JournalError) in if let known { try store.noteTarget(known) } }
  }

  /// A failure that has left the target whole ends what was begun as well.
  func end(after error: any Error) -> () throws(JournalError) -> Void {
    if case .torn? = (error as? ApplyError)?.outcome { return {} }
    return isNoted ? end(at: nil) : {}
  }
}

extension OpenTarget {
  /// As the journal names it.
  fileprivate func noted(in store: JournalStore) -> NotedIntent.Target {
    switch name {
    case .image(let path): return .image(path: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
    case .process(let pid):
      let known = process?.known(at: store.base.digest)
      return .process(ProcessLife(pid: pid, startTime: known?.startTime ?? 0), path: known?.path ?? "")
    }
  }
}

extension NotedIntent {
  /// Whether the one who does it is still there.
  var isUnderWay: Bool { LiveProcess.life(of: applier.pid) == applier }
}

extension NotedIntent.Target {
  /// A process is the same whatever its image is called now.
  func isSame(as other: NotedIntent.Target) -> Bool {
    switch (self, other) {
    case (.process(let one, _), .process(let two, _)): one == two
    default: self == other
    }
  }
}
