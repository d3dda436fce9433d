import Addressing
import Journal
import Synchronization
import Testing

@testable import Applier

@Suite struct UpdateApplierTests {
  let base = SmallImage.base()
  let updates = UpdateGenerator.chain(seed: 11, count: 4)

  private func applier(_ change: (inout UpdateApplier.Options) -> Void = { _ in }) -> UpdateApplier {
    var options = UpdateApplier.Options()
    change(&options)
    return UpdateApplier(base: base, options: options, clock: .steppingClock())
  }

  // MARK: Where a target stands

  @Test func `a target of another image is refused with both identities`() throws {
    let simulated = SimulatedTask()
    simulated.buildID = [1, 2, 3]
    let error = failure { () throws(ApplyError) in try applier().standing(of: try LiveTask(simulated, base: base)) }
    #expect(error?.code == .identityMismatch)
    #expect(error?.description.contains("010203") == true)
    #expect(error?.description.contains("b0b1b2b3") == true)
  }

  @Test func `an image without a build-id is known by its header`() throws {
    let simulated = SimulatedTask()
    simulated.buildID = []
    let task = try LiveTask(simulated, base: base)
    #expect(try applier().standing(of: task) == .at(base.position))
    let bare = SimulatedTask(isPrepared: false)
    bare.buildID = []
    let error = failure { () throws(ApplyError) in try applier().standing(of: try LiveTask(bare, base: base)) }
    #expect(error?.code == .identityMismatch)
  }

  @Test func `an image prepared for another journal is refused`() throws {
    let simulated = SimulatedTask()
    let other = TargetHeader(base: SmallImage.digest(99), position: base.position)
    try simulated.poke(other.encoded(), at: SmallImage.header.start)
    let error = failure { () throws(ApplyError) in try applier().standing(of: try LiveTask(simulated, base: base)) }
    #expect(error?.code == .foreignBase)
  }

