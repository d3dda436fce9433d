/// Where two runs of bytes differ.
enum ByteRuns {
  /// Runs of differing bytes, joined where fewer than 8 equal ones lie between.
  ///
  /// - Parameter words: the first bytes of runs of eight that belong to no run.
  static func differences(_ before: [UInt8], _ after: [UInt8], except words: Set<Int> = []) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for index in after.indices
    where before[index] != after[index] && !words.contains(where: { ($0..<$0 + 8).contains(index) }) {
      if let last = runs.last, index - last.upperBound < 8,
        !words.contains(where: { last.upperBound <= $0 + 7 && $0 < index })
      {
        runs[runs.count - 1] = last.lowerBound..<index + 1
      } else {
        runs.append(index..<index + 1)
      }
    }
    return runs
  }
}
