import Addressing
import Journal

// Who is where. Looked at are, for each thread: the program counter; the link register, as a return address; for conservative
// guards the other registers; every word of the stack up to where it ends. Where a thread runs on a stack
// that the system did not make for it (a signal handler's alternate one), the words there that point into a stack of the
// system's lead to that one, which is looked at as well. Words count as they are and as setjmp(3) stores them.

extension DarwinTask {
  public func occupants(of guards: [GuardedRange]) throws(ApplyError) -> [ThreadOccupant] {
    try requireAttached()
    guard isHeld else {
      throw ApplyError(.taskCallFailed, target: name, detail: "threads are looked at only while they stand still")
    }
    guard !guards.isEmpty else { return [] }
    let list: ThreadList
    do throws(MachFailure) { list = try calls.threads(port) } catch { throw self.error(error) }
    defer { calls.release(list) }
    var threads: [HeldThread] = []
    for thread in list.ports {
      if let held = try held(thread) { threads.append(held) }
    }
    var look = DarwinThreadLook(
      task: self, guards: guards, regions: try regions(from: 0, to: .max),
      stackPointers: threads.map(\.state.stackPointer))
    var found: [ThreadOccupant] = []
    for thread in threads { found += try look.occupants(thread) }
    return found
  }

  /// Where each thread stands. They are stopped.
  func programCounters() throws(ApplyError) -> [UInt64] {
    let list: ThreadList
    do throws(MachFailure) { list = try calls.threads(port) } catch { throw self.error(error) }
    defer { calls.release(list) }
    var result: [UInt64] = []
    for thread in list.ports {
      if let held = try held(thread) { result.append(held.state.programCounter) }
    }
    return result
  }

  /// Nil where the thread has ended: the task keeps those whose port someone holds.
  private func held(_ thread: ThreadPort) throws(ApplyError) -> HeldThread? {
    let flavor = MachThreadState.flavor(architecture)
    do throws(MachFailure) {
      let words = try calls.state(thread, flavor: flavor.number, wordCount: flavor.wordCount)
      guard let state = MachThreadState(words, architecture) else {
        throw .kernel("thread_get_state", .invalidArgument, "\(words.count) words")
      }
      let identity = try calls.identity(thread)
      return HeldThread(
        number: Int32(truncatingIfNeeded: identity.number), name: try calls.name(thread), state: state,
        specificData: identity.specificData)
    } catch {
      if error.isKernel(.terminated) { return nil }
      throw self.error(error)
    }
  }
}

/// A thread of a suspended task.
struct HeldThread {
  var number: Int32
  var name: String
  var state: MachThreadState
  var specificData: UInt64
}

/// One look at every thread of a task that stands still.
private struct DarwinThreadLook {
  /// What x86-64 leaves below the stack pointer to the function that runs (psABI for x86-64, The Stack Frame). arm64 has as much,
  /// but what ended calls have left there cannot be told from other pointers once the calls have been overwritten, and would
  /// be in the way of a loop for ever.
  private static let redZone: UInt64 = 128
  private static let chunk: UInt64 = 1 << 20
  /// __TSD_PTR_MUNGE of libsyscall's os/tsd.h: the word that setjmp(3) xors pointers with (libplatform, src/setjmp).
  private static let mungeSlot: UInt64 = 7

  let task: DarwinTask
  let guards: [GuardedRange]
  let regions: [MachRegion]
  let stackPointers: [UInt64]
  private let scan: StackScan
  private var returnAddresses: [UInt64: Bool] = [:]

  init(task: DarwinTask, guards: [GuardedRange], regions: [MachRegion], stackPointers: [UInt64]) {
    self.task = task
    self.guards = guards
    self.regions = regions
    self.stackPointers = stackPointers
    scan = StackScan(guards)
  }

  mutating func occupants(_ thread: HeldThread) throws(ApplyError) -> [ThreadOccupant] {
    var found: [StackScan.Hit: ThreadOccupant.Kind] = [:]
    for hit in try stackHits(thread) { found[hit] = .stackWord }
    for word in thread.state.general {
      for hit in scan.hits(word) where guards[hit.guardIndex].isConservative && !hit.isFirstByte {
        found[hit] = .register
      }
    }
    for hit in scan.hits(thread.state.programCounter) { found[hit] = .programCounter }
    let occupants = found.map { hit, kind in
      ThreadOccupant(
        thread: thread.number, threadName: thread.name, kind: kind, address: RuntimeAddress(rawValue: hit.address),
        guardIndex: hit.guardIndex)
    }
    return occupants.sorted {
      ($0.guardIndex, $0.kind.rawValue, $0.address.rawValue) < ($1.guardIndex, $1.kind.rawValue, $1.address.rawValue)
    }
  }

  // MARK: Stacks

