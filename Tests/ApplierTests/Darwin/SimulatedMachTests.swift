import Addressing
import Testing

@testable import Applier

/// Each rule of the simulated kernel by itself.
@Suite struct SimulatedMachTests {
  let mach = SimulatedMach()
  let task = TaskPort(rawValue: 0x1203)

  private func range(_ start: UInt64, _ byteCount: UInt64) throws -> RuntimeRange {
    try #require(RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: byteCount))
  }

  private func add(_ start: UInt64, pages: UInt64 = 1, _ current: PageProtection, max: PageProtection) {
    mach.add(SimulatedEntry(start: start, end: start + pages * 0x4000, current: current, maximum: max), isShared: true)
  }

  private func code(_ body: () throws(MachFailure) -> Void) -> Int32? {
    do throws(MachFailure) {
      try body()
      return nil
    } catch {
      if case .kernel(let code, _) = error.reason { return code }
      return 0
    }
  }

  @Test func `a write to a page that is not writable fails, and a long one changes nothing before it`() {
    add(0x4000, [.read, .write], max: [.read, .write])
    add(0x8000, pages: 3, .read, max: [.read, .write])
    let short = [UInt8](repeating: 1, count: 32)
    #expect(code { () throws(MachFailure) in try mach.write(task, short, at: 0x8000 - 16) } == 1)
    #expect(mach.peek(0x8000 - 16, 32) == [UInt8](repeating: 1, count: 16) + [UInt8](repeating: 0, count: 16))
    let long = [UInt8](repeating: 2, count: 0x8001)
    #expect(code { () throws(MachFailure) in try mach.write(task, long, at: 0x8000 - 16) } == 2)
    #expect(mach.peek(0x8000 - 16, 4) == [1, 1, 1, 1])
    #expect(code { () throws(MachFailure) in try mach.write(task, [1], at: 0x4000_0000) } == 1)
  }

  @Test func `pages never become writable and executable at once`() throws {
    add(0x4000, [.read, .execute], max: [.read, .write, .execute])
    let page = try range(0x4000, 0x4000)
    for copies in [true, false] {
      let wanted = MachProtection(pages: [.read, .write, .execute], copies: copies)
      #expect(code { () throws(MachFailure) in try mach.protect(task, page, wanted) } == 2)
    }
    #expect(mach.leaf(at: 0x4000)?.current == [.read, .execute])
  }

