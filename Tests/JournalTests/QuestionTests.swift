import Addressing
import Foundation
import Journal
import Testing

/// What is asked of a history, against generated trees of updates.
@Suite struct QuestionTests {
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

  private static let atoms = SmallImage.symbols.prefix(5).map { AtomIdentity(name: $0.name, unit: $0.unit) }

  @Test(arguments: 1..<5)
  func `an address tells its atom, its line and what stood there before`(seed: UInt64) throws {
    for state in try history(seed).states {
      for (atom, placement) in state.placements {
        let placed = try #require(try store.placement(of: atom, at: state.digest))
        for offset in [0, placement.body.byteCount / 2, placement.body.byteCount - 1] {
          let address = VirtualAddress(placement.body.start.rawValue + offset)
          let history = try #require(try store.history(of: address, at: state.digest))
          #expect(history.placed == placed)
          #expect(history.offset == offset)
          #expect(history.current == nil)
          let update = try store.update(placed.update)
          let line = update.content.sources.line(at: address)
          #expect((line == nil) == (update.content.sources.bodies.allSatisfy { $0.start != placement.body.start }))
          let parent = try store.placement(of: atom, at: update.parent)
          let change = try #require(update.content.atoms.first { $0.atom == atom })
          // An atom that comes back after it was removed had no body before.
          let isRemoved = try store.histories(named: atom.name, at: update.parent).contains {
            $0.identity == atom && $0.bodies.contains { $0.isCurrent && $0.placement == nil }
          }
          let former = isRemoved || change.change == .added ? nil : change.before
          #expect(history.previous?.placement == (parent?.placement ?? former))
        }
      }
      // Two names share the body that begins there; while one of them stands there, it is no former one.
      let shared = SmallImage.symbols[1].address
      for body in state.former
      where body.start != shared && !state.placements.values.contains(where: { $0.body.overlaps(body) }) {
        let history = try #require(try store.history(of: body.start, at: state.digest))
        #expect(history.placed.placement.body.start == body.start)
        #expect(!history.placed.isCurrent)
        #expect(history.current?.placement == state.placements[history.placed.identity])
      }
    }
  }

