import Addressing
import Foundation
import Journal

/// What questions of history cost through the library, without the start of a process: each in a journal opened anew, so that
/// nothing is remembered from the one before; the least of some rounds, in nanoseconds of the thread's processor time.
struct Questions {
  let journal: String
  let rounds: Int

  func ask() throws {
    let store = try JournalStore.open(at: journal, mode: .read)
    guard let head = try store.head() else { throw BenchmarkFailure("the journal has no updates") }
    let middle = UpdateNumber(max(1, head.number.rawValue / 2))
    guard let atom = try store.update(head.number).content.atoms.first, let place = atom.after?.body.start else {
      throw BenchmarkFailure("the newest update changes nothing")
    }
    let middleDigest = try store.digest(of: middle)
    let ancestor = try store.digest(of: UpdateNumber(max(0, head.number.rawValue - 10)))
    let old = try store.update(UpdateNumber(1)).content.atoms.first?.after?.body.start ?? place
    let questions: [(String, (JournalStore) throws -> Void)] = [
      ("open", { _ in }),
      ("at", { _ = try $0.history(of: place.displaced(by: 20), at: head.digest) }),
      ("at, half-way", { _ = try $0.history(of: old, at: middleDigest) }),
      ("placements of a name", { _ = try $0.placements(named: atom.atom.name, at: middleDigest) }),
      ("log -n 20", { _ = try $0.log(limit: 20) }),
      ("show", { _ = try $0.update(middle) }),
      ("bytes half-way", { _ = try $0.bytes(AddressRange(start: old, byteCount: 64), at: middleDigest) }),
      ("10 steps", { _ = try $0.steps(from: ancestor, to: head.digest) }),
    ]
    var costs: [String: Int] = [:]
    for (name, question) in questions {
      for _ in 0..<rounds {
        let opened = try JournalStore.open(at: journal, mode: .read)
        let start = nanoseconds(CLOCK_THREAD_CPUTIME_ID)
        try question(opened)
        costs[name] = min(costs[name] ?? .max, nanoseconds(CLOCK_THREAD_CPUTIME_ID) - start)
      }
    }
    HistoryBenchmark.emit(costs)
  }
}
