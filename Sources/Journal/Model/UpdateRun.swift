/// Updates whose numbers follow one another, in the order in which they are taken: ascending where they are taken forward.
///
/// A long way has few of these, and may have a million updates.
public struct UpdateRun: Hashable, Sendable {
  public var first: UpdateNumber
  public var last: UpdateNumber

  public init(_ first: UpdateNumber, _ last: UpdateNumber) {
    self.first = first
    self.last = last
  }

  public var count: Int { abs(Int(clamping: last.rawValue - first.rawValue)) + 1 }

  /// The same ones taken the other way.
  public var reversed: UpdateRun { UpdateRun(last, first) }

  private var stride: Int64 { (last.rawValue - first.rawValue).signum() }

  /// With the other one behind it, where both together are one.
  func joined(with other: UpdateRun) -> UpdateRun? {
    let step = other.first.rawValue - last.rawValue
    let isStraight = [stride, other.stride].allSatisfy { $0 == 0 || $0 == step }
    return abs(step) == 1 && isStraight ? UpdateRun(first, other.last) : nil
  }
}

extension [UpdateRun] {
  /// Behind the others, with the last of them where both are one.
  mutating func append(joining run: UpdateRun) {
    if let longer = last?.joined(with: run) { self[count - 1] = longer } else { append(run) }
  }

  /// The same updates in as few runs as there are.
  public func joined() -> [UpdateRun] { reduce(into: []) { $0.append(joining: $1) } }
}
