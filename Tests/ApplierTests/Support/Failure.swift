@testable import Applier

/// The error that the body ends with; nil where it ends well.
func failure<Result>(of body: () throws(ApplyError) -> Result) -> ApplyError? {
  do throws(ApplyError) {
    _ = try body()
    return nil
  } catch { return error }
}
