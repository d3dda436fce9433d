extension RandomAccessCollection {
  /// Index of the first element that fulfils the condition, by halving; `endIndex` where none does.
  ///
  /// - Parameter isBehind: whether an element lies behind what is looked for: where it holds for one, it holds for all after it.
  @inlinable
  public func partitioningIndex<Failure: Error>(
    where isBehind: (Element) throws(Failure) -> Bool
  ) throws(Failure) -> Index {
    var start = startIndex
    var count = count
    while count > 0 {
      let half = count / 2
      let middle = index(start, offsetBy: half)
      if try isBehind(self[middle]) {
        count = half
      } else {
        start = index(after: middle)
        count -= half + 1
      }
    }
    return start
  }
}
