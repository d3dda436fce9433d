/// What an update consists of, before it has a number and a digest.
public struct UpdateContent: Hashable, Sendable {
  /// Milliseconds since 1970-01-01 UTC.
  public var time: Int64
  public var author: String
  public var message: String
  public var sourceRevision: String?
  public var operations: [Operation]
  public var atoms: [AtomChange]
  public var guards: [Guard]
  /// The arena's next free places after this update.
  public var cursors: ArenaCursors
  /// Layouts of named types that this update's objects bring and the parent did not know. A later update is compared
  /// with them as with those of the base image.
  public var types: [TypeLayout]
  /// Which lines of the source the new bodies were made from; empty where the objects had no line information.
  public var sources: SourceMap
  /// Set where another linker made the update.
  public var observation: Observation?

  public init(
    time: Int64, author: String, message: String, sourceRevision: String? = nil, operations: [Operation],
    atoms: [AtomChange], guards: [Guard], cursors: ArenaCursors, types: [TypeLayout] = [], sources: SourceMap = .empty,
    observation: Observation? = nil
  ) {
    self.time = time
    self.author = author
    self.message = message
    self.sourceRevision = sourceRevision
    self.operations = operations
    self.atoms = atoms
    self.guards = guards
    self.cursors = cursors
    self.types = types
    self.sources = sources
    self.observation = observation
  }
}

/// One committed transaction of a journal. The digest covers the content and the parent's digest.
public struct Update: Hashable, Sendable {
  public var number: UpdateNumber
  public var digest: Digest
  /// The parent's digest; the base image's digest for a first update.
  public var parent: Digest
  public var content: UpdateContent

  public init(number: UpdateNumber, digest: Digest, parent: Digest, content: UpdateContent) {
    self.number = number
    self.digest = digest
    self.parent = parent
    self.content = content
  }
}

/// Which way an update is taken.
public enum Direction: UInt8, Hashable, Sendable {
  case forward = 1
  case backward = 2
}

/// One step of the way from one update to another.
public struct Step: Hashable, Sendable {
  public var update: Update
  public var direction: Direction
  /// Set where the step stands for all updates of a stretch: the update's operations are not all of it then.
  public var stretch: Stretch?

  public init(update: Update, direction: Direction, stretch: Stretch? = nil) {
    self.update = update
    self.direction = direction
    self.stretch = stretch
  }

  /// The updates that are taken with it, in the order in which they are taken.
  public var runs: [UpdateRun] {
    guard let stretch else { return [UpdateRun(update.number, update.number)] }
    return direction == .forward ? stretch.runs : stretch.runs.reversed().map(\.reversed)
  }
}

/// One step of a way, its update not read yet.
public struct WayStep: Hashable, Sendable {
  public var update: UpdateNumber
  public var direction: Direction

  public init(update: UpdateNumber, direction: Direction) {
    self.update = update
    self.direction = direction
  }
}
