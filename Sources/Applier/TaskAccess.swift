public import Addressing
public import Journal

/// A live process as the applier needs it, whatever the system: memory, threads, mappings.
///
/// Whoever conforms has attached and holds the target alone until it is let go: two appliers never meet in one task.
/// Every call is synchronous and belongs to the thread that attached (ptrace(2): a tracee has one tracer *thread*).
/// An error thrown here leaves the target as the failed call left it; `LiveTask` decides what that means for the whole.
public protocol TaskAccess: AnyObject {
  /// The process as messages name it: `pid 4711 (server)`.
  var name: String { get }

  /// Where the image stands in memory.
  var slide: Slide { get }

  /// The build-id or UUID found in the task's own memory.
  func identity() throws(ApplyError) -> [UInt8]

  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8]

  /// Writes to memory that need not be writable; afterwards its protection is what it was before.
  func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError)

  /// One aligned store of 8 bytes: a running thread sees the old word or the new one, never a mix.
  func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError)

  func mappings() throws(ApplyError) -> [TaskMapping]

  /// Maps anonymous private memory at exactly this place, zeroed. Never replaces a mapping: `.arenaOccupied` if any
  /// part of the range is taken. The threads are stopped.
  func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError)

  /// The same in place of whole pages that are mapped. The threads are stopped.
  func replace(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError)

  /// Gives whole pages that are mapped another protection. The threads are stopped.
  func protect(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError)

  /// Returns once every thread, including those started meanwhile, stands still.
  func stopThreads() throws(ApplyError)

  /// Lets every thread go on where it was; signals that came meanwhile are delivered. Nothing to do when none is
  /// stopped.
  func resumeThreads() throws(ApplyError)

  /// Whether `holdThreads` can do what it says. The threads are stopped.
  func mayHoldThreads() throws(ApplyError) -> Bool

  /// From here until they are resumed, the end of this program leaves the process in a job-control stop, instead of letting it go
  /// on. The threads are stopped, and none of them executes an instruction.
  ///
  /// - Returns: whether a thread has been given a signal meanwhile, and stands where its handler begins.
  func holdThreads() throws(ApplyError) -> Bool

  /// Whether the process was in a job-control stop already when its threads were stopped.
  var isJobControlStopped: Bool { get }

  /// Ends the job-control stop that it was found in. The threads are held (`holdThreads`), and go on when they are resumed.
  func endJobControlStop() throws(ApplyError)

  /// Who is in the given ranges, by program counter, register or stack word. The threads are stopped.
  func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant]

  /// The same for a task that runs, and goes on running: each thread stands still by itself, for as long as it is looked at.
  func survey(_ guards: [GuardedRange]) throws(ApplyError) -> ThreadSurvey

  /// Where the dynamic loader would bind the symbol, addend included. May stop the threads for a moment by itself (an
  /// IFUNC's resolver is called in the task) when they are not stopped.
  func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress

  /// To be called wherever time passes while the threads run: a signal for one that is traced waits for the tracer.
  func attend() throws(ApplyError)

  /// How long the last `stopThreads` … `resumeThreads` held the first thread, if that was measured.
  var lastPauseNanoseconds: UInt64? { get }
}

extension TaskAccess {
  public var lastPauseNanoseconds: UInt64? { nil }

  public func attend() throws(ApplyError) {}

  /// Where a process cannot be held beyond our own end.
  public func mayHoldThreads() throws(ApplyError) -> Bool { false }
  public func holdThreads() throws(ApplyError) -> Bool { false }
  public var isJobControlStopped: Bool { false }
  public func endJobControlStop() throws(ApplyError) {}

  /// Where threads cannot be stopped one by one.
  public func survey(_ guards: [GuardedRange]) throws(ApplyError) -> ThreadSurvey {
    try stopThreads()
    let found: [ThreadOccupant]
    do throws(ApplyError) {
      found = try occupants(of: guards)
    } catch {
      // The first error is the one to be known.
      try? resumeThreads()
      throw error
    }
    try resumeThreads()
    return ThreadSurvey(occupants: found)
  }

  /// Where no arena grows.
  public func replace(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    throw ApplyError(.arenaOccupied, target: name, runtimeAddress: range.start)
  }

  public func protect(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    throw ApplyError(.protectionChanges, target: name, runtimeAddress: range.start)
  }
}

/// A range of addresses in a live task that does not wrap around.
public struct RuntimeRange: Hashable, Sendable {
  public let start: RuntimeAddress
  public let byteCount: UInt64

  /// Nil where the range would leave the address space.
  public init?(start: RuntimeAddress, byteCount: UInt64) {
    guard !start.rawValue.addingReportingOverflow(byteCount).overflow else { return nil }
    self.start = start
    self.byteCount = byteCount
  }

  /// Nil where the slide takes the range out of the address space.
  public init?(_ range: AddressRange, slide: Slide) {
    self.init(start: RuntimeAddress(range.start, slide: slide), byteCount: range.byteCount)
  }

  public var end: RuntimeAddress { RuntimeAddress(rawValue: start.rawValue &+ byteCount) }

  public func contains(_ address: RuntimeAddress) -> Bool { start <= address && address < end }

  public func overlaps(_ other: RuntimeRange) -> Bool { start < other.end && other.start < end }
}

/// One line of a task's memory map.
public struct TaskMapping: Hashable, Sendable {
  public var range: RuntimeRange
  public var protection: PageProtection
  /// The file behind it, or the system's name for it (`[heap]`); empty where it has none.
  public var name: String

  public init(range: RuntimeRange, protection: PageProtection, name: String = "") {
    self.range = range
    self.protection = protection
    self.name = name
  }
}

/// A range of the task in which no thread may be, or of which it shall be known who is.
public struct GuardedRange: Hashable, Sendable {
  public var range: RuntimeRange
  /// `.interior`: the range's first byte does not count.
  public var reach: Guard.Reach
  /// Whether other registers than the program counter, and stack words that are no known return address, count as well.
  /// True for ranges that are overwritten: a miss would be a crash, a false hit is a wait.
  public var isConservative: Bool

  public init(range: RuntimeRange, reach: Guard.Reach, isConservative: Bool) {
    self.range = range
    self.reach = reach
    self.isConservative = isConservative
  }
}

/// Who was found in guarded ranges while the task ran.
public struct ThreadSurvey: Hashable, Sendable {
  public var occupants: [ThreadOccupant]
  /// Threads that could not be looked at: they did not stop in time.
  public var unseen: [UnseenThread]

  public init(occupants: [ThreadOccupant] = [], unseen: [UnseenThread] = []) {
    self.occupants = occupants
    self.unseen = unseen
  }
}

/// A thread of which nobody knows where it is: it sits in a call that does not stop for a tracer, such as vfork(2).
public struct UnseenThread: Hashable, Sendable {
  public var thread: Int32
  public var threadName: String

  public init(thread: Int32, threadName: String) {
    self.thread = thread
    self.threadName = threadName
  }
}

/// A thread found in a guarded range.
public struct ThreadOccupant: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    case programCounter = 1
    case register = 2
    case stackWord = 3
  }

  public var thread: Int32
  public var threadName: String
  public var kind: Kind
  /// The address found, inside the range.
  public var address: RuntimeAddress
  /// Index into the guards that were asked for.
  public var guardIndex: Int

  public init(thread: Int32, threadName: String, kind: Kind, address: RuntimeAddress, guardIndex: Int) {
    self.thread = thread
    self.threadName = threadName
    self.kind = kind
    self.address = address
    self.guardIndex = guardIndex
  }
}
