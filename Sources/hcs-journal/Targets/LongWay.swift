import Applier
import Journal

extension JournalStore {
  /// Does something with the way from one update to another, in as few steps as there are.
  ///
  /// What is kept of many updates is derived from them: where it cannot be read, and nothing has been written yet, the updates themselves
  /// are taken.
  ///
  /// - Parameters:
  ///   - isSigned: whether each update must be the one that was signed.
  ///   - isSettling: whether the target is torn, and may be left so: whichever steps it is settled by, they begin with what is there.
  func along<Value>(
    _ from: Digest, _ to: Digest, isSigned: Bool = false, isSettling: Bool = false,
    _ body: ([Step]) throws -> Value
  ) throws -> Value {
    if !isSigned {
      do {
        return try body(try netSteps(from: from, to: to))
      } catch let error as JournalError where error.code == .malformedStretch {
      } catch let error as ApplyError where error.code == .stretchUnreadable {
        guard isSettling || error.outcome == .untouched else { throw error }
      }
    }
    return try body(try steps(from: from, to: to))
  }
}
