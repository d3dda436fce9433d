import Addressing
import Foundation
import Journal
import Testing

/// The laws of a journal over generated trees of updates, against whole files kept beside them.
@Suite struct HistoryLawTests {
  let folder: TemporaryFolder
  let store: JournalStore

  init() throws {
    folder = try TemporaryFolder()
    store = try JournalStore.create(
      at: folder.file("a.hcsj"), base: SmallImage.base, content: SmallImage.content)
  }

  private func history(_ seed: UInt64, count: Int = 40) throws -> GeneratedHistory {
    var history = GeneratedHistory(seed: seed)
    for _ in 0..<count { try history.grow(store) }
    return history
  }

  @Test(arguments: 1..<5)
  func `bytes at any update are those of the file at that update`(seed: UInt64) throws {
    var history = try history(seed)
    let reader = try JournalStore.open(at: store.path, mode: .read)
    for state in history.states {
      #expect(try reader.fileByteCount(at: state.digest) == UInt64(state.file.count))
      #expect(try reader.fileBytes(FileOffset(0), count: state.file.count, at: state.digest) == state.file)
      for _ in 0..<10 {
        let start = history.number(to: state.file.count - 1)
        let count = history.number(to: min(300, state.file.count - start))
        let expected = Array(state.file[start..<start + count])
        #expect(try reader.fileBytes(FileOffset(UInt64(start)), count: count, at: state.digest) == expected)
      }
      for segment in SmallImage.segments {
        let offset = history.number(to: Int(segment.fileByteCount) - 1)
        let count = history.number(to: min(300, Int(segment.fileByteCount) - offset))
        let start = Int(segment.fileOffset.rawValue) + offset
        let range = SmallImage.range(segment.range.start.rawValue + UInt64(offset), UInt64(count))
        #expect(try reader.bytes(range, at: state.digest) == Array(state.mapped[start..<start + count]))
      }
    }
  }

  @Test(arguments: 1..<5)
  func `the steps between any two updates lead from the one file to the other`(seed: UInt64) throws {
    var history = try history(seed, count: 25)
    for _ in 0..<60 {
      let origin = history.states[history.number(to: history.states.count - 1)]
      let destination = history.states[history.number(to: history.states.count - 1)]
      var file = origin.file
      let way = try store.way(from: origin.digest, to: destination.digest)
      for (index, step) in try store.steps(from: origin.digest, to: destination.digest).enumerated() {
        #expect(way[index] == WayStep(update: step.update.number, direction: step.direction))
        #expect(try store.steps(of: way[index...index]) == [step])
        let operations =
          step.direction == .forward ? step.update.content.operations : step.update.content.invertedOperations
        for operation in operations { try GeneratedHistory.perform(operation, on: &file) }
      }
      #expect(file == destination.file)
    }
    #expect(try store.steps(from: history.states[7].digest, to: history.states[7].digest).isEmpty)
  }

  @Test(arguments: 1..<5)
  func `an atom is found by name and by address where the update has it`(seed: UInt64) throws {
    let history = try history(seed)
    for state in history.states {
      let together = try store.placements(named: SmallImage.symbols.map(\.name), at: state.digest)
      for symbol in SmallImage.symbols.prefix(5) {
        #expect(try together[symbol.name] ?? [] == store.placements(named: symbol.name, at: state.digest))
        let atom = AtomIdentity(name: symbol.name, unit: symbol.unit)
        let placed = try store.placement(of: atom, at: state.digest)
        let named = try store.placements(named: symbol.name, at: state.digest).filter { $0.identity == atom }
        #expect(named.first == placed)
        guard let expected = state.placements[atom] else {
          #expect(placed == nil || placed?.update == .base)
          continue
        }
        #expect(placed?.placement == expected)
        #expect(placed?.isCurrent == true)
        let last = VirtualAddress(expected.body.end.rawValue - 1)
        #expect(try store.placement(containing: last, at: state.digest) == placed)
        let write = try #require(try placed.flatMap { try store.bodyWrite(of: $0) })
        #expect(write.place == .virtual(expected.body.start))
        #expect(placed?.content == Digest.sha256(of: Payload.masked(write.after, fixups: write.fixups)))
        let bodies = try store.bodies(ofFunction: atom, at: state.digest)
        #expect(bodies.last == placed)
        #expect(bodies.dropLast().allSatisfy { !$0.isCurrent })
      }
      let former = try store.supersededBodies(at: state.digest)
      #expect(Set(former.map(\.placement.body.start)).isSuperset(of: state.former.map(\.start)))
      #expect(former.allSatisfy { $0.placement.body.start != state.placements[$0.identity]?.body.start })
      // The same, without every body that ever was: where functions stand now, and which places of the image they have left.
      let moved = try store.functionPlaces(at: state.digest).filter { $0.current != $0.base }
      #expect(Set(moved.compactMap(\.current)) == Set(state.placements.values))
      // A closure: the runtime copies a value of 17 bytes by key path in rooms of 16, which the address sanitizer refuses.
      let left = moved.compactMap { $0.base?.body }
      #expect(Set(left) == Set(former.filter { $0.update == .base }.map(\.placement.body)))
      #expect(try store.types(named: "struct conn", at: state.digest).dropFirst() == state.types[...])
    }
  }

  @Test(arguments: 1..<5)
  func `a grown journal verifies, and each update is given back as it was recorded`(seed: UInt64) throws {
    _ = try history(seed)
    let verification = try store.verify()
    #expect(verification.findings == [])
    #expect(verification.updateCount == 40)
    let reader = try JournalStore.open(at: store.path, mode: .read)
    for summary in try reader.log() {
      let update = try reader.update(summary.number)
      #expect(update == (try reader.update(digest: summary.digest)))
      #expect(update.parent == summary.parent)
      #expect(update.content.message == summary.message)
      #expect(update.content.operations.count == summary.operationCount)
      #expect(try UpdateCoding.digest(of: update.content, parent: update.parent) == summary.digest)
      #expect(try reader.children(of: summary.parent).contains(summary))
    }
  }
}
