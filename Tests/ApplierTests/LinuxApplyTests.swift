import Addressing
import Foundation
import Journal
import ObjectFile
import Testing

@testable import Applier

/// Updates applied to a real process, started from an image that nothing was prepared in.
@Suite struct LinuxApplyTests {
  /// What a journal would know of the victim: its segments, and an arena 1.5 GiB behind them.
  struct Known {
    let base: BaseImage
    let slide: Slide
    let file: [UInt8]

    init(_ victim: LinuxVictim, slide: Slide) throws {
      let path = "/proc/\(victim.id)/exe"
      let elf = try ELFFile(MappedFile(path: path))
      var segments = elf.segments.filter { $0.type == .load }.map {
        Segment(
          range: $0.range, fileOffset: $0.fileOffset, fileByteCount: $0.fileByteCount, protection: $0.protection,
          isPartOfArena: false)
      }
      let end = segments.map(\.range.end.rawValue).max() ?? 0
      let start = VirtualAddress((end + 0x6000_0000) / 0x1000 * 0x1000)
      func range(_ offset: Int64, _ byteCount: UInt64) -> AddressRange {
        AddressRange(start: start.displaced(by: offset), byteCount: byteCount)
      }
      let arena = Arena(
        code: range(0, 0x4000), constants: range(0x4000, 0x1000), writable: range(0x5000, 0x3000),
        header: range(0x5000, 0x1000), cells: range(0x6000, 0x1000), flags: range(0x7000, 0x100),
        data: range(0x7100, 0xf00), loaderTables: [], cursors: SmallImage.cursors)
      let parts = [
        ArenaMapping(range: arena.code, protection: [.read, .execute]),
        ArenaMapping(range: arena.constants, protection: .read),
        ArenaMapping(range: arena.writable, protection: [.read, .write]),
      ]
      for part in parts {
        segments.append(
          Segment(
            range: part.range, fileOffset: FileOffset(0), fileByteCount: 0, protection: part.protection,
            isPartOfArena: true))
      }
      self.slide = slide
      file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      base = BaseImage(
        format: .elf, architecture: .x86_64, isPositionIndependent: true, identity: elf.buildID ?? [],
        digest: SmallImage.digest(77), originalDigest: .zero, preparedDigest: .zero, originalPath: path,
        preparedPath: path, originalByteCount: 0, preparedByteCount: 0, segments: segments, arena: arena,
        entryPoint: elf.header.entry, switchesStacks: false)
    }

    func address(_ name: String, in victim: LinuxVictim) throws -> VirtualAddress {
      try victim.address(name).virtualAddress(slide: slide)
    }

    /// The function in which the thread `dozing` sleeps.
    func nap(in victim: LinuxVictim) throws -> AddressRange {
      let start = try address("nap", in: victim)
      return AddressRange(
        start: start, byteCount: try address("napEnd", in: victim).rawValue - start.rawValue)
    }

    func bytes(_ address: VirtualAddress, _ count: Int) throws -> [UInt8] {
      let offset = try #require(base.fileOffset(of: address)).rawValue
      return Array(file[Int(offset)..<Int(offset) + count])
    }

    /// `lock addq $amount, counter(%rip); ret`
    func body(adding amount: Int32, at place: VirtualAddress, counter: VirtualAddress) -> [UInt8] {
      let distance = UInt32(truncatingIfNeeded: counter.rawValue &- place.rawValue &- 12)
      return [0xf0, 0x48, 0x81, 0x05] + distance.bytes + amount.bytes + [0xc3]
    }

