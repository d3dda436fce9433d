public import Addressing
public import Journal

/// What a target is, as far as it decides *what* is written there.
public enum TargetNature: Hashable, Sendable {
  /// Every byte of an update, the loader's records included; rolled back it is exact.
  case file
  /// What the program can reach, slid; what a loader reads is passed over.
  case task(TaskStage)
}

/// How far a task has come.
public enum TaskStage: Hashable, Sendable {
  /// Its variables are its own: they are neither written, compared nor restored.
  case running
  /// The dynamic loader is done and no instruction of the program has run: its variables have the values the image
  /// gives them, and get those of the update.
  case atEntry
}

/// Where a target's bytes are read and written.
public enum TargetPlace: Hashable, Sendable {
  case virtual(VirtualAddress)
  case file(FileOffset)
}

/// A file image or a live task, as `UpdateApplier` drives it: the applier decides what is written and in which order, a
/// target only how.
///
/// Calls come in this order: any of the questions; `prepare`; writes; `stop`, `occupants`, `resume` (any number of
/// times); `finish` or `cancel`, once. A target belongs to the thread that opened it.
public protocol UpdateTarget: AnyObject {
  /// The file's path, or the process as `pid 4711 (server)`.
  var name: String { get }
  var nature: TargetNature { get }
  /// Set where writes reach nobody before `finish`, so that `cancel` takes all of them back at once.
  var keepsOriginalUntilFinish: Bool { get }

  // Questions. They change nothing.

  /// Build-id or UUID; empty where the image has none.
  func identity() throws(ApplyError) -> [UInt8]
  /// Nil where none was written yet: the target stands at the base image.
  func header() throws(ApplyError) -> TargetHeader?
  /// Whether the target has what stands at the place at all. What it has not is neither compared nor written.
  func holds(_ place: TargetPlace) -> Bool
  func read(_ place: TargetPlace, count: Int) throws(ApplyError) -> [UInt8]
  /// What a pointer to the address holds here.
  func word(pointingAt address: VirtualAddress) -> UInt64
  func word(of symbol: ImportedSymbol) throws(ApplyError) -> UInt64
  /// The protection of each range's first page; nil where protections do not exist or nothing is mapped.
  func protections(of ranges: [AddressRange]) throws(ApplyError) -> [PageProtection?]

  /// Refuses a target that must not be changed, for other reasons than its bytes; a dry run asks as well.
  func checkMayChange() throws(ApplyError)

  // Changes.

  /// Makes room for the writes: a file its copy, a task the arena it may lack.
  /// - Returns: how many bytes of memory were mapped.
  func prepare(for plan: ApplyPlan) throws(ApplyError) -> UInt64
  func write(_ bytes: [UInt8], at place: TargetPlace) throws(ApplyError)
  /// One aligned store.
  func store(_ word: UInt64, at cell: VirtualAddress) throws(ApplyError)
  func write(header: TargetHeader) throws(ApplyError)
  func resize(to byteCount: UInt64) throws(ApplyError)

  // Threads. A file has none.

  func stop() throws(ApplyError)
  func resume() throws(ApplyError)
  /// Whether `hold` can do what it says. The threads are stopped.
  func mayHold() throws(ApplyError) -> Bool
  /// Until `resume` the end of this program leaves the target standing still. The threads are stopped.
  /// - Returns: whether a thread no longer stands where it stood, for it has been given a signal.
  func hold() throws(ApplyError) -> Bool
  /// Whether the target stood still before it was stopped.
  var isJobControlStopped: Bool { get }
  /// Makes `resume` let it go on all the same.
  func endJobControlStop() throws(ApplyError)
  /// Who is in which of the ranges. The threads are stopped.
  func occupants(of guards: [PlannedGuard]) throws(ApplyError) -> [GuardOccupant]
  /// The same while the threads run: each stands still by itself for a moment.
  func survey(_ guards: [PlannedGuard]) throws(ApplyError) -> (occupants: [GuardOccupant], unseen: [UnseenThread])
  var lastPauseNanoseconds: UInt64? { get }
  /// To be called wherever time passes while the threads run: what comes to a thread that is held meanwhile waits for it.
  func attend() throws(ApplyError)

  /// Makes the writes last. Afterwards nothing can be taken back.
  func finish() throws(ApplyError)
  /// Drops what only this apply needed. Never fails: what cannot be dropped is dropped by the next apply.
  func cancel()
}

extension UpdateTarget {
  public func holds(_ place: TargetPlace) -> Bool { true }
  public func checkMayChange() throws(ApplyError) {}

  public func mayHold() throws(ApplyError) -> Bool { false }
  public func hold() throws(ApplyError) -> Bool { false }
  public var isJobControlStopped: Bool { false }
  public func endJobControlStop() throws(ApplyError) {}

  public func survey(
    _ guards: [PlannedGuard]
  ) throws(ApplyError) -> (occupants: [GuardOccupant], unseen: [UnseenThread]) { ([], []) }

  public func attend() throws(ApplyError) {}
}

/// A thread found in one of the ranges that were asked about.
public struct GuardOccupant: Hashable, Sendable {
  public var thread: Int32
  public var threadName: String
  public var address: VirtualAddress
  public var guardIndex: Int

  public init(thread: Int32, threadName: String, address: VirtualAddress, guardIndex: Int) {
    self.thread = thread
    self.threadName = threadName
    self.address = address
    self.guardIndex = guardIndex
  }
}
