import Addressing
import Testing

@testable import Journal

/// What is held in memory of a long way: no more for more updates.
struct LongWayTests {
  private typealias Range = NetOperations.Range

  private func range(_ start: UInt64, _ end: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(start), byteCount: end - start)
  }

  @Test(arguments: 1...20) func `parts are those bytes that two owners have, told byte by byte`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var touching = TouchedRanges()
    var owners: [[Range.Space: [Int: Set<Int>]]] = []
    for owner in 0..<4 {
      var bytes: [Range.Space: [Int: Set<Int>]] = [:]
      for _ in 0..<Int.random(in: 0...8, using: &random) {
        let space: Range.Space = Bool.random(using: &random) ? .file : .memory
        let start = Int.random(in: 0..<60, using: &random)
        let end = start + Int.random(in: 0...12, using: &random)
        touching.add([Range(space: space, start: UInt64(start), end: UInt64(end))], of: owner)
        for byte in start..<end { bytes[space, default: [:]][byte, default: []].insert(owner) }
      }
      owners.append(bytes)
    }
    let parts = touching.touchedParts()
    for (owner, bytes) in owners.enumerated() {
      let own = parts[owner] ?? []
      #expect(zip(own, own.dropFirst()).allSatisfy { ($0.space.rawValue, $0.end) < ($1.space.rawValue, $1.start) })
      for space in [Range.Space.file, .memory] {
        let expected = (bytes[space] ?? [:]).keys.filter { byte in
          owners.indices.contains { $0 != owner && owners[$0][space]?[byte] != nil }
        }
        let found = own.filter { $0.space == space }.flatMap { Int($0.start)..<Int($0.end) }
        #expect(Set(found) == Set(expected))
      }
    }
  }

  @Test func `areas that follow one another are few, however many are added, and none leaves its segment`() throws {
    let base = SmallImage.base
    let segment = try #require(base.segments.first { $0.range.byteCount >= 4096 }).range
    let start = segment.start.rawValue
    var areas = StretchAreas(base: base)
    // From two ends in turn, with the gaps of alignment: neither follows what was added last.
    for index in 0..<32 { areas.add([range(start + UInt64(index) * 64, start + UInt64(index) * 64 + 40)]) }
    for index in (0..<8).reversed() {
      areas.add([range(start + 3072 + UInt64(index) * 128, start + 3140 + UInt64(index) * 128)])
    }
    #expect(areas.ascending == [range(start, start + 31 * 64 + 40), range(start + 3072, start + 3140 + 7 * 128)])
    areas.add([
      range(segment.end.rawValue - 8, segment.end.rawValue), range(segment.end.rawValue, segment.end.rawValue + 8),
    ])
    #expect(areas.ascending.last == range(segment.end.rawValue, segment.end.rawValue + 8))
  }

  @Test func `runs are joined where numbers follow one another in one direction`() {
    func run(_ first: Int64, _ last: Int64) -> UpdateRun { UpdateRun(UpdateNumber(first), UpdateNumber(last)) }
    #expect([run(1, 64), run(65, 65), run(66, 66), run(68, 68)].joined() == [run(1, 66), run(68, 68)])
    #expect([run(9, 5), run(4, 4), run(3, 1)].joined() == [run(9, 1)])
    // Back and forth again.
    #expect([run(9, 5), run(6, 7)].joined() == [run(9, 5), run(6, 7)])
    #expect([run(5, 5), run(6, 6), run(5, 5)].joined() == [run(5, 6), run(5, 5)])
    #expect([run(1, 3), run(3, 1)].joined() == [run(1, 3), run(3, 1)])
    #expect(run(9, 5).count == 5 && run(9, 5).reversed == run(5, 9))
  }

  @Test func `a way over many updates without branches is one run`() throws {
    let folder = try TemporaryFolder()
    let store = try JournalStore.small(in: folder)
    let history = try GeneratedHistory(seed: 8, count: 200, in: store)
    let (base, head) = (SmallImage.base.digest, history.states[200].digest)
    #expect(
      try store.netSteps(from: base, to: head).flatMap(\.runs).joined() == [
        UpdateRun(UpdateNumber(1), UpdateNumber(200))
      ])
    #expect(
      try store.netSteps(from: head, to: base).flatMap(\.runs).joined() == [
        UpdateRun(UpdateNumber(200), UpdateNumber(1))
      ])
  }
}