    /// The first update gives `step` an entry stub and a body; the second another body.
    func updates(_ victim: LinuxVictim) throws -> [Update] {
      let step = try address("step", in: victim)
      let counter = try address("counter", in: victim)
      let cell = base.arena.cells.start
      let bodies = [base.arena.code.start, base.arena.code.start.displaced(by: 0x40)]
      let amounts: [Int32] = [1000, 1_000_000]
      func write(_ index: Int) -> Journal.Operation {
        let after = body(adding: amounts[index], at: bodies[index], counter: counter)
        return .write(
          WriteOperation(
            place: .virtual(bodies[index]), before: [UInt8](repeating: 0, count: after.count), after: after,
            isFresh: true))
      }
      func pointer(_ before: VirtualAddress?, _ after: VirtualAddress) -> Journal.Operation {
        .pointer(
          PointerOperation(
            cell: cell, before: before, after: after, wordBefore: before?.rawValue ?? 0, wordAfter: after.rawValue,
            records: [], isFresh: before == nil))
      }
      let stub = [0xff, 0x25] + UInt32(truncatingIfNeeded: cell.rawValue &- step.rawValue &- 6).bytes
      let first = [
        write(0), .write(WriteOperation(place: .virtual(step), before: try bytes(step, 6), after: stub)),
        pointer(nil, bodies[0]),
      ]
      let guarded = Guard(
        range: AddressRange(start: step, byteCount: 6), reach: .interior, reason: .entryStub, direction: .both,
        function: "step")
      return [
        update(1, first, guards: [guarded], parent: base.digest),
        update(2, [write(1), pointer(bodies[0], bodies[1])], guards: [], parent: SmallImage.digest(101)),
      ]
    }

    private func update(
      _ number: Int64, _ operations: [Journal.Operation], guards: [Guard], parent: Digest
    ) -> Update {
      Update(
        number: UpdateNumber(number), digest: SmallImage.digest(100 + UInt64(number)), parent: parent,
        content: UpdateContent(
          time: 0, author: "", message: "", operations: operations, atoms: [], guards: guards,
          cursors: SmallImage.cursors))
    }
  }

  /// How far the counter gets per round of the threads, seen over some time.
  private func pace(_ victim: LinuxVictim) throws -> Double {
    func shared() throws -> (counter: UInt64, rounds: UInt64) {
      let bytes = try LinuxProcess(victim.id).read(try victim.address("counter"), 16)
      return (UInt64(littleEndianBytes: bytes), UInt64(littleEndianBytes: bytes.dropFirst(8)))
    }
    let start = try shared()
    var now = start
    while now.rounds < start.rounds + 1000 {
      usleep(500)
      now = try shared()
    }
    return Double(now.counter - start.counter) / Double(now.rounds - start.rounds)
  }

  @Test(
    "Running threads change over to a new body and back, whichever way memory is written",
    arguments: LinuxTask.WriteMethod.allCases)
  func changesOver(method: LinuxTask.WriteMethod) throws {
    try onOwnThread {
      let victim = try LinuxVictim("counting", flags: ["-Wl,--build-id"])
      let access = try victim.attach(method)
      let known = try Known(victim, slide: access.slide)
      let task = try LiveTask(access, base: known.base)
      let applier = UpdateApplier(base: known.base)
      let updates = try known.updates(victim)
      let mapped = try access.mappings()
      #expect(try pace(victim) < 100)
      #expect(try applier.standing(of: task) == .at(known.base.position))

      let forward = updates.map { Step(update: $0, direction: .forward) }
      let first = try applier.apply([forward[0]], to: updates[0].position, on: task)
      #expect(first.mappedByteCount == 0x8000)
      #expect(first.pauseNanoseconds ?? 0 > 0)
      #expect(first.protections.allSatisfy { $0.left == nil || $0.left == $0.found })
      #expect((100..<100_000).contains(try pace(victim)))
      let second = try applier.apply([forward[1]], to: updates[1].position, on: task)
      #expect(second.pauseNanoseconds == nil)
      #expect(try pace(victim) > 100_000)
      #expect(try applier.verify(forward, on: task) == [])

      let back = forward.reversed().map(\.reversed)
      _ = try applier.apply(back, to: known.base.position, on: task)
      #expect(try pace(victim) < 100)
      let after = try access.mappings()
      #expect(mapped.filter { $0.name.contains("counting") } == after.filter { $0.name.contains("counting") })
    }
  }

  @Test func `a hundred changes under load leave the process alive and exact`() throws {
    try onOwnThread {
      let victim = try LinuxVictim("counting", flags: ["-Wl,--build-id"])
      let access = try victim.attach()
      let known = try Known(victim, slide: access.slide)
      let task = try LiveTask(access, base: known.base)
      let applier = UpdateApplier(base: known.base)
      let updates = try known.updates(victim)
      let forward = updates.map { Step(update: $0, direction: .forward) }
      for _ in 0..<25 {
        _ = try applier.apply(forward, to: updates[1].position, on: task)
        _ = try applier.apply([forward[1].reversed], to: updates[0].position, on: task)
        _ = try applier.apply([forward[1]], to: updates[1].position, on: task)
        _ = try applier.apply(forward.reversed().map(\.reversed), to: known.base.position, on: task)
      }
      #expect(try victim.advances("rounds"))
      #expect(try pace(victim) < 100)
      let step = try known.address("step", in: victim)
      #expect(try access.read(RuntimeAddress(step, slide: access.slide), 6) == known.bytes(step, 6))
    }
  }

