public import Addressing
public import Journal

/// A body that will not be the newest once the steps are taken: its threads are named in the report.
public struct SupersededBody: Hashable, Sendable {
  public var range: AddressRange
  public var function: String
  /// The update that placed it; 0 for the base image.
  public var update: UpdateNumber
  /// Whether its first instruction is an entry stub: a thread that stands at it runs the newest body.
  public var beginsWithEntryStub: Bool

  public init(range: AddressRange, function: String, update: UpdateNumber, beginsWithEntryStub: Bool) {
    self.range = range
    self.function = function
    self.update = update
    self.beginsWithEntryStub = beginsWithEntryStub
  }
}

/// Code in which a thread would execute what is no longer the program. Threads found there are reported, and are in nobody's way.
///
/// There may be many more bodies than there are threads: ranges say where to look, and whose body it is where a thread was found
/// is asked afterwards.
public struct SupersededCode: Sendable {
  public struct Part: Hashable, Sendable {
    public var range: AddressRange
    /// See `SupersededBody`.
    public var beginsWithEntryStub: Bool

    public init(range: AddressRange, beginsWithEntryStub: Bool = false) {
      self.range = range
      self.beginsWithEntryStub = beginsWithEntryStub
    }
  }

  public static let none = SupersededCode([])

  public let parts: [Part]
  /// What a target holds in a range of its memory; nil where that cannot be read.
  public typealias Memory = (AddressRange) -> [UInt8]?

  let body: @Sendable (VirtualAddress, Memory) -> SupersededBody?

  public var isEmpty: Bool { parts.isEmpty }

  public init(_ bodies: [SupersededBody]) {
    self.init(
      parts: bodies.map { Part(range: $0.range, beginsWithEntryStub: $0.beginsWithEntryStub) },
      body: { address, _ in bodies.first { $0.range.contains(address) } })
  }

  /// - Parameter body: the one that an address of the parts is in; nil where no thread need be reported. Room is used again: which
  ///   of its bodies is there, the target's memory tells. Called while no thread is held.
  public init(parts: [Part], body: @escaping @Sendable (VirtualAddress, Memory) -> SupersededBody?) {
    self.parts = parts
    self.body = body
  }

  /// The thread's place in the body that it is in.
  func place(of occupant: GuardOccupant, in target: any UpdateTarget) -> ThreadPlace? {
    let memory: Memory = { try? target.read(.virtual($0.start), count: Int(clamping: $0.byteCount)) }
    return body(occupant.address, memory).map { body in
      ThreadPlace(
        thread: occupant.thread, threadName: occupant.threadName, function: body.function,
        offset: occupant.address.rawValue &- body.range.start.rawValue, update: body.update)
    }
  }

  /// Of many occupants the places, each once.
  func places(of occupants: some Sequence<GuardOccupant>, in target: any UpdateTarget) -> [ThreadPlace] {
    var seen: Set<ThreadPlace> = []
    return occupants.compactMap { place(of: $0, in: target) }.filter { seen.insert($0).inserted }
  }
}

extension PlannedGuard {
  /// Asks who is in old code, without being in the way.
  init(_ part: SupersededCode.Part) {
    self.init(
      range: part.range, reach: part.beginsWithEntryStub ? .interior : .whole, isConservative: false, reason: nil,
      function: "", update: .base)
  }
}
