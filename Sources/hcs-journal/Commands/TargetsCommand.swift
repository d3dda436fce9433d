import Applier
import ArgumentParser
import Journal

struct TargetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "targets", abstract: "List the running processes, the update each stands at, and threads in old code.")

  @OptionGroup var common: CommonOptions

  func run() throws {
    let store = try common.store(.write)
    common.emit(Listing(targets: try store.runningTargets().map { Look(at: $0, store) }))
  }
}

/// What one process says of itself.
private struct Look {
  let known: KnownTarget
  private(set) var standing: Result<TargetStanding, any Error>
  private(set) var threads: [ThreadPlace] = []

  init(at known: KnownTarget, _ store: JournalStore) {
    self.known = known
    do {
      let process = try LiveProcess(attachingTo: known.pid, base: store.base, .force)
      let standing = try UpdateApplier(base: store.base).standing(of: process.target)
      self.standing = .success(standing)
      let position = standing.position.digest
      threads = try process.threads(in: OldBodies(store, at: position, from: position).bodies)
    } catch {
      standing = .failure(error)
    }
  }

  var json: JSONValue {
    let shared: [(String, JSONValue?)] = [
      ("pid", .count(known.pid)), ("startTime", .count(known.startTime)), ("path", .string(known.path)),
      ("since", .string(PointInTime(milliseconds: known.since).universal)),
      ("threadsInOldBodies", .array(threads.map(\.json))),
    ]
    switch standing {
    case .success(.at(let position)): return .object(shared + [("state", "at"), ("position", position.json)])
    case .success(.torn(let position, let intent)):
      return .object(
        shared + [("state", "torn"), ("position", position.json), ("destination", intent.destination.json)])
    case .failure(let error): return .object(shared + [("state", "unknown"), ("error", Failure(error).json)])
    }
  }

  func lines(_ style: TextStyle) -> [String] {
    let place =
      switch standing {
      case .success(.at(let position)): style.bold(position.number.title)
      case .success(.torn(let position, let intent)):
        style.red("torn") + " on its way from \(position.number.title) to \(intent.destination.number.title); "
          + "settle it with: hcs-journal verify --repair --pid \(known.pid)"
      case .failure(let error): "unknown: \(error)"
      }
    let since = PointInTime(milliseconds: known.since).local
    return ["pid \(known.pid)  \(place)  since \(since)  \(known.path)"]
      + threads.map { "  " + style.yellow("still in an old body: ") + $0.line }
  }
}

private struct Listing: CommandOutput {
  let targets: [Look]

  var json: JSONValue { .object([("targets", .array(targets.map(\.json)))]) }

  func lines(_ style: TextStyle) -> [String] {
    targets.isEmpty ? ["no running process is known to this journal"] : targets.flatMap { $0.lines(style) }
  }
}
