import Addressing
public import Journal

extension ApplyPlan {
  /// The plan of the steps for a target of the given nature.
  ///
  /// - Parameter destination: where the last step leads: the digest is checked, the number is taken.
  public init(
    steps: [Step], destination: TargetHeader.Position, base: BaseImage, nature: TargetNature
  ) throws(ApplyError) {
    let from = try Self.start(of: steps, leadingTo: destination)
    var builder = PlanBuilder(base: base, nature: nature, steps: steps)
    for step in steps { try builder.add(step) }
    self.init(
      nature: nature, architecture: base.architecture, from: from, to: destination,
      direction: steps.allSatisfy { $0.direction == .backward } ? .backward : .forward,
      updates: steps.flatMap(\.runs).joined(), maps: builder.maps, protections: builder.protections,
      guards: builder.guards, resize: builder.resize, edits: builder.edits.extents, cells: builder.cells.cells,
      initials: builder.initialGroups(),
      fresh: steps.compactMap { step in step.stretch.map { FreshBytes(stretch: $0, direction: step.direction) } })
  }

  /// Where the steps lead from, once they are known to follow one another up to the destination.
  private static func start(
    of steps: [Step], leadingTo destination: TargetHeader.Position
  ) throws(ApplyError) -> Digest {
    guard let first = steps.first else {
      throw ApplyError(.stepsNotConnected, update: destination.number, detail: "there are none")
    }
    var position = first.origin
    for step in steps {
      guard step.origin == position else {
        throw ApplyError(
          .stepsNotConnected, update: step.update.number, expected: position.bytes, found: step.origin.bytes)
      }
      position = step.end
    }
    guard position == destination.digest else {
      throw ApplyError(
        .stepsNotConnected, update: destination.number, expected: destination.digest.bytes, found: position.bytes)
    }
    return first.origin
  }
}

extension Step {
  /// The digest of the update at which a target stands before the step.
  var origin: Digest { direction == .forward ? update.parent : update.digest }

  /// The digest of the update at which it stands afterwards.
  var end: Digest { direction == .forward ? update.digest : update.parent }

  var reversed: Step { Step(update: update, direction: direction == .forward ? .backward : .forward) }

  /// The operations as they are executed, each with its index in the recorded order.
  var directedOperations: [(index: Int, operation: Operation)] {
    switch direction {
    case .forward: update.content.operations.enumerated().map { ($0.offset, $0.element) }
    case .backward:
      zip(update.content.operations.indices.reversed(), update.content.invertedOperations).map { ($0, $1) }
    }
  }
}
