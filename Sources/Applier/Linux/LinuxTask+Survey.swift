// How threads are looked at in a task that runs and goes on running: one after the other, no two of them standing still at once.
//
// It is for questions of which the answer only ever becomes smaller: once all cells lead to new bodies no thread enters an old
// one. A thread that was started meanwhile came from one that may have been in an old body and begins in a function of its own; all
// the same the threads are listed anew until a list has no new one.

extension LinuxTask {
  /// How long one thread is waited for: most stop within microseconds, on a machine under load they wait for a processor. Nobody
  /// else stands still meanwhile. One that has not stopped then is told as unseen.
  private static let longestLook: UInt64 = 500_000_000

  public func survey(_ guards: [GuardedRange]) throws(ApplyError) -> ThreadSurvey {
    try requireAttached()
    if isHeld { return ThreadSurvey(occupants: try occupants(of: guards)) }
    rehearseLook()
    map = TaskMap(process)
    var survey = ThreadSurvey()
    var seen: Set<Int32> = []
    while true {
      try attend()
      let fresh = try threadNumbers().filter { seen.insert($0).inserted }.sorted()
      if fresh.isEmpty { return survey }
      for id in fresh {
        do throws(ApplyError) {
          survey.occupants += try look(at: id, guards)
        } catch {
          guard error.code == .threadDoesNotStop || error.code == .taskCallFailed else { throw error }
          survey.unseen.append(UnseenThread(thread: id, threadName: process.threadName(id)))
        }
      }
    }
  }

  /// Nothing is found of a thread that has ended.
  private func look(at id: Int32, _ guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    guard try seizeForLook(id) else { return [] }
    map?.forget()
    let found: [ThreadOccupant]
    do throws(ApplyError) {
      try hold(only: id, patience: Self.longestLook)
      found = try occupants(of: guards, among: [id])
    } catch {
      // The first error is the one to be known. A thread that has not stopped yet is let go when it does.
      try? letGo(onlyHeld: id)
      throw error
    }
    try letGo(onlyHeld: id)
    return found
  }

  /// Whether there is such a thread, traced by us now.
  private func seizeForLook(_ id: Int32) throws(ApplyError) -> Bool {
    if let known = threads[id] { return known.state != .ended }
    do throws(SystemCallFailure) {
      try LinuxCalls.seize(id, options)
    } catch {
      guard !error.isGone, try isAlive(id) else { return false }
      throw self.error(error)
    }
    threads[id] = LinuxThread(id)
    return true
  }

  private func letGo(onlyHeld id: Int32) throws(ApplyError) {
    if id == lead { try letMainThreadGo() } else { try letOtherThreadGo(id) }
  }
}