  @Test func `steps that begin elsewhere than where the target stands are refused`() throws {
    let simulated = SimulatedTask()
    let before = simulated.regions
    let error = failure { () throws(ApplyError) in
      try applier().apply(
        updates.steps(from: 1, to: 2), to: updates.position(2), on: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .positionMismatch)
    #expect(error?.outcome == .untouched)
    #expect(simulated.regions == before)
  }

  @Test func `a second replay at the newest update does nothing and says so`() throws {
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    let first = try applier().apply(updates.steps(from: 0, to: 4), to: updates.position(4), on: task)
    #expect(!first.isAlreadyThere)
    let before = simulated.regions
    let second = try applier().apply([], to: updates.position(4), on: task)
    #expect(second.isAlreadyThere)
    #expect(second.from == updates.position(4))
    #expect(simulated.regions == before)
  }

  @Test func `what is about to be done is told once, before anything is written`() throws {
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    let before = simulated.regions
    var told: [TargetHeader] = []
    let steps = updates.steps(from: 0, to: 4)
    _ = try applier().apply(steps, to: updates.position(4), on: task) { header in
      told.append(header)
      #expect(simulated.regions == before)
    }
    #expect(told.map(\.position) == [base.position])
    #expect(told.map(\.intent) == [TargetHeader.Intent(direction: .forward, destination: updates.position(4))])
    _ = try applier { $0.isDryRun = true }.apply(
      steps.reversed().map(\.reversed), to: base.position, on: task, announce: { told.append($0) })
    #expect(told.count == 1)
  }

  @Test func `where nobody takes down what is about to be done, nothing is`() throws {
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    let before = simulated.regions
    let error = failure { () throws(ApplyError) in
      try applier().apply(updates.steps(from: 0, to: 4), to: updates.position(4), on: task) {
        (_) throws(ApplyError) in throw ApplyError(.intentNotNoted)
      }
    }
    #expect(error?.code == .intentNotNoted)
    #expect(error?.outcome == .untouched)
    #expect(simulated.regions == before)
    #expect(simulated.stopCount == 0)
  }

  @Test func `a dry run tells what an apply does and writes nothing`() throws {
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    let before = simulated.regions
    let steps = updates.steps(from: 0, to: 4)
    let planned = try applier { $0.isDryRun = true }.apply(steps, to: updates.position(4), on: task)
    #expect(simulated.regions == before)
    #expect(simulated.stopCount == 0)
    let done = try applier().apply(steps, to: updates.position(4), on: task)
    #expect(planned.byteCount == done.byteCount)
    #expect(planned.updates == done.updates)
    #expect(planned.stopsThreads == (done.pauseNanoseconds != nil))
  }

  // MARK: Threads

  @Test func `where only a cell changes nothing is stopped`() throws {
    var updates = UpdateGenerator.chain(seed: 11, count: 8)
    let added = updates.addRedirection()
    let redirection = try #require(added)
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    _ = try applier().apply(updates.steps(from: 0, to: 8), to: updates.position(8), on: task)
    simulated.restartCounting()
    let position = TargetHeader.Position(digest: redirection.digest, number: redirection.number)
    for _ in 0..<2 {
      let on = try applier().apply([Step(update: redirection, direction: .forward)], to: position, on: task)
      let back = try applier().apply(
        [Step(update: redirection, direction: .backward)], to: updates.position(8), on: task)
      #expect(on.pauseNanoseconds == nil && back.pauseNanoseconds == nil)
      #expect(!on.stopsThreads)
      #expect(back.byteCount == 8)
    }
    #expect(simulated.stopCount == 0)
  }

  @Test func `where only a cell changes the threads in old bodies are found without stopping all of them`() throws {
    var updates = UpdateGenerator.chain(seed: 11, count: 8)
    let added = updates.addRedirection()
    let redirection = try #require(added)
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    _ = try applier().apply(updates.steps(from: 0, to: 8), to: updates.position(8), on: task)
    simulated.restartCounting()
    let entry = UpdateGenerator.entry(of: 2)
    let place = RuntimeAddress(entry.displaced(by: 3), slide: simulated.slide)
    simulated.threads.append(.init(id: 9, name: "worker", programCounter: place))
    simulated.stubborn = [UnseenThread(thread: 10, threadName: "in vfork")]
    let old = SupersededBody(
      range: AddressRange(start: entry, byteCount: 16), function: "parse", update: .base, beginsWithEntryStub: true)
    let position = TargetHeader.Position(digest: redirection.digest, number: redirection.number)
    let report = try applier().apply(
      [Step(update: redirection, direction: .forward)], to: position, on: task, superseded: SupersededCode([old]))
    #expect(simulated.stopCount == 0)
    #expect(report.threadsInOldBodies.map(\.thread) == [9])
    #expect(report.threadsInOldBodies.first?.offset == 3)
    #expect(report.unseenThreads == simulated.stubborn)
    // Nobody is looked at before the last cell leads to a new body.
    #expect(simulated.log.lastIndex(of: "survey") == simulated.log.count - 2)
    #expect(simulated.log.last == "mappings")
  }

  @Test func `what is to be atomic stops all threads once, although only a cell changes`() throws {
    var updates = UpdateGenerator.chain(seed: 11, count: 8)
    let added = updates.addRedirection()
    let redirection = try #require(added)
    let simulated = SimulatedTask()
    let task = try LiveTask(simulated, base: base)
    _ = try applier().apply(updates.steps(from: 0, to: 8), to: updates.position(8), on: task)
    simulated.restartCounting()
    let atomic = applier { $0.isAtomic = true }
    let report = try atomic.apply(
      [Step(update: redirection, direction: .forward)],
      to: TargetHeader.Position(digest: redirection.digest, number: redirection.number), on: task)
    #expect(report.stopsThreads && report.pauseNanoseconds != nil)
    #expect(simulated.stopCount == 1)
    let stop = try #require(simulated.log.firstIndex(of: "stop"))
    let resume = try #require(simulated.log.firstIndex(of: "resume"))
    let stores = simulated.log.indices.filter { simulated.log[$0] == "store" }
    #expect(!stores.isEmpty && stores.allSatisfy { $0 > stop && $0 < resume })
  }

  /// An update that puts an entry stub over the first bytes of function 2.
  private func stubUpdate(_ reason: Guard.Reason = .entryStub) -> Update {
    let entry = UpdateGenerator.entry(of: 2)
    let offset = SmallImage.layout.offset(of: entry)
    let before = Array(SmallImage.file()[offset..<offset + 6])
    return Update.small(
      [.write(WriteOperation(place: .virtual(entry), before: before, after: [0xff, 0x25, 1, 2, 3, 4]))],
      guards: [
        Guard(
          range: AddressRange(start: entry, byteCount: 6), reach: .interior, reason: reason, direction: .both,
          function: "parse")
      ])
  }

  @Test func `a commit waits for a thread that is in the way`() throws {
    let simulated = SimulatedTask()
    let entry = RuntimeAddress(UpdateGenerator.entry(of: 2), slide: simulated.slide)
    simulated.threads.append(.init(id: 9, name: "worker", programCounter: RuntimeAddress(rawValue: entry.rawValue + 3)))
    simulated.onResume = { if $0 == 3 { simulated.threads[1].programCounter = entry } }
    let update = stubUpdate()
    let report = try applier().apply(
      [Step(update: update, direction: .forward)], to: update.position, on: try LiveTask(simulated, base: base))
    #expect(report.retryCount == 3)
    #expect(report.pauseNanoseconds != nil)
  }

  @Test func `a commit that stays blocked ends with the thread and the function named`() throws {
    let simulated = SimulatedTask()
    let entry = RuntimeAddress(UpdateGenerator.entry(of: 2), slide: simulated.slide)
    simulated.threads.append(
      .init(id: 9, name: "worker", programCounter: RuntimeAddress(rawValue: 1), stack: [entry.rawValue + 3]))
    let before = simulated.contents
    let update = stubUpdate()
    let error = failure { () throws(ApplyError) in
      try applier().apply(
        [Step(update: update, direction: .forward)], to: update.position, on: try LiveTask(simulated, base: base))
    }
    #expect(error?.code == .blockedByThread)
    #expect(error?.outcome == .untouched)
    #expect(error?.update == update.number)
    #expect(error?.thread == ThreadPlace(thread: 9, threadName: "worker", function: "parse", offset: 3, update: nil))
    #expect(error?.description.contains("thread 9 (worker) in parse+0x3") == true)
    #expect(simulated.contents == before)
    #expect(!simulated.isStopped)
  }

  @Test func `a guard is asked in its direction only`() throws {
    let simulated = SimulatedTask()
    let entry = RuntimeAddress(UpdateGenerator.entry(of: 2), slide: simulated.slide)
    var update = stubUpdate()
    update.content.guards[0].direction = .backward
    let task = try LiveTask(simulated, base: base)
    simulated.threads[0].programCounter = RuntimeAddress(rawValue: entry.rawValue + 3)
    _ = try applier().apply([Step(update: update, direction: .forward)], to: update.position, on: task)
    let error = failure { () throws(ApplyError) in
      try applier().apply([Step(update: update, direction: .backward)], to: base.position, on: task)
    }
    #expect(error?.code == .blockedByThread)
    #expect(try applier().standing(of: task) == .at(update.position))
  }

  @Test func `threads that go on in an old body are named, at a stub's first byte they are not`() throws {
    let simulated = SimulatedTask()
    let entry = UpdateGenerator.entry(of: 5)
    let runtime = RuntimeAddress(entry, slide: simulated.slide).rawValue
    simulated.threads = [
      .init(id: 1, name: "main", programCounter: RuntimeAddress(rawValue: 1), stack: [runtime + 0x20, runtime + 0x20]),
      .init(id: 2, name: "idle", programCounter: RuntimeAddress(rawValue: runtime)),
    ]
    let body = SupersededBody(
      range: AddressRange(start: entry, byteCount: 64), function: "loop", update: .base, beginsWithEntryStub: true)
    let update = stubUpdate()
    let report = try applier().apply(
      [Step(update: update, direction: .forward)], to: update.position, on: try LiveTask(simulated, base: base),
      superseded: SupersededCode([body]))
    #expect(
      report.threadsInOldBodies
        == [ThreadPlace(thread: 1, threadName: "main", function: "loop", offset: 0x20, update: .base)])
  }

