/// The search for the first of a row of positions at which a command fails, the first known to be good and the last to be bad.
struct Bisection {
  enum Verdict: String {
    case good
    case bad
    /// The command cannot tell.
    case skipped
  }

  /// The last position that is known to be good, and the first that is known to be bad.
  private(set) var good: Int
  private(set) var bad: Int
  private var skipped: Set<Int> = []

  /// - Parameter last: the index of the last position; at least 1.
  init(last: Int) {
    good = 0
    bad = last
  }

  /// The position to try next: the middle, or what is nearest to it of those that were not skipped. Nil at the end.
  var next: Int? {
    let middle = good + (bad - good) / 2
    return (good + 1..<bad).lazy.filter { !skipped.contains($0) }.min { abs($0 - middle) < abs($1 - middle) }
  }

  mutating func record(_ verdict: Verdict, at position: Int) {
    switch verdict {
    case .good: good = max(good, position)
    case .bad: bad = min(bad, position)
    case .skipped: skipped.insert(position)
    }
  }

  /// The positions of which one is the first bad one: more than one where those between were skipped.
  var suspects: ClosedRange<Int> { good + 1...bad }
}
