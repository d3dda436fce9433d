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
  /// The updates in the order in which they are taken, those that a stretch stands for among them.
  public let updates: [UpdateRun]

  /// Arena ranges that must be mapped.
  public let maps: [MapOperation]
  /// Ranges that the updates have recorded as not writable.
  public let protections: [ProtectOperation]
  /// Ranges in which no thread may be at the commit.
  public let guards: [PlannedGuard]
  /// The whole file's byte count before and after; nil where it stays, and for a task.
  public let resize: ResizeOperation?

  /// Ascending, as the cells are.
  let edits: [EditLedger.Extent]
  let cells: [CellLedger.Cell]
  let initials: [InitialGroup]
  /// What comes into use along the stretches among the steps.
  let fresh: [FreshBytes]

  /// Bytes that a target at the beginning of the steps gets, but for those of stretches; variables' first values are not counted in
  /// a running task.
  public var byteCount: UInt64 {
    let bytes = edits.reduce(0) { $0 + ($1.isChange ? $1.after.count : 0) }
    return UInt64(bytes + 8 * cells.filter { $0.after != nil }.count)
  }

  /// Where tasks get fresh bytes of stretches.
  var freshAreas: [AddressRange] {
    nature == .file ? [] : fresh.filter { $0.direction == .forward }.flatMap(\.stretch.areas)
  }

  /// Whether any byte of a task in the range is compared or written by itself, and not with those of a stretch; variables' first values
  /// are not looked at.
  func touches(_ range: AddressRange) -> Bool {
    let (start, end) = (range.start.rawValue, range.end.rawValue)
    let edit = edits.partitioningIndex { $0.end > start }
    if edit < edits.endIndex, edits[edit].start < end { return true }
    let cell = cells.partitioningIndex { $0.address.rawValue + 8 > start }
    return cell < cells.endIndex && cells[cell].address.rawValue < end
  }

  /// Whether what is reachable is overwritten elsewhere than in cells, or a guard asks: threads must stand still.
  public var needsStop: Bool {
    if nature == .file { return false }
    return !guards.isEmpty || edits.contains { !$0.isStaged && $0.before != $0.after }
  }

  /// Whether a task must not run with a part of the writes done. Entry stubs and cells replace one whole function each. What else is
  /// overwritten belongs to code that goes with it, and some guards say that old code must not meet new.
  var mustNotMix: Bool {
    guard nature == .task(.running) else { return false }
    if guards.contains(where: { $0.reason?.isOfEntryStub == false }) { return true }
    let stubs = guards.filter { $0.reason?.isOfEntryStub == true }.map(\.range)
    return edits.contains { edit in
      !edit.isStaged && edit.before != edit.after
        && !stubs.contains { $0.start.rawValue <= edit.start && edit.end <= $0.end.rawValue }
    }
  }

  /// - Parameter isAtomic: whether all of it must be there at once, cells included.
  func stopsThreads(isAtomic: Bool) -> Bool { needsStop || (isAtomic && nature != .file) }
}

extension Guard.Reason {
  /// One aimed at nothing but a function's first bytes.
  fileprivate var isOfEntryStub: Bool {
    switch self {
    case .entryStub, .branchIntoEntryStub: true
    case .interproceduralRegisters, .overwritten, .unknownPrototype: false
    }
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
