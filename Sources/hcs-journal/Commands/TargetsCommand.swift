import Applier
import ArgumentParser
import Journal

struct TargetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "targets", abstract: "List the running processes, the update each stands at, and threads in old code.")

  @OptionGroup var common: CommonOptions

  func run() throws {
    let store = try common.store(.write)
    let intents = try store.intents()
    let targets = try store.runningTargets().map { known in
      Look(
        at: known, intents.first { $0.target.process == ProcessLife(pid: known.pid, startTime: known.startTime) }, store
      )
    }
    let images = intents.compactMap { ImageIntent($0, store) }
    common.emit(Listing(targets: targets, images: images))
    store.forgetCutOff()
  }
}

/// What one process says of itself.
private struct Look {
  let known: KnownTarget
  private(set) var standing: Result<TargetStanding, any Error>
  private(set) var threads: [ThreadPlace] = []
  private(set) var unseen: [UnseenThread] = []
  /// What the journal says is being done to it, or was.
  let intent: CutOff?
  /// Who is still at it.
  let applier: Int32?

  init(at known: KnownTarget, _ intent: NotedIntent?, _ store: JournalStore) {
    self.known = known
    self.intent = intent.map { CutOff($0, in: store) }
    applier = intent.flatMap { $0.isUnderWay ? $0.applier.pid : nil }
    do {
      let process = try LiveProcess(attachingTo: known.pid, base: store.base, .force)
      let standing = try UpdateApplier(base: store.base).standing(of: process.target)
      self.standing = .success(standing)
      let position = standing.position.digest
      (threads, unseen) = try process.threads(in: OldBodies(store, at: position, from: position).code)
    } catch {
      standing = .failure(error)
    }
  }

  var json: JSONValue {
    let shared: [(String, JSONValue?)] = [
      ("pid", .count(known.pid)), ("startTime", .count(known.startTime)), ("path", .string(known.path)),
      ("since", .string(PointInTime(milliseconds: known.since).universal)), ("intent", intent?.json),
      ("applier", applier.map { .count($0) }),
      ("threadsInOldBodies", .array(threads.map(\.json))), ("unseenThreads", .array(unseen.map(\.json))),
    ]
    switch standing {
    case .success(.at(let position)): return .object(shared + [("state", "at"), ("position", position.json)])
    case .success(.torn(let position, let intent)):
      return .object(
        shared + [
          ("state", "torn"), ("position", position.json), ("destination", intent.destination.json),
          ("held", .boolean(intent.isHeld)),
        ])
    case .failure(let error): return .object(shared + [("state", "unknown"), ("error", Failure(error).json)])
    }
  }

  func lines(_ style: TextStyle) -> [String] {
    let place =
      switch standing {
      case .success(.at(let position)): style.bold(position.number.title)
      case .success(.torn(let position, let intent)):
        style.red("torn") + " on its way from \(position.number.title) to \(intent.destination.number.title); "
          + (intent.isHeld ? "it is stopped until it is settled" : "settle it") + " with: "
          + "hcs-journal verify --repair --pid \(known.pid)"
      case .failure(let error): "unknown: \(error)"
      }
    if let intent, let applier {
      return ["pid \(known.pid)  process \(applier) is at it: \(intent.way)  \(known.path)"]
    }
    let since = PointInTime(milliseconds: known.since).local
    return ["pid \(known.pid)  \(place)  since \(since)  \(known.path)"]
      + (intent.map { ["  " + $0.words] } ?? [])
      + threads.map { "  " + style.yellow("still in an old body: ") + $0.line } + unseen.map { "  " + $0.line(style) }
  }
}

/// An image file that is being changed, or was when the one who did it ended.
private struct ImageIntent {
  let path: String
  let intent: CutOff
  let applier: Int32?
  /// Where the file stands: the old one or the new one. Nil where it cannot be told.
  let position: TargetHeader.Position?

  init?(_ noted: NotedIntent, _ store: JournalStore) {
    guard case .image(let path) = noted.target else { return nil }
    self.path = path
    intent = CutOff(noted, in: store)
    applier = noted.isUnderWay ? noted.applier.pid : nil
    let target = try? OpenTarget(.image(path), store: store).target
    position = target.flatMap { try? UpdateApplier(base: store.base).standing(of: $0).position }
  }

  var json: JSONValue {
    .object([
      ("path", .string(path)), ("position", position?.json), ("intent", intent.json),
      ("applier", applier.map { .count($0) }),
    ])
  }

  func line(_ style: TextStyle) -> String {
    if let applier { return "\(path)  process \(applier) is at it: \(intent.way)" }
    return "\(path)  \(position.map { style.bold($0.number.title) } ?? "unknown"); \(intent.words)"
  }
}

private struct Listing: CommandOutput {
  let targets: [Look]
  let images: [ImageIntent]

  var json: JSONValue {
    .object([
      ("targets", .array(targets.map(\.json))), ("images", images.isEmpty ? nil : .array(images.map(\.json))),
    ])
  }

  func lines(_ style: TextStyle) -> [String] {
    let lines = targets.flatMap { $0.lines(style) } + images.map { $0.line(style) }
    return lines.isEmpty ? ["no running process is known to this journal"] : lines
  }
}
