import Addressing
import Journal

@testable import Applier

/// A process that is none: memory with protections, and threads that stand where a test puts them. Each call can be
/// made to fail.
final class SimulatedTask: TaskAccess {
  /// How a call fails.
  enum Failure: CaseIterable {
    /// It does nothing, this once.
    case once
    /// It does nothing, and no later call does anything: what a killed applier leaves.
    case forGood
    /// It writes half of what it should, this once.
    case half
    /// It writes half, and no later call does anything.
    case halfForGood
  }

  struct Thread {
    var id: Int32
    var name: String
    var programCounter: RuntimeAddress
    var stack: [UInt64] = []
  }

  struct Region: Equatable {
    var bytes: [UInt8]
    var protection: PageProtection
    var name: String
  }

  let slide: Slide
  private(set) var regions: [UInt64: Region] = [:]
  var threads: [Thread] = [Thread(id: 1, name: "main", programCounter: RuntimeAddress(rawValue: 1))]
  var imports: [String: UInt64] = [:]
  var buildID = SmallImage.buildID
  private(set) var isStopped = false

  /// Fails the call of this number, counted from 1.
  var failing: (call: Int, how: Failure)?
  private(set) var callCount = 0
  private(set) var stopCount = 0
  private(set) var log: [String] = []
  /// Bytes outside the arena that were overwritten while threads ran.
  private(set) var unsafeWrites: [RuntimeAddress] = []
  /// Called when the threads are let go, with how often that has happened.
  var onResume: ((Int) -> Void)?
  private var resumeCount = 0

  /// - Parameter isPrepared: whether the arena is part of the image.
  init(file: [UInt8] = SmallImage.file(), isPrepared: Bool = true, slide: UInt64 = 0x5555_0000_0000) {
    self.slide = Slide(rawValue: slide)
    for segment in SmallImage.segments where isPrepared || !segment.isPartOfArena {
      let start = Int(segment.fileOffset.rawValue)
      let bytes = Array(file[start..<start + Int(segment.fileByteCount)])
      let runtime = RuntimeAddress(segment.range.start, slide: self.slide)
      regions[runtime.rawValue] = Region(bytes: bytes, protection: segment.protection, name: "small")
    }
    for (index, symbol) in UpdateGenerator.imports.enumerated() {
      imports[symbol.name] = 0x7fff_1000_0000 + UInt64(index) * 0x100
    }
  }

  var name: String { "pid 4711 (small)" }

  func identity() throws(ApplyError) -> [UInt8] { buildID }

  // MARK: Memory

