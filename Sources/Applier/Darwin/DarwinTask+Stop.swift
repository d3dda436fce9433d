extension DarwinTask {
  /// Suspends all threads by one call; none can be started meanwhile. A thread that is in a system call goes on waiting in it,
  /// and no call is interrupted: what waits is in the kernel, and stops on its way back.
  public func stopThreads() throws(ApplyError) {
    try requireAttached()
    guard !isHeld else { return }
    let start = calls.nanoseconds
    try suspend()
    isHeld = true
    pauseStart = start
  }

  public func resumeThreads() throws(ApplyError) {
    guard isHeld else { return }
    try resume()
    isHeld = false
    lastPauseNanoseconds = calls.nanoseconds &- pauseStart
  }

  /// Runs the body while the task is suspended, whether it was before or not.
  func suspended(_ body: () throws(ApplyError) -> Void) throws(ApplyError) {
    if isHeld { return try body() }
    try suspend()
    do throws(ApplyError) {
      try body()
    } catch {
      // The first error is the one to be known.
      try? release()
      throw error
    }
    try release()
  }

  /// A task that could not be resumed counts as held: whoever has failed with it resumes it once more (D2).
  private func release() throws(ApplyError) {
    do throws(ApplyError) {
      try resume()
    } catch {
      isHeld = true
      throw error
    }
  }

  private func suspend() throws(ApplyError) {
    do throws(MachFailure) { try calls.suspend(port) } catch { throw self.error(error) }
  }

  private func resume() throws(ApplyError) {
    do throws(MachFailure) { try calls.resume(port) } catch { throw self.error(error) }
  }
}
