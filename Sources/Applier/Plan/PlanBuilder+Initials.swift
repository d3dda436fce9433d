import Addressing
import Journal

extension PlanBuilder {
  /// At the entry point all values are the image's: the last one wins, whichever update it comes from. A running task
  /// gets those of rooms that come into use, and those only.
  mutating func changeInitial(
    _ room: InitialRoom, _ direction: Direction, _ change: (inout InitialLedger) throws(ApplyError) -> Void
  ) throws(ApplyError) {
    switch (room, nature) {
    case (_, .file), (.existing, .task(.running)): break
    case (_, .task(.atEntry)): try change(&initials[nil, default: InitialLedger()])
    case (.moved(let origin), .task(.running)): throw ApplyError(.variableMoved, address: origin)
    case (.new(let flag), .task(.running)):
      if direction == .forward { try change(&initials[flag, default: InitialLedger()]) }
    }
  }
}