  @Test func `a thread that sleeps in an old body is named with its function`() throws {
    try onOwnThread {
      let victim = try LinuxVictim("counting", flags: ["-Wl,--build-id"])
      let access = try victim.attach()
      let known = try Known(victim, slide: access.slide)
      let updates = try known.updates(victim)
      let body = SupersededBody(
        range: try known.nap(in: victim), function: "nap",
        update: .base, beginsWithEntryStub: true)
      let report = try UpdateApplier(base: known.base).apply(
        [Step(update: updates[0], direction: .forward)], to: updates[0].position,
        on: try LiveTask(access, base: known.base), superseded: SupersededCode([body]))
      #expect(report.threadsInOldBodies.map(\.threadName) == ["dozing"])
      #expect(report.threadsInOldBodies.map(\.function) == ["nap"])
    }
  }

  @Test func `a thread that stays in the guarded range is named, and the process goes on untouched`() throws {
    try onOwnThread {
      let victim = try LinuxVictim("counting", flags: ["-Wl,--build-id"])
      let access = try victim.attach()
      let known = try Known(victim, slide: access.slide)
      var update = try known.updates(victim)[0]
      update.content.guards[0].range = try known.nap(in: victim)
      update.content.guards[0].function = "nap"
      var options = UpdateApplier.Options()
      options.timeoutNanoseconds = 50_000_000
      let applier = UpdateApplier(base: known.base, options: options)
      let task = try LiveTask(access, base: known.base)
      let error = failure { () throws(ApplyError) in
        try applier.apply([Step(update: update, direction: .forward)], to: update.position, on: task)
      }
      #expect(error?.code == .blockedByThread)
      #expect(error?.thread?.threadName == "dozing")
      #expect(error?.thread?.function == "nap")
      #expect(try applier.standing(of: task) == .at(known.base.position))
      #expect(try pace(victim) < 100)
    }
  }

  @Test(
    "An applier that dies at any call leaves a process that runs, and the next one settles it",
    arguments: [false, true])
  func applierDies(isWayBack: Bool) throws {
    try onOwnThread {
      let victim = try LinuxVictim("counting", flags: ["-Wl,--build-id"])
      var outcomes: Set<String> = []
      var call = 1
      var isDone = false
      while !isDone {
        let access = try victim.attach()
        let known = try Known(victim, slide: access.slide)
        let updates = try known.updates(victim)
        let applier = UpdateApplier(base: known.base)
        let on = updates.map { Step(update: $0, direction: .forward) }
        let back = on.reversed().map(\.reversed)
        let (steps, origin, end) =
          isWayBack
          ? (back, updates[1].position, known.base.position) : (on, known.base.position, updates[1].position)
        let start = try LiveTask(access, base: known.base)
        if isWayBack { _ = try applier.apply(on, to: updates[1].position, on: start) }

        let faulty = FaultyTask(access, dyingAt: call)
        let error = failure { () throws(ApplyError) in
          try applier.apply(steps, to: end, on: try LiveTask(faulty, base: known.base))
        }
        access.detach()
        isDone = error == nil && faulty.callCount < call
        #expect(try victim.advances("rounds"))

        let next = try victim.attach()
        let task = try LiveTask(next, base: known.base)
        let standing = try applier.standing(of: task)
        if case .torn = standing {
          outcomes.insert("torn")
          let settlement: Settlement = call % 2 == 0 ? .undo : .finish
          _ = try applier.settle(steps, by: settlement, on: task)
        } else {
          outcomes.insert(standing.position == origin ? "before" : "after")
        }
        let position = try applier.standing(of: task).position
        #expect(try applier.verify(position == known.base.position ? [] : on, on: task) == [])
        #expect(try position == known.base.position ? pace(victim) < 100 : pace(victim) > 100_000)
        if position != known.base.position { _ = try applier.apply(back, to: known.base.position, on: task) }
        next.detach()
        call += 1
      }
      #expect(outcomes == ["before", "torn", "after"])
    }
  }
}
