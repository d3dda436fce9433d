import Addressing
import Journal

extension LiveTask {
  /// Who executes one of these bodies. Stops the threads for a moment.
  public func threads(in bodies: [SupersededBody]) throws(ApplyError) -> [ThreadPlace] {
    let guards = bodies.compactMap { body in
      RuntimeRange(body.range, slide: access.slide).map {
        GuardedRange(range: $0, reach: body.beginsWithEntryStub ? .interior : .whole, isConservative: false)
      }
    }
    // A range that the slide takes out of the address space is of another image: indexes would no longer agree.
    guard !guards.isEmpty, guards.count == bodies.count else { return [] }
    try access.stopThreads()
    let occupants = try access.occupants(of: guards)
    try access.resumeThreads()
    var seen: Set<ThreadPlace> = []
    return occupants.map { occupant in
      let body = bodies[occupant.guardIndex]
      return ThreadPlace(
        thread: occupant.thread, threadName: occupant.threadName, function: body.function,
        offset: occupant.address.virtualAddress(slide: access.slide).rawValue &- body.range.start.rawValue,
        update: body.update)
    }.filter { seen.insert($0).inserted }
  }
}
