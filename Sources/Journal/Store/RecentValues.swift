import Synchronization

/// A small cache of immutable values; when it is full, the oldest half goes.
final class RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct State {
    var values: [Key: Value] = [:]
    var order: [Key] = []
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) { self.capacity = capacity }

  subscript(key: Key) -> Value? { state.withLock { $0.values[key] } }

  func removeAll() { state.withLock { $0 = State() } }

  func insert(_ value: Value, for key: Key) {
    state.withLock { state in
      if state.values.updateValue(value, forKey: key) == nil { state.order.append(key) }
      guard state.order.count > capacity else { return }
      for old in state.order.prefix(capacity / 2) { state.values[old] = nil }
      state.order.removeFirst(capacity / 2)
    }
  }
}