  @Test func `pages never become what their maximum lacks, unless they are copied, which adds writing to it`() throws {
    add(0x4000, [.read, .execute], max: [.read, .execute])
    let page = try range(0x4000, 0x4000)
    let file = mach.pages[0x4000]
    #expect(
      code { () throws(MachFailure) in try mach.protect(task, page, MachProtection(pages: [.read, .write])) } == 2)
    try mach.protect(task, page, MachProtection(pages: [.read, .write], copies: true))
    #expect(mach.leaf(at: 0x4000)?.maximum == [.read, .write, .execute])
    try mach.write(task, [7], at: 0x4000)
    #expect(mach.peek(0x4000, 1) == [7])
    #expect(file?.contents.first == 0)
  }

  @Test func `a maximum that is set takes from what pages are`() throws {
    add(0x4000, [.read, .write], max: [.read, .write])
    try mach.protect(task, try range(0x4000, 0x4000), MachProtection(pages: .read, setsMaximum: true))
    #expect(mach.leaf(at: 0x4000)?.current == .read)
    #expect(mach.leaf(at: 0x4000)?.maximum == .read)
  }

  @Test func `ranges are rounded to whole pages of 16 KiB, and entries are cut there`() throws {
    add(0x4000, pages: 3, [.read, .write], max: [.read, .write])
    try mach.protect(task, try range(0x8010, 16), MachProtection(pages: .read))
    #expect(mach.entries.map(\.start) == [0x4000, 0x8000, 0xc000])
    #expect(mach.entries.map(\.current) == [[.read, .write], .read, [.read, .write]])
  }

  @Test func `a range with a hole in it is not protected`() throws {
    add(0x4000, [.read, .write], max: [.read, .write])
    add(0xc000, [.read, .write], max: [.read, .write])
    let whole = try range(0x4000, 0xc000)
    #expect(code { () throws(MachFailure) in try mach.protect(task, whole, MachProtection(pages: .read)) } == 1)
    #expect(mach.entries.map(\.current) == [[.read, .write], [.read, .write]])
  }

  @Test func `a look-up tells the region of an address, or the next one, or a submap until it is gone into`() throws {
    add(0x4000, .read, max: .read)
    let inner = SimulatedEntry(start: 0x1_4000, end: 0x1_8000, current: [.read, .execute], maximum: [.read, .execute])
    mach.add(SimulatedEntry(start: 0x1_0000, end: 0x2_0000, current: .read, maximum: .read, nested: [inner]))
    #expect(try mach.nextRegion(task, at: 0, depth: 0)?.range == range(0x4000, 0x4000))
    #expect(try mach.nextRegion(task, at: 0x4001, depth: 0)?.range == range(0x4000, 0x4000))
    let submap = try mach.nextRegion(task, at: 0x8000, depth: 0)
    #expect(submap?.isSubmap == true)
    #expect(submap?.range.start.rawValue == 0x1_0000)
    let found = try mach.nextRegion(task, at: 0x8000, depth: 1)
    #expect(found?.range.start.rawValue == 0x1_4000)
    #expect(found?.depth == 1)
    #expect(try mach.nextRegion(task, at: 0x2_0000, depth: 1) == nil)
  }

  @Test func `memory is given out zeroed, whole pages, and never over what is there`() throws {
    add(0x4000, .read, max: .read)
    let taken = try range(0x7000, 0x2000)
    #expect(code { () throws(MachFailure) in try mach.allocate(task, taken) } == 3)
    try mach.allocate(task, try range(0x8000, 0x10))
    #expect(mach.leaf(at: 0xbfff)?.current == [.read, .write])
    #expect(mach.leaf(at: 0xbfff)?.maximum == [.read, .write, .execute])
  }

  @Test func `suspensions are counted, and end with whoever asked for them`() throws {
    add(0x4000, [.read, .execute], max: [.read, .execute])
    try mach.suspend(task)
    try mach.suspend(task)
    try mach.resume(task)
    #expect(mach.isSuspended)
    mach.applierDies()
    #expect(!mach.isSuspended)
    #expect(code { () throws(MachFailure) in try mach.resume(task) } == 5)
  }

  @Test func `a thread that runs where it cannot fetch instructions ends the process, and its port names nothing`() {
    add(0x4000, [.read, .execute], max: [.read, .execute])
    mach.threads = [.init(number: 1, name: "", programCounter: 0x4000)]
    #expect(code { () throws(MachFailure) in _ = try mach.read(task, at: 0x4000, count: 4) } == nil)
    mach.threads[0].programCounter = 0x8000
    #expect(code { () throws(MachFailure) in _ = try mach.read(task, at: 0x4000, count: 4) } == 4)
    #expect(mach.facts.isZombie)
  }

  @Test func `instructions that were fetched stay in the cache until it is flushed`() throws {
    add(0x4000, [.read, .execute], max: [.read, .execute])
    #expect(mach.fetch(0x4000) == 0)
    let page = try range(0x4000, 0x4000)
    // The first copy is another page, which the kernel sees to; the second is not.
    for byte in UInt8(1)...2 {
      try mach.protect(task, page, MachProtection(pages: [.read, .write], copies: true))
      try mach.write(task, [byte], at: 0x4000)
      try mach.protect(task, page, MachProtection(pages: [.read, .execute]))
      #expect(mach.fetch(0x4000) == 1)
    }
    try mach.flush(task, page)
    #expect(mach.fetch(0x4000) == 2)
  }

  @Test func `a thread's registers are told for the flavor of its processor alone`() throws {
    add(0x1_2345_4000, [.read, .execute], max: [.read, .execute])
    mach.threads = [.init(number: 1, name: "", programCounter: 0x1_2345_6789)]
    try mach.suspend(task)
    let words = try mach.state(ThreadPort(rawValue: 0), flavor: 6, wordCount: 68)
    #expect(MachThreadState(words, .arm64)?.programCounter == 0x1_2345_6789)
    #expect(
      code { () throws(MachFailure) in _ = try mach.state(ThreadPort(rawValue: 0), flavor: 4, wordCount: 42) } == 4)
  }
}
