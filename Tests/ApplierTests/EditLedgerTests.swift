import Journal
import Testing

@testable import Applier

@Suite struct EditLedgerTests {
  private func edit(
    _ start: UInt64, _ before: [UInt8], _ after: [UInt8], _ mode: EditLedger.Mode = .exact, update: Int64 = 1
  ) -> EditLedger.Edit {
    EditLedger.Edit(
      start: start, before: before, after: after, mode: mode,
      source: OperationSource(update: UpdateNumber(update), operation: 0))
  }

  @Test func `edits of one byte come to its first before and its last after`() throws {
    var ledger = EditLedger()
    try ledger.record(edit(10, [1, 2, 3, 4], [5, 6, 7, 8]))
    try ledger.record(edit(11, [6, 7], [9, 10], update: 2))
    #expect(ledger.extents.map(\.start) == [10, 11, 13])
    #expect(ledger.extents.flatMap(\.before) == [1, 2, 3, 4])
    #expect(ledger.extents.flatMap(\.after) == [5, 9, 10, 8])
    #expect(ledger.extents.map(\.source.update.rawValue) == [1, 1, 1])
  }

  @Test func `an edit that does not find what the last one left is refused where they differ`() throws {
    var ledger = EditLedger()
    try ledger.record(edit(10, [0, 0], [1, 1]))
    let error = failure { () throws(ApplyError) in try ledger.record(edit(8, [0, 0, 0, 0], [2, 2, 2, 2], update: 2)) }
    #expect(error?.code == .operationsConflict)
    #expect(error?.address?.rawValue == 10)
    #expect(error?.update == UpdateNumber(2))
  }

  @Test func `fresh bytes may be found either way, and are kept on the way back`() throws {
    var forward = EditLedger()
    try forward.record(edit(0, [0, 0], [1, 2], .fresh))
    try forward.record(edit(1, [2], [3], update: 2))
    // Who was rolled back may still execute what stood there: what is written over fresh bytes waits for the commit.
    #expect(forward.extents.map(\.isStaged) == [true, false])
    #expect(forward.extents.flatMap { $0.alternative ?? [] } == [1, 2])
    #expect(forward.extents.flatMap(\.after) == [1, 3])
    var back = EditLedger()
    try back.record(edit(1, [3], [2], update: 2))
    try back.record(edit(0, [1, 2], [0, 0], .kept))
    #expect(back.extents.flatMap(\.before) == [1, 3])
    #expect(back.extents.flatMap(\.after) == [1, 2])
    #expect(back.extents.map(\.isStaged) == [false, false])
  }

  @Test func `edits that wrap around or differ in length are refused`() {
    var ledger = EditLedger()
    for wrong in [edit(.max, [0, 0], [1, 1]), edit(0, [0], [1, 1])] {
      #expect(failure { () throws(ApplyError) in try ledger.record(wrong) }?.code == .operationsConflict)
    }
    #expect(ledger.extents.isEmpty)
  }

  @Test("However edits overlap, the ledger says what writing them one after the other would", arguments: 1...200)
  func equalsWritingInOrder(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let original = (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
    var bytes = original
    var ledger = EditLedger()
    for update in 1...12 {
      let start = Int.random(in: 0..<40, using: &random)
      let end = Int.random(in: start...min(40, start + 12), using: &random)
      let after = (start..<end).map { _ in UInt8.random(in: 0...255, using: &random) }
      try ledger.record(edit(UInt64(start), Array(bytes[start..<end]), after, update: Int64(update)))
      bytes.replaceSubrange(start..<end, with: after)
    }
    var replayed = original
    var last: UInt64 = 0
    for extent in ledger.extents {
      let range = Int(extent.start)..<Int(extent.end)
      #expect(extent.start >= last && !extent.after.isEmpty)
      #expect(extent.before == Array(original[range]))
      replayed.replaceSubrange(range, with: extent.after)
      last = extent.end
    }
    #expect(replayed == bytes)
  }
}
