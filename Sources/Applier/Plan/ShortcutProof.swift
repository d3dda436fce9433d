import Addressing
public import Journal

/// Whether one step does what several do: their plans are compared, for files and for tasks, forward and back.
///
/// A plan holds every byte that is to be found, to be written and to be left, so that equal plans leave equal targets, whatever these
/// are. What they may differ in is which update is named where something is in the way.
public struct ShortcutProof {
  private let base: BaseImage

  public init(base: BaseImage) { self.base = base }

  /// Throws `.shortcutDiffers`, with the first difference, unless the step does what the updates do one after the other.
  ///
  /// - Parameter updates: oldest first.
  public func check(_ step: Update, against updates: [Update]) throws(ApplyError) {
    let (forward, backward) = (Direction.forward, Direction.backward)
    for nature in [TargetNature.file, .task(.running), .task(.atEntry)] {
      try compare(
        [Step(update: step, direction: forward)], updates.map { Step(update: $0, direction: forward) },
        TargetHeader.Position(digest: step.digest, number: step.number), nature)
      try compare(
        [Step(update: step, direction: backward)], updates.reversed().map { Step(update: $0, direction: backward) },
        TargetHeader.Position(digest: step.parent, number: .base), nature)
    }
  }

  /// Throws `.shortcutDiffers` unless the steps of a way, stretches among them, do what the others do.
  ///
  /// - Parameter told: what stretches read block by block is taken into memory.
  public func check(
    _ told: [Step], against others: [Step], leadingTo destination: TargetHeader.Position
  ) throws(ApplyError) {
    let steps: [Step]
    do throws(JournalError) {
      steps = try told.map { (step) throws(JournalError) in try step.withFreshBytes() }
    } catch {
      throw ApplyError(.stretchUnreadable, cause: error)
    }
    for nature in [TargetNature.file, .task(.running), .task(.atEntry)] {
      try compare(steps, others, destination, nature)
    }
  }

  private func compare(
    _ step: [Step], _ steps: [Step], _ destination: TargetHeader.Position, _ nature: TargetNature
  ) throws(ApplyError) {
    let one = try ApplyPlan(steps: step, destination: destination, base: base, nature: nature)
    let other = try ApplyPlan(steps: steps, destination: destination, base: base, nature: nature)
    guard let difference = one.difference(from: other) else { return }
    throw ApplyError(
      .shortcutDiffers, update: step.first?.update.number, detail: "\(difference), \(one.direction), \(nature)")
  }
}

extension ApplyPlan {
  /// What the two differ in, but for who is named; nil where they do the same.
  fileprivate func difference(from other: ApplyPlan) -> String? {
    if from != other.from || to.digest != other.to.digest { return "the ends" }
    if Set(maps) != Set(other.maps) { return "what is mapped" }
    if Set(protections) != Set(other.protections) { return "protections" }
    if resize != other.resize { return "the file's length" }
    if edits.joined != other.edits.joined { return "bytes" }
    if cells.map(\.unnamed) != other.cells.map(\.unnamed) { return "cells" }
    if initials.count != other.initials.count { return "variables" }
    for (one, other) in zip(initials, other.initials) {
      guard one.flag == other.flag, one.edits.joined == other.edits.joined,
        one.cells.map(\.unnamed) == other.cells.map(\.unnamed)
      else { return "variables" }
    }
    return guards.areAtLeast(other.guards) ? nil : "guards"
  }
}

extension [PlannedGuard] {
  /// Whether the same ranges are guarded, none of them less strictly.
  fileprivate func areAtLeast(_ others: [PlannedGuard]) -> Bool {
    let known = Dictionary(map { ($0.place, $0.isConservative) }) { $0 || $1 }
    return known.count == Set(others.map(\.place)).count
      && others.allSatisfy { other in known[other.place].map { $0 || !other.isConservative } ?? false }
  }
}

private struct GuardedPlace: Hashable {
  var range: AddressRange
  var reach: Guard.Reach
}

extension PlannedGuard {
  fileprivate var place: GuardedPlace { GuardedPlace(range: range, reach: reach) }
}

/// Bytes next to each other that are treated alike, however operations divide them.
private struct JoinedExtent: Hashable {
  var start: UInt64
  var before: [UInt8]
  var alternative: [UInt8]?
  var after: [UInt8]
  var isStaged: Bool
  var isCompared: Bool
}

extension [EditLedger.Extent] {
  fileprivate var joined: [JoinedExtent] {
    var result: [JoinedExtent] = []
    for extent in self {
      if let last = result.indices.last, result[last].start + UInt64(result[last].after.count) == extent.start,
        result[last].isStaged == extent.isStaged, result[last].isCompared == extent.isCompared,
        (result[last].alternative == nil) == (extent.alternative == nil)
      {
        result[last].before += extent.before
        result[last].alternative? += extent.alternative ?? []
        result[last].after += extent.after
      } else {
        result.append(
          JoinedExtent(
            start: extent.start, before: extent.before, alternative: extent.alternative, after: extent.after,
            isStaged: extent.isStaged, isCompared: extent.isCompared))
      }
    }
    return result
  }
}

extension CellLedger.Cell {
  fileprivate var unnamed: CellLedger.Cell {
    var cell = self
    cell.source = OperationSource(update: .base, operation: 0)
    return cell
  }
}