  @Test func `whose body a thread is in is asked once the threads go on; who runs the program is not told of`() throws {
    let simulated = SimulatedTask()
    let arena = base.arena.code.start
    func runtime(_ address: VirtualAddress) -> RuntimeAddress { RuntimeAddress(address, slide: simulated.slide) }
    simulated.threads = [
      .init(id: 1, name: "old", programCounter: runtime(arena.displaced(by: 0x18))),
      .init(id: 2, name: "new", programCounter: runtime(arena.displaced(by: 0x48))),
    ]
    let asked = Mutex<[Bool]>([])
    let old = AddressRange(start: arena.displaced(by: 0x10), byteCount: 0x20)
    nonisolated(unsafe) let task = simulated
    let superseded = SupersededCode(parts: [.init(range: AddressRange(start: arena, byteCount: 0x80))]) { address, _ in
      asked.withLock { $0.append(task.isStopped) }
      return old.contains(address)
        ? SupersededBody(range: old, function: "loop", update: UpdateNumber(3), beginsWithEntryStub: false) : nil
    }
    let update = stubUpdate()
    let report = try applier().apply(
      [Step(update: update, direction: .forward)], to: update.position, on: try LiveTask(simulated, base: base),
      superseded: superseded)
    #expect(
      report.threadsInOldBodies
        == [ThreadPlace(thread: 1, threadName: "old", function: "loop", offset: 8, update: UpdateNumber(3))])
    #expect(asked.withLock { $0 } == [false, false])
  }

  @Test func `stacks switched in user space forbid what only a look at all stacks makes safe`() throws {
    let switching = SmallImage.base(switchesStacks: true)
    for (reason, isAllowed) in [(Guard.Reason.entryStub, true), (.overwritten, false), (.branchIntoEntryStub, false)] {
      let update = stubUpdate(reason)
      let simulated = SimulatedTask()
      let error = failure { () throws(ApplyError) in
        try UpdateApplier(base: switching).apply(
          [Step(update: update, direction: .forward)], to: update.position,
          on: try LiveTask(simulated, base: switching))
      }
      #expect(error?.code == (isAllowed ? nil : .stacksSwitched))
      var options = UpdateApplier.Options()
      options.assumesNoSwitchedStacks = true
      if !isAllowed {
        _ = try UpdateApplier(base: switching, options: options).apply(
          [Step(update: update, direction: .forward)], to: update.position,
          on: try LiveTask(simulated, base: switching))
      }
    }
  }

  // MARK: Protections

  @Test func `pages that forbid writing are reported with what was found, whatever the image says`() throws {
    let simulated = SimulatedTask()
    simulated.setProtection([.read, .write, .execute], ofRegionAt: SmallImage.code.start)
    let update = stubUpdate()
    let task = try LiveTask(simulated, base: base)
    let open = try applier().apply([Step(update: update, direction: .forward)], to: update.position, on: task)
    #expect(open.protections == [])
    simulated.setProtection(.execute, ofRegionAt: SmallImage.code.start)
    let closed = try applier().apply([Step(update: update, direction: .backward)], to: base.position, on: task)
    #expect(
      closed.protections == [
        ProtectionNote(
          range: AddressRange(start: SmallImage.code.start, byteCount: 0x1000), found: .execute, left: .execute)
      ])
  }

  // MARK: Outcomes

  @Test("What fails while staging leaves the target untouched, what fails at the commit is rolled back or torn")
  func outcomes() throws {
    let update = stubUpdate()
    func outcome(_ call: String, _ how: SimulatedTask.Failure) throws -> ApplyError.Outcome? {
      let simulated = SimulatedTask()
      let task = try LiveTask(simulated, base: base)
      simulated.restartCounting()
      _ = try applier().apply([Step(update: update, direction: .forward)], to: update.position, on: task)
      // The last call of the name is the commit's.
      let number = try #require(simulated.log.lastIndex(of: call)) + 1
      let other = SimulatedTask()
      let target = try LiveTask(other, base: base)
      other.restartCounting()
      other.failing = (number, how)
      return failure { () throws(ApplyError) in
        try applier().apply([Step(update: update, direction: .forward)], to: update.position, on: target)
      }?.outcome
    }
    #expect(try outcome("occupants", .once) == .untouched)
    #expect(try outcome("write", .once) == .rolledBack)
    #expect(try outcome("write", .forGood) == .torn(at: update.number))
    #expect(try outcome("resume", .once) == nil)
    #expect(try outcome("resume", .forGood) == .torn(at: update.number))
  }

  @Test func `settling a target that is not torn does nothing`() throws {
    let task = try LiveTask(SimulatedTask(), base: base)
    let report = try applier().settle([], by: .finish, on: task)
    #expect(report.isAlreadyThere)
  }
}

extension ApplyClock {
  /// A clock on which each look takes a microsecond, and sleeping takes as long as it says.
  static func steppingClock() -> ApplyClock {
    final class Time: @unchecked Sendable {  // One applier, on one thread.
      var now: UInt64 = 0
    }
    let time = Time()
    return ApplyClock(
      now: {
        time.now += 1000
        return time.now
      }, sleep: { time.now += $0 })
  }
}

extension Update {
  /// A first update with the given operations.
  static func small(_ operations: [Journal.Operation], guards: [Guard] = []) -> Update {
    Update(
      number: UpdateNumber(1), digest: SmallImage.digest(0x2001), parent: SmallImage.base().digest,
      content: UpdateContent(
        time: 0, author: "", message: "", operations: operations, atoms: [], guards: guards,
        cursors: SmallImage.cursors))
  }

  var position: TargetHeader.Position { TargetHeader.Position(digest: digest, number: number) }
}