  private mutating func stackHits(_ thread: HeldThread) throws(ApplyError) -> [StackScan.Hit] {
    var hits = Set(thread.state.linkRegister.map(scan.hits) ?? [])
    let token = munge(thread)
    hits.formUnion(try redZoneHits(below: thread.state.stackPointer, token))
    var next: [UInt64] = [thread.state.stackPointer & ~7]
    var seen: Set<UInt64> = []
    while let start = next.popLast() {
      guard let stack = stack(holding: start), seen.insert(stack.end).inserted else { continue }
      var interrupted: [UInt64: UInt64] = [:]
      var address = max(start, stack.start)
      while address < stack.end {
        let count = Int(min(Self.chunk, stack.end - address))
        let words = try task.read(RuntimeAddress(rawValue: address), count)
        forEachHit(in: words, token) { hits.insert($0) }
        if !stack.isOfSystem { note(words, leadingInto: &interrupted) }
        address += UInt64(count)
      }
      next += interrupted.values
    }
    var counting: [StackScan.Hit] = []
    for hit in hits {
      let isConservative = guards[hit.guardIndex].isConservative && !hit.isFirstByte
      if isConservative || isReturnAddress(hit.address) { counting.append(hit) }
    }
    return counting
  }

  /// Nobody returns to what is below the stack pointer: what runs calls nobody, and the return addresses there were left by
  /// calls that have returned. They would be in the way of a loop for ever.
  private mutating func redZoneHits(below pointer: UInt64, _ token: UInt64?) throws(ApplyError) -> [StackScan.Hit] {
    guard task.architecture == .x86_64, let stack = stack(holding: pointer & ~7) else { return [] }
    let start = max((pointer &- Self.redZone) & ~7, stack.start)
    guard start < pointer & ~7 else { return [] }
    var found: [StackScan.Hit] = []
    forEachHit(in: try task.read(RuntimeAddress(rawValue: start), Int((pointer & ~7) - start)), token) {
      if guards[$0.guardIndex].isConservative { found.append($0) }
    }
    return found.filter { !isReturnAddress($0.address) }
  }

  /// The region of an address, with those of the system's stacks that follow it without a gap.
  private func stack(holding address: UInt64) -> (start: UInt64, end: UInt64, isOfSystem: Bool)? {
    let place = RuntimeAddress(rawValue: address)
    guard let index = regions.firstIndex(where: { $0.range.contains(place) }), regions[index].protection.contains(.read)
    else { return nil }
    let isOfSystem = regions[index].tag == MachRegion.stackTag
    var end = regions[index].range.end
    for region in regions[(index + 1)...] {
      guard isOfSystem, region.tag == MachRegion.stackTag, region.range.start == end, region.protection.contains(.read)
      else { break }
      end = region.range.end
    }
    return (regions[index].range.start.rawValue, end.rawValue, isOfSystem)
  }

  /// The lowest pointer into each of the system's stacks that no thread is on now.
  private func note(_ words: [UInt8], leadingInto stacks: inout [UInt64: UInt64]) {
    let idle = regions.filter { region in
      region.tag == MachRegion.stackTag && region.protection.contains(.read)
        && !stackPointers.contains { region.range.contains(RuntimeAddress(rawValue: $0)) }
    }
    guard let lowest = idle.first?.range.start.rawValue else { return }
    forEachWord(of: words) { word in
      guard word >= lowest,
        let region = idle.first(where: { $0.range.contains(RuntimeAddress(rawValue: word)) })
      else { return }
      stacks[region.range.start.rawValue] = min(stacks[region.range.start.rawValue] ?? .max, word & ~7)
    }
  }

  private func forEachHit(in words: [UInt8], _ token: UInt64?, _ body: (StackScan.Hit) -> Void) {
    forEachWord(of: words) { word in
      scan.hits(word).forEach(body)
      if let token { scan.hits(word ^ token).forEach(body) }
    }
  }

  private func forEachWord(of bytes: [UInt8], _ body: (UInt64) -> Void) {
    bytes.withUnsafeBytes { buffer in
      for offset in stride(from: 0, to: buffer.count - 7, by: 8) {
        body(UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      }
    }
  }

  private mutating func isReturnAddress(_ address: UInt64) -> Bool {
    if let known = returnAddresses[address] { return known }
    let before = RuntimeAddress(rawValue: address &- 8)
    let end = RuntimeAddress(rawValue: address &- 1)
    let isCode = regions.contains { $0.protection.contains(.execute) && $0.range.contains(end) }
    let bytes = isCode ? (try? task.read(before, 8)) ?? [] : []
    let answer = task.architecture.endsInCall(bytes)
    returnAddresses[address] = answer
    return answer
  }

  /// Nil where the thread has none yet.
  private func munge(_ thread: HeldThread) -> UInt64? {
    guard thread.specificData != 0 else { return nil }
    let address = RuntimeAddress(rawValue: thread.specificData &+ 8 * Self.mungeSlot)
    let token = (try? task.read(address, 8)).flatMap { TaskBytes($0).word(at: 0) }
    return token == 0 ? nil : token
  }
}