  func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    try call("read")
    let (start, offset) = try place(at, count)
    return Array((regions[start]?.bytes ?? [])[offset..<offset + count])
  }

  func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    // The header lies in one page, which the kernel copies by one call: it is written or it is not.
    let isHeader = at == RuntimeAddress(SmallImage.header.start, slide: slide)
    try call("write") { () throws(ApplyError) in
      if !isHeader { try self.put(Array(bytes.prefix(bytes.count / 2)), at) }
    }
    if !isStopped, at < RuntimeAddress(SmallImage.arenaCode.start, slide: slide) { unsafeWrites.append(at) }
    try put(bytes, at)
    tally(bytes.count, at)
  }

  func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError) {
    try call("store")
    guard at.rawValue % 8 == 0 else { throw ApplyError(.taskCallFailed, runtimeAddress: at, detail: "not aligned") }
    try put(value.bytes, at)
    tally(8, at)
  }

  func mappings() throws(ApplyError) -> [TaskMapping] {
    try call("mappings")
    return regions.sorted { $0.key < $1.key }.compactMap { start, region in
      RuntimeRange(start: RuntimeAddress(rawValue: start), byteCount: UInt64(region.bytes.count)).map {
        TaskMapping(range: $0, protection: region.protection, name: region.name)
      }
    }
  }

  func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try call("map")
    guard isStopped else { throw ApplyError(.taskCallFailed, call: "mmap", detail: "threads run") }
    let isTaken = regions.contains { start, region in
      start < range.end.rawValue && range.start.rawValue < start + UInt64(region.bytes.count)
    }
    if isTaken { throw ApplyError(.arenaOccupied, runtimeAddress: range.start) }
    regions[range.start.rawValue] = Region(
      bytes: [UInt8](repeating: 0, count: Int(range.byteCount)), protection: protection, name: "")
  }

  func replace(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try call("replace")
    guard isStopped else { throw ApplyError(.taskCallFailed, call: "mmap", detail: "threads run") }
    guard regions[range.start.rawValue]?.bytes.count == Int(range.byteCount) else {
      throw ApplyError(.taskCallFailed, call: "mmap", detail: "of no region in whole")
    }
    regions[range.start.rawValue] = Region(
      bytes: [UInt8](repeating: 0, count: Int(range.byteCount)), protection: protection, name: "")
  }

  /// Makes two regions of one.
  func split(at address: VirtualAddress) {
    let point = RuntimeAddress(address, slide: slide).rawValue
    for (start, region) in regions where start < point && point < start + UInt64(region.bytes.count) {
      let count = Int(point - start)
      regions[start]?.bytes = Array(region.bytes.prefix(count))
      regions[point] = Region(
        bytes: Array(region.bytes.dropFirst(count)), protection: region.protection, name: region.name)
    }
  }

  /// What a loader makes of a segment that allows nothing: some bytes of the file, which nobody sees.
  func reserve(_ range: AddressRange) {
    split(at: range.start)
    split(at: range.end)
    regions[RuntimeAddress(range.start, slide: slide).rawValue] = Region(
      bytes: [UInt8](repeating: 0xee, count: Int(range.byteCount)), protection: [], name: "small")
  }

  private func place(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> (start: UInt64, offset: Int) {
    for (start, region) in regions where start <= at.rawValue {
      let offset = Int(at.rawValue - start)
      if offset + count <= region.bytes.count { return (start, offset) }
    }
    throw ApplyError(.taskCallFailed, runtimeAddress: at, call: "pread", errno: 14)
  }

  private func put(_ bytes: [UInt8], _ at: RuntimeAddress) throws(ApplyError) {
    let (start, offset) = try place(at, bytes.count)
    regions[start]?.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  /// How often each byte was written from outside, the header page's left out.
  private(set) var writeCounts: [VirtualAddress: Int] = [:]

  func forgetWrites() { writeCounts = [:] }

  private func tally(_ byteCount: Int, _ at: RuntimeAddress) {
    let start = at.virtualAddress(slide: slide)
    if SmallImage.header.contains(start) { return }
    for index in 0..<byteCount { writeCounts[start.displaced(by: Int64(index)), default: 0] += 1 }
  }

  /// What the program itself would do.
  func poke(_ bytes: [UInt8], at address: VirtualAddress) throws(ApplyError) {
    try put(bytes, RuntimeAddress(address, slide: slide))
  }

  func peek(_ address: VirtualAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    let (start, offset) = try place(RuntimeAddress(address, slide: slide), count)
    return Array((regions[start]?.bytes ?? [])[offset..<offset + count])
  }

  func addRegion(at address: VirtualAddress, byteCount: Int, name: String) {
    regions[RuntimeAddress(address, slide: slide).rawValue] = Region(
      bytes: [UInt8](repeating: 0, count: byteCount), protection: [.read, .write], name: name)
  }

  func setProtection(_ protection: PageProtection, ofRegionAt address: VirtualAddress) {
    regions[RuntimeAddress(address, slide: slide).rawValue]?.protection = protection
  }

  /// A process started from the file at a place of the chain, its pointers relocated as the dynamic loader does.
  static func started(from updates: UpdateGenerator, at index: Int) throws(ApplyError) -> SimulatedTask {
    let task = SimulatedTask(file: updates.file(at: index))
    for operation in updates.updates.prefix(index).flatMap(\.content.operations) {
      switch operation {
      case .pointer(let pointer):
        let word = pointer.after.map { RuntimeAddress($0, slide: task.slide).rawValue } ?? 0
        try task.poke(word.bytes, at: pointer.cell)
      case .bind(let bind): try task.poke((bind.after.flatMap { task.imports[$0.name] } ?? 0).bytes, at: bind.cell)
      case .write, .resize, .map, .protect: break
      }
    }
    return task
  }

  /// All memory but the header page, by the region's start.
  var contents: [UInt64: Region] {
    var result = regions
    let start = RuntimeAddress(SmallImage.header.start, slide: slide).rawValue
    result[start]?.bytes.replaceSubrange(0..<0x1000, with: [UInt8](repeating: 0, count: 0x1000))
    return result
  }

  // MARK: Threads

  func stopThreads() throws(ApplyError) {
    try call("stop")
    stopCount += 1
    isStopped = true
  }

  var mayBeHeld = true
  /// Whether it would stand still were the applier gone.
  private(set) var isHeld = false
  private(set) var isJobControlStopped = false
  private(set) var holdCount = 0

  func mayHoldThreads() throws(ApplyError) -> Bool {
    try call("mayHold")
    return mayBeHeld && isStopped && !isJobControlStopped
  }

  func holdThreads() throws(ApplyError) -> Bool {
    // Failing, it has held some.
    try call("hold") { () throws(ApplyError) in self.isHeld = true }
    isHeld = true
    holdCount += 1
    return false
  }

  func endJobControlStop() throws(ApplyError) {
    try call("continue")
    isJobControlStopped = false
  }

  func resumeThreads() throws(ApplyError) {
    try call("resume")
    guard isStopped else { return }
    isStopped = false
    isHeld = false
    resumeCount += 1
    onResume?(resumeCount)
  }

  func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    try call("occupants")
    guard isStopped else { throw ApplyError(.taskCallFailed, detail: "threads run") }
    return whereabouts(guards)
  }

  /// Threads that a survey does not find standing still.
  var stubborn: [UnseenThread] = []

  func survey(_ guards: [GuardedRange]) throws(ApplyError) -> ThreadSurvey {
    try call("survey")
    return ThreadSurvey(occupants: whereabouts(guards), unseen: stubborn)
  }

  private func whereabouts(_ guards: [GuardedRange]) -> [ThreadOccupant] {
    var result: [ThreadOccupant] = []
    for thread in threads {
      for (index, guarded) in guards.enumerated() {
        let words =
          [(thread.programCounter, ThreadOccupant.Kind.programCounter)]
          + thread.stack.map { (RuntimeAddress(rawValue: $0), .stackWord) }
        for (address, kind) in words where guarded.range.contains(address) {
          if guarded.reach == .interior, address == guarded.range.start { continue }
          result.append(
            ThreadOccupant(
              thread: thread.id, threadName: thread.name, kind: kind, address: address, guardIndex: index))
        }
      }
    }
    return result
  }

  func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress {
    try call("address")
    guard let address = imports[symbol.name] else { throw ApplyError(.importNotFound, symbol: symbol.name) }
    return RuntimeAddress(rawValue: address)
  }

  // MARK: Failing

  /// Makes all calls succeed again, as the next applier's do. Threads that a dead tracer held are let go.
  func heal() {
    failing = nil
    isStopped = false
    isJobControlStopped = isJobControlStopped || isHeld
    isHeld = false
  }

  /// Counts calls from here.
  func restartCounting() {
    callCount = 0
    stopCount = 0
    log = []
  }

  private func call(_ name: String, half: (() throws(ApplyError) -> Void)? = nil) throws(ApplyError) {
    callCount += 1
    log.append(name)
    guard let failing, callCount >= failing.call else { return }
    switch failing.how {
    case .once: if callCount > failing.call { return }
    case .half:
      if callCount > failing.call { return }
      try half?()
    case .forGood: break
    case .halfForGood: if callCount == failing.call { try half?() }
    }
    throw ApplyError(.taskCallFailed, call: name, errno: 5)
  }
}
