import Applier
import Foundation
import Journal

/// What a command that has died, or is still at it, was doing to a target.
struct CutOff {
  let origin: UpdateNumber?
  let destination: UpdateNumber?
  let direction: Direction
  let since: Int64

  init(_ intent: NotedIntent, in store: JournalStore) {
    origin = try? store.position(digest: intent.origin).number
    destination = try? store.position(digest: intent.destination).number
    direction = intent.direction
    since = intent.since
  }

  /// From where to where.
  var way: String {
    UnfinishedTarget.way(direction, origin?.title ?? "an unknown update", destination?.title ?? "an unknown update")
  }

  var words: String { "\(way), begun \(PointInTime(milliseconds: since).local), was cut off" }

  var json: JSONValue {
    .object([
      ("origin", origin.map { .integer($0.rawValue) }), ("destination", destination.map { .integer($0.rawValue) }),
      ("direction", direction == .forward ? "forward" : "backward"),
      ("since", .string(PointInTime(milliseconds: since).universal)),
    ])
  }
}

/// A target that an applier which has died left half-way, or whole without a word.
struct UnfinishedTarget {
  let name: TargetName
  let standing: TargetStanding
  /// As the journal has it; nil where it has nothing, and only the header tells.
  let cutOff: CutOff?

  static func way(_ direction: Direction, _ origin: String, _ destination: String) -> String {
    "\(direction == .forward ? "replay" : "rollback") from \(origin) to \(destination)"
  }

  private var title: String {
    switch name {
    case .process(let pid): "pid \(pid)"
    case .image(let path): path
    }
  }

  /// Nothing for a target that is whole where the journal knows of nothing.
  var line: String? {
    switch standing {
    case .torn(let position, let intent):
      "\(Self.way(intent.direction, position.number.title, intent.destination.number.title)) of \(title) did not finish"
        + (intent.isHeld ? ", and it is stopped until it is settled" : "")
        + ": hcs-journal verify --repair \(name.option)"
    case .at(let position):
      cutOff.map { "\($0.way) of \(title) was cut off; it stands at \(position.number.title), whole" }
    }
  }

  var json: JSONValue {
    let place: (String, JSONValue?) =
      switch name {
      case .process(let pid): ("pid", .count(pid))
      case .image(let path): ("path", .string(path))
      }
    return switch standing {
    case .torn(let position, let intent):
      .object([
        place, ("state", "torn"), ("position", position.json), ("destination", intent.destination.json),
        ("held", .boolean(intent.isHeld)), ("cutOff", cutOff?.json),
      ])
    case .at(let position):
      .object([place, ("state", "at"), ("position", position.json), ("cutOff", cutOff?.json)])
    }
  }
}

extension TargetName {
  fileprivate var option: String {
    switch self {
    case .process(let pid): "--pid \(pid)"
    case .image(let path): "--image \(path)"
    }
  }
}

extension JournalStore {
  /// What is being done to a target is in the journal before its first byte is written, and the target's own header says how far
  /// that has come. Looking there stops nobody. What somebody is still at is not told.
  func unfinishedTargets() -> [UnfinishedTarget] {
    var found: [UnfinishedTarget] = []
    let intents = (try? intents()) ?? []
    for intent in intents where !intent.isUnderWay {
      guard let (name, standing) = standing(of: intent.target) else { continue }
      found.append(UnfinishedTarget(name: name, standing: standing, cutOff: CutOff(intent, in: self)))
    }
    // An older program has noted no intents.
    for known in (try? targets()) ?? [] {
      let target = NotedIntent.Target.process(ProcessLife(pid: known.pid, startTime: known.startTime), path: known.path)
      guard !intents.contains(where: { $0.target.isSame(as: target) }), let (name, standing) = standing(of: target),
        case .torn = standing
      else { continue }
      found.append(UnfinishedTarget(name: name, standing: standing, cutOff: nil))
    }
    return found
  }

  /// Nil where it is no longer there, or may not be read.
  private func standing(of target: NotedIntent.Target) -> (TargetName, TargetStanding)? {
    switch target {
    case .process(let life, _):
      guard LiveProcess.life(of: life.pid) == life, let standing = LiveProcess.standing(life.pid, base) else {
        return nil
      }
      return (.process(life.pid), standing)
    case .image(let path):
      guard let open = try? OpenTarget(.image(path), store: self),
        let standing = try? UpdateApplier(base: base).standing(of: open.target)
      else { return nil }
      return (.image(path), standing)
    }
  }

  /// Of a target that is whole nothing is left to be done, nor of one that has gone: once told, it is not told again where the
  /// journal can be written.
  func forgetCutOff() {
    for intent in (try? intents()) ?? [] where !intent.isUnderWay {
      switch standing(of: intent.target)?.1 {
      case .at(let position): try? noteEnd(of: intent.target, known(intent.target, at: position.digest))
      case .torn: break
      case nil: if intent.target.isGone { try? noteEnd(of: intent.target, nil) }
      }
    }
  }

  private func known(_ target: NotedIntent.Target, at position: Digest) -> KnownTarget? {
    guard case .process(let life, let path) = target else { return nil }
    return KnownTarget(
      pid: life.pid, startTime: life.startTime, path: path, position: position, since: PointInTime.now.milliseconds)
  }
}

extension NotedIntent.Target {
  fileprivate var isGone: Bool {
    switch self {
    case .process(let life, _): LiveProcess.life(of: life.pid) != life
    case .image(let path): !FileManager.default.fileExists(atPath: path)
    }
  }
}

extension [UnfinishedTarget] {
  /// Absent where there is none.
  var json: JSONValue? { isEmpty ? nil : .array(map(\.json)) }
}

extension CommonOptions {
  /// Tells on standard error, whatever else the command is about; as members of its object with `--json`.
  func tellUnfinished(in store: JournalStore) -> [UnfinishedTarget] {
    let targets = store.unfinishedTargets()
    if !json {
      for line in targets.compactMap(\.line) { StandardStream.error.write("hcs-journal: " + line) }
    }
    store.forgetCutOff()
    return targets
  }
}
