import Testing

@testable import Applier

struct FlagRunsTests {
  @Test(arguments: 1...20) func `flags are taken as they were added, in any pieces`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let flags = (0..<200).map { _ in Int.random(in: 0..<8, using: &random) == 0 }
    var runs = FlagRuns()
    var rest = flags[...]
    while !rest.isEmpty {
      let count = Int.random(in: 0...30, using: &random)
      runs.append(rest.prefix(count))
      rest = rest.dropFirst(count)
    }
    var taken: [Bool] = []
    while !runs.isEmpty {
      #expect(runs.containsTrue == flags[taken.count...].contains(true))
      taken += runs.takeFirst(Int.random(in: 0...30, using: &random))
    }
    #expect(taken == flags)
    #expect(runs.takeFirst(3).isEmpty && !runs.containsTrue)
  }

  @Test func `a million alike take no more room than one`() {
    var runs = FlagRuns()
    for _ in 0..<1000 { runs.append(repeatElement(true, count: 1000)) }
    #expect(runs.runCount == 1)
    #expect(runs.takeFirst(999_999).allSatisfy(\.self) && !runs.isEmpty)
  }
}
