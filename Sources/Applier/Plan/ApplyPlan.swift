public import Addressing
public import Journal

/// What is to be compared, written and guarded to take a target from one update to another: the net effect of the
/// steps.
///
/// One code path makes it for every target. It holds values as the image has them; a target adds its slide.
public struct ApplyPlan: Sendable {
  public let nature: TargetNature
  let architecture: BaseImage.Architecture
  /// Digests of the updates that the steps lead from and to.
  public let from: Digest
  public let to: TargetHeader.Position
  /// Backward where every step is.
  public let direction: Direction
  /// The updates in the order in which they are taken.
  public let updates: [UpdateNumber]

  /// Arena ranges that must be mapped.
  public let maps: [MapOperation]
  /// Ranges that the updates have recorded as not writable.
  public let protections: [ProtectOperation]
  /// Ranges in which no thread may be at the commit.
  public let guards: [PlannedGuard]
  /// The whole file's byte count before and after; nil where it stays, and for a task.
  public let resize: ResizeOperation?

  let edits: [EditLedger.Extent]
  let cells: [CellLedger.Cell]
  let initials: [InitialGroup]

  /// Bytes that a target at the beginning of the steps gets, variables' first values not counted in a running task.
  public var byteCount: UInt64 {
    let bytes = edits.reduce(0) { $0 + ($1.isChange ? $1.after.count : 0) }
    return UInt64(bytes + 8 * cells.filter { $0.after != nil }.count)
  }

  /// Whether what is reachable is overwritten elsewhere than in cells, or a guard asks: threads must stand still.
  public var needsStop: Bool {
    if nature == .file { return false }
    return !guards.isEmpty || edits.contains { !$0.isStaged && $0.before != $0.after }
  }

  /// Looking for threads in old bodies takes a stop as well.
  func stopsThreads(lookingFor bodies: [SupersededBody]) -> Bool {
    needsStop || (nature != .file && !bodies.isEmpty)
  }
}

/// A range in which no thread may be at a commit, and on whose behalf.
public struct PlannedGuard: Hashable, Sendable {
  public var range: AddressRange
  public var reach: Guard.Reach
  /// See `GuardedRange.isConservative`.
  public var isConservative: Bool
  public var reason: Guard.Reason?
  /// The function whose body it is.
  public var function: String
  /// The update that asks.
  public var update: UpdateNumber
}

/// First values of variables, in a task.
struct InitialGroup: Sendable {
  /// The byte that is 0 until the room of the one variable they belong to comes into use; nil where they are written
  /// anyhow.
  var flag: VirtualAddress?
  var edits: [EditLedger.Extent]
  var cells: [CellLedger.Cell]
}