  @Test func `an address of the base image tells what no update has changed, and what an update wrote over it`() throws
  {
    let history = try history(2)
    let end = try #require(history.states.last)
    let main = try #require(try store.history(of: VirtualAddress(0x40_0110), at: SmallImage.base.digest))
    #expect(main.placed.identity.name == "main" && main.offset == 0x10 && main.placed.update == .base)
    #expect(main.placed.isCurrent && main.previous == nil && main.replaced == nil && main.overwritten == nil)
    #expect(try store.history(of: VirtualAddress(0x40_0900), at: end.digest) == nil)
    #expect(try store.history(of: VirtualAddress(.max), at: end.digest) == nil)
    var overwritten = 0
    for (atom, placement) in end.placements where placement.cell != nil {
      let entry = try #require(placement.entry)
      let history = try #require(try store.history(of: entry, at: end.digest))
      #expect(history.placed.update == .base && history.current?.identity == history.placed.identity)
      let writer = try store.update(try #require(history.overwritten)).content
      #expect(writer.operations.contains { $0.isWrite(at: entry) })
      overwritten += atom == history.placed.identity ? 1 : 0
    }
    #expect(overwritten > 0)
  }

  @Test(arguments: 1..<4)
  func `a difference is told of exactly the atoms that stand elsewhere or hold other bytes`(seed: UInt64) throws {
    var history = try history(seed)
    for _ in 0..<60 {
      let one = history.states[history.number(to: history.states.count - 1)].digest
      let other = history.states[history.number(to: history.states.count - 1)].digest
      let told = Dictionary(
        try store.differences(from: one, to: other).map { ($0.identity, $0) }, uniquingKeysWith: { first, _ in first })
      for atom in Self.atoms {
        let before = try store.placement(of: atom, at: one)
        let after = try store.placement(of: atom, at: other)
        let difference = told[atom]
        switch (before, after) {
        case (nil, nil): #expect(difference == nil)
        case (let before?, let after?):
          if before.placement.body == after.placement.body {
            let isSame =
              try store.bytes(before.placement.body, at: one) == store.bytes(after.placement.body, at: other)
            if before.update != after.update, before.content != nil, after.content != nil {
              #expect((difference == nil) == (before.content == after.content), "\(atom.name) \(isSame)")
            } else if before.update == after.update {
              #expect(difference == nil)
            }
          } else {
            #expect(difference?.difference == .moved || difference?.difference == .changed)
            if let old = before.content, let new = after.content {
              #expect((difference?.difference == .moved) == (old == new))
            }
          }
          #expect(difference == nil || (difference?.before == before && difference?.after == after))
        case (nil, .some):
          // What no update on the one side has touched is in the base image there.
          #expect(difference != nil)
        case (.some, nil): #expect(difference != nil)
        }
      }
      #expect(try store.differences(from: one, to: one).isEmpty)
    }
  }

  @Test func `a symbol tells every body on every branch, and which of them is current`() throws {
    let history = try history(3, count: 60)
    for state in history.states.suffix(20) {
      for atom in Self.atoms {
        let told = try store.histories(named: atom.name, at: state.digest).first { $0.identity == atom }
        let bodies = try #require(told?.bodies)
        #expect(bodies.map(\.update) == bodies.map(\.update).sorted())
        let current = try store.placement(of: atom, at: state.digest)
        #expect(bodies.first { $0.isCurrent && $0.placement != nil }?.placement == current?.placement || current == nil)
        #expect(bodies.count { $0.isCurrent } <= 1)
        for body in bodies where body.update != .base {
          let change = try store.update(body.update).content.atoms.first { $0.atom == atom }
          #expect(change?.change == body.change)
          #expect((change?.change == .removed ? nil : change?.after) == body.placement)
        }
      }
    }
    let updates = try store.log().map(\.number)
    for atom in Self.atoms {
      let recorded = try updates.filter { number in
        try store.update(number).content.atoms.contains { $0.atom.name == atom.name }
      }
      let told = try store.histories(named: atom.name, at: SmallImage.base.digest).flatMap(\.bodies).map(\.update)
      #expect(Set(told).subtracting([.base]) == Set(recorded))
      var query = LogQuery()
      query.atoms = [atom.name]
      #expect(try store.log(query).map(\.number) == recorded)
    }
    #expect(try store.histories(named: "counter", at: SmallImage.base.digest).first?.kind == .variable)
    #expect(try store.histories(named: "nobody", at: SmallImage.base.digest).isEmpty)
  }

  @Test func `a log is filtered by range, time, author and message, and by several at once`() throws {
    let history = try history(1)
    let all = try store.log()
    for _ in 0..<30 {
      var random = history
      let from = history.states[random.number(to: history.states.count - 1)].digest
      let to = history.states[random.number(to: history.states.count - 1)].digest
      var query = LogQuery()
      (query.from, query.to) = (from, to)
      let forward = try store.steps(from: from, to: to).filter { $0.direction == .forward }.map(\.update.number)
      #expect(try store.log(query).map(\.number) == forward.reversed())
      query.limit = 2
      #expect(try store.log(query).map(\.number) == Array(forward.reversed().prefix(2)))
    }
    var query = LogQuery()
    (query.since, query.until) = (5000, 9000)
    #expect(try store.log(query).map(\.time) == [9000, 8000, 7000, 6000, 5000])
    query.text = "UPDATE 8"
    #expect(try store.log(query).map(\.message) == ["update 8"])
    query = LogQuery()
    query.until = 3000
    #expect(try store.log(query).map(\.time) == [3000, 2000, 1000])
    query = LogQuery()
    query.author = "TEST"
    query.limit = 7
    #expect(try store.log(query) == Array(all.prefix(7)))
    query.author = "e%"
    #expect(try store.log(query).isEmpty)
    query = LogQuery()
    query.to = SmallImage.base.digest
    #expect(try store.log(query).isEmpty)
    #expect(try store.position(asOf: 999).number == .base)
    #expect(try store.position(asOf: 6500).number == UpdateNumber(6))
    #expect(try store.position(asOf: .max).number == all.first?.number)
  }
}

extension Journal.Operation {
  fileprivate func isWrite(at address: VirtualAddress) -> Bool {
    if case .write(let write) = self { write.place == .virtual(address) } else { false }
  }
}
