public import Addressing
public import Journal

/// What an apply, roll back or settling has done to a target.
public struct ApplyReport: Hashable, Sendable {
  /// The target's name.
  public var target: String
  public var from: TargetHeader.Position
  public var to: TargetHeader.Position
  /// The updates taken, in order; empty where the target already stood there.
  public var updates: [UpdateRun] = []
  /// Set where nothing was written because nothing was to be.
  public var isDryRun = false
  /// Whether all threads must stand still for it: they are where more than cells changes, and where that was asked for.
  public var stopsThreads = false
  /// Bytes written, or that would be, the header page not counted.
  public var byteCount: UInt64 = 0
  /// Bytes of memory mapped for the arena.
  public var mappedByteCount: UInt64 = 0
  /// Variables that got their first value.
  public var initializedVariableCount = 0
  /// Pages written that did not allow it.
  public var protections: [ProtectionNote] = []
  /// Threads that still execute a body which is no longer the newest. They go on in it until they leave it.
  public var threadsInOldBodies: [ThreadPlace] = []
  /// Threads that may execute such a body as well: they could not be looked at.
  public var unseenThreads: [UnseenThread] = []
  /// How long the threads stood still for the commit; nil where none was stopped.
  public var pauseNanoseconds: UInt64?
  /// How often the commit was put off because a thread was in the way.
  public var retryCount = 0
  /// Set where the target was torn before, and has been settled first.
  public var settled: Settled?

  public init(target: String, from: TargetHeader.Position, to: TargetHeader.Position) {
    self.target = target
    self.from = from
    self.to = to
  }

  /// What an applier that died had begun, and which way it was ended.
  public struct Settled: Hashable, Sendable {
    public var from: TargetHeader.Position
    public var to: TargetHeader.Position
    public var settlement: Settlement

    public init(from: TargetHeader.Position, to: TargetHeader.Position, settlement: Settlement) {
      self.from = from
      self.to = to
      self.settlement = settlement
    }

    /// Where the target stood then.
    public var reached: TargetHeader.Position { settlement == .finish ? to : from }
  }

  /// Whether the target stood there before.
  public var isAlreadyThere: Bool { updates.isEmpty }
}

/// A page range that was written though its protection forbade it.
public struct ProtectionNote: Hashable, Sendable {
  public var range: AddressRange
  public var found: PageProtection
  /// The protection afterwards: the one found, unless the program changed it meanwhile.
  public var left: PageProtection?
}
