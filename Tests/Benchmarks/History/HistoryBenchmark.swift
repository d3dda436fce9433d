import Foundation
import Journal
import Linker

/// What `scripts/bench history` asks of the library; the script times the program's commands itself.
@main
enum HistoryBenchmark {
  private static let usage = """
    usage: history-benchmark make IMAGE COUNT ATOMS       a journal beside the image, with so many updates of so many functions
           history-benchmark look JOURNAL ROUNDS          what questions cost through the library
           history-benchmark throughput IMAGE COUNT       updates recorded in a second, against SQLite alone
    """

  static func main() {
    do {
      try run(Array(CommandLine.arguments.dropFirst()))
    } catch {
      FileHandle.standardError.write(Data("history-benchmark: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func run(_ words: [String]) throws {
    switch words.first {
    case "make" where words.count == 4:
      guard let count = Int(words[2]), let atoms = Int(words[3]) else { throw BenchmarkFailure(usage) }
      try make(image: words[1], count: count, atoms: atoms)
    case "look" where words.count == 3:
      guard let rounds = Int(words[2]) else { throw BenchmarkFailure(usage) }
      try Questions(journal: words[1], rounds: rounds).ask()
    case "throughput" where words.count == 3:
      guard let count = Int(words[2]) else { throw BenchmarkFailure(usage) }
      try Throughput(image: words[1], count: count).measure()
    default: throw BenchmarkFailure(usage)
    }
  }

  private static func make(image: String, count: Int, atoms: Int) throws {
    let store = try adopted(image, journal: image + ".hcsj", count: count)
    let history = try SyntheticHistory(store, count: count, atoms: atoms)
    // Parts: a transaction of a million updates would keep all of them in SQLite's cache.
    var updates = history.makeIterator()
    var parent = store.base.digest
    while true {
      var part: [UpdateContent] = []
      while part.count < 2000, let content = updates.next() { part.append(content) }
      guard let last = try store.append(contentsOf: part, parent: parent) else { break }
      parent = last.digest
    }
    emit(["updates": count])
  }

  /// Room for an update of a function of ordinary size each, and no less than usual. It does not grow: a million bodies are all that
  /// code reaches beyond the gap that the heap is left.
  static func adopted(_ image: String, journal: String, count: Int) throws -> JournalStore {
    let manager = FileManager.default
    for path in [journal, journal + "-wal", journal + "-shm", image + ".hot"] where manager.fileExists(atPath: path) {
      try manager.removeItem(atPath: path)
    }
    var room = ArenaRoom.standard
    let count = UInt64(count)
    room.codeByteCount = max(room.codeByteCount, (count * 448 + 65_535) & ~65_535)
    room.constantByteCount = max(room.constantByteCount, (count * 16 + 65_535) & ~65_535)
    room.growthByteCount = 0
    room.cellCount = max(room.cellCount, count + count / 8)
    return try ImageAdoption.adopt(
      imageAt: image, preparedPath: image + ".hot", journalPath: journal, room: room
    ).store
  }

  static func emit(_ values: [String: Int]) {
    let text = values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
    FileHandle.standardOutput.write(Data("{\(text)}\n".utf8))
  }
}

struct BenchmarkFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Nanoseconds of a clock: `CLOCK_THREAD_CPUTIME_ID` counts nobody else's work, `CLOCK_MONOTONIC` counts waiting as well.
func nanoseconds(_ clock: clockid_t) -> Int {
  var time = timespec()
  clock_gettime(clock, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
