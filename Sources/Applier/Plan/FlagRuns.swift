/// Flags of many things that follow one another, most of which have the neighbour's.
struct FlagRuns {
  private var runs: [(flag: Bool, count: Int)] = []
  /// Of the first run, how many have been taken; and of the runs.
  private var taken = (runs: 0, flags: 0)

  mutating func append(_ flags: some Sequence<Bool>) {
    for flag in flags {
      if runs.last?.flag == flag { runs[runs.count - 1].count += 1 } else { runs.append((flag, 1)) }
    }
  }

  var runCount: Int { runs.count - taken.runs }

  var isEmpty: Bool { runCount == 0 }

  var containsTrue: Bool { runs[taken.runs...].contains { $0.flag } }

  /// The first ones that have not been taken yet, as many as there are up to so many.
  mutating func takeFirst(_ count: Int) -> [Bool] {
    var flags: [Bool] = []
    while flags.count < count, !isEmpty {
      let run = runs[taken.runs]
      let part = min(count - flags.count, run.count - taken.flags)
      flags += repeatElement(run.flag, count: part)
      taken.flags += part
      if taken.flags == run.count { taken = (taken.runs + 1, 0) }
    }
    return flags
  }
}
