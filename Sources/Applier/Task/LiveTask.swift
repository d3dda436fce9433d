public import Addressing
public import Journal

/// A live process as a target of updates: virtual addresses plus the task's slide.
///
/// A task started from the unprepared image has no arena. It stands at the base, its arena reads as zeroes, and
/// `prepare` maps it, header page first. The loader's tables of the prepared image are not mapped there, for nothing in
/// the process would read them: what updates add to the unwind table is passed over, and no unwinder finds its way
/// through a new body.
public final class LiveTask: UpdateTarget {
  public let nature: TargetNature
  let access: any TaskAccess
  let base: BaseImage
  /// The arena's ranges that are not mapped. Asked once: nobody but the holder of the task maps them. An applier that
  /// died in the middle leaves some.
  private var missingArena: [ArenaMapping] = []
  /// What the arena grows by.
  private var growth: [GrowthRoom] = []
  /// What is mapped, for an observed image: its updates expect zeroes where they will have memory mapped.
  private var mapped: [RuntimeRange] = []
  /// The loader's tables, where they are not the process's own.
  private var missingTables: AddressRange?

  /// - Parameter access: the attached process. It stays the caller's to let go.
  public init(_ access: any TaskAccess, base: BaseImage, stage: TaskStage = .running) throws(ApplyError) {
    self.access = access
    self.base = base
    nature = .task(stage)
    let mappings = try access.mappings()
    if !base.isPrepared { mapped = mappings.map(\.range) }
    for range in base.arenaMappings {
      if try !isMapped(range.range, in: mappings) { missingArena.append(range) }
    }
    growth = base.growth.map { GrowthRoom($0, slide: access.slide, in: mappings) }
    if let tables = base.loaderTables, try !isPartOfImage(tables, in: mappings) { missingTables = tables }
  }

  /// Whether the loader has mapped the range. A Mach-O image has it in one segment with the arena's constants, and nothing
  /// else is told of where memory comes from: room of ours ends before it.
  private func isPartOfImage(_ range: AddressRange, in mappings: [TaskMapping]) throws(ApplyError) -> Bool {
    guard base.format == .machO else { return isFromFile(range, in: mappings) }
    let start = runtime(range.start)
    guard missingArena.isEmpty, mappings.contains(where: { $0.range.contains(start) && $0.protection == .read }) else {
      return false
    }
    return try isMapped(range, in: mappings)
  }

  /// Whether the loader has mapped the range from a file, as a segment that begins there.
  private func isFromFile(_ range: AddressRange, in mappings: [TaskMapping]) -> Bool {
    let start = runtime(range.start)
    guard let mapping = mappings.first(where: { $0.range.contains(start) }) else { return false }
    return mapping.range.start == start && !mapping.name.isEmpty && !mapping.name.hasPrefix("[")
  }

  public var name: String { access.name }
  public var keepsOriginalUntilFinish: Bool { false }
  public var lastPauseNanoseconds: UInt64? { access.lastPauseNanoseconds }

  /// The build-id in the task's memory. An image without one is known by its header once `init` or an applier has put it
  /// there, and until then by what its identity was made from: the first loaded segment, which nothing writes.
  public func identity() throws(ApplyError) -> [UInt8] {
    let buildID = try access.identity()
    guard buildID.isEmpty, isMissing(base.arena.header), let first = base.identitySegment else { return buildID }
    // In a process of another image there may be nothing where this one's segment would be.
    guard let bytes = try? access.read(runtime(first.range.start), Int(clamping: first.fileByteCount)) else {
      return buildID
    }
    return Digest.sha256(of: bytes).bytes
  }

  public func header() throws(ApplyError) -> TargetHeader? {
    if isMissing(base.arena.header) { return nil }
    let bytes = try access.read(runtime(base.arena.header.start), TargetHeader.byteCount)
    let header: TargetHeader?
    do {
      header = try TargetHeader.decode(bytes)
    } catch {
      throw ApplyError(.taskMemoryMalformed, address: base.arena.header.start, cause: error)
    }
    if header == nil { try checkThatArenaIsOurs() }
    return header
  }

  public func holds(_ place: TargetPlace) -> Bool {
    guard let missingTables, case .virtual(let address) = place else { return true }
    return !missingTables.contains(address)
  }

  public func read(_ place: TargetPlace, count: Int) throws(ApplyError) -> [UInt8] {
    let range = try range(of: place, count: count)
    if isMissing(range) { return [UInt8](repeating: 0, count: count) }
    for room in growth where room.range.overlaps(range) {
      if try !room.isThere() { return [UInt8](repeating: 0, count: count) }
    }
    if !base.isPrepared { return try readWhatIsMapped(range) }
    let bytes = try access.read(runtime(range.start), count)
    guard bytes.count == count else {
      throw ApplyError(.taskMemoryMalformed, address: range.start, detail: "\(bytes.count) of \(count) bytes read")
    }
    return bytes
  }

  public func word(pointingAt address: VirtualAddress) -> UInt64 { runtime(address).rawValue }

  public func word(of symbol: ImportedSymbol) throws(ApplyError) -> UInt64 {
    try access.address(of: symbol).rawValue
  }

  public func protections(of ranges: [AddressRange]) throws(ApplyError) -> [PageProtection?] {
    if ranges.isEmpty { return [] }
    let mappings = try access.mappings()
    return ranges.map { range in
      let start = runtime(range.start)
      return mappings.first { $0.range.contains(start) }?.protection
    }
  }

  // MARK: - Changes

  public func write(_ bytes: [UInt8], at place: TargetPlace) throws(ApplyError) {
    let range = try range(of: place, count: bytes.count)
    try access.write(bytes, at: runtime(range.start))
  }

  public func store(_ word: UInt64, at cell: VirtualAddress) throws(ApplyError) {
    try access.storePointer(word, at: runtime(cell))
  }

  /// One write within one page: fs/proc/base.c copies each page by one call, which no signal ends half-way.
  public func write(header: TargetHeader) throws(ApplyError) {
    try access.write(header.encoded(), at: runtime(base.arena.header.start))
  }

  /// A task has no size.
  public func resize(to byteCount: UInt64) {}

  // MARK: - Threads

  public func stop() throws(ApplyError) { try access.stopThreads() }

  public func resume() throws(ApplyError) { try access.resumeThreads() }

  public func attend() throws(ApplyError) { try access.attend() }

  public func mayHold() throws(ApplyError) -> Bool { try access.mayHoldThreads() }

  public func hold() throws(ApplyError) -> Bool { try access.holdThreads() }

  public var isJobControlStopped: Bool { access.isJobControlStopped }

  public func endJobControlStop() throws(ApplyError) { try access.endJobControlStop() }

  public func occupants(of guards: [PlannedGuard]) throws(ApplyError) -> [GuardOccupant] {
    let ranges = try guardedRanges(guards)
    return ranges.isEmpty ? [] : try access.occupants(of: ranges).map(unslid)
  }

  public func survey(
    _ guards: [PlannedGuard]
  ) throws(ApplyError) -> (occupants: [GuardOccupant], unseen: [UnseenThread]) {
    let ranges = try guardedRanges(guards)
    let survey = ranges.isEmpty ? ThreadSurvey() : try access.survey(ranges)
    return (survey.occupants.map(unslid), survey.unseen)
  }

  private func guardedRanges(_ guards: [PlannedGuard]) throws(ApplyError) -> [GuardedRange] {
    try guards.map { (planned) throws(ApplyError) in
      guard let range = RuntimeRange(planned.range, slide: access.slide) else {
        throw ApplyError(.addressNotInImage, update: planned.update, address: planned.range.start)
      }
      return GuardedRange(range: range, reach: planned.reach, isConservative: planned.isConservative)
    }
  }

  private func unslid(_ found: ThreadOccupant) -> GuardOccupant {
    GuardOccupant(
      thread: found.thread, threadName: found.threadName,
      address: found.address.virtualAddress(slide: access.slide), guardIndex: found.guardIndex)
  }

  public func finish() {}

  public func cancel() {}

  /// Zeroes where nothing is mapped yet.
  private func readWhatIsMapped(_ range: AddressRange) throws(ApplyError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(clamping: range.byteCount))
    let start = runtime(range.start).rawValue
    let end = start &+ range.byteCount
    for mapping in mapped where mapping.start.rawValue < end && start < mapping.end.rawValue {
      let first = max(start, mapping.start.rawValue)
      let count = Int(min(end, mapping.end.rawValue) - first)
      let found = try access.read(RuntimeAddress(rawValue: first), count)
      guard found.count == count else {
        throw ApplyError(.taskMemoryMalformed, address: range.start, detail: "\(found.count) of \(count) bytes read")
      }
      let offset = Int(first - start)
      bytes.replaceSubrange(offset..<offset + count, with: found)
    }
    return bytes
  }

  private func isMissing(_ range: AddressRange) -> Bool { missingArena.contains { $0.range.contains(range) } }

  private func runtime(_ address: VirtualAddress) -> RuntimeAddress {
    RuntimeAddress(address, slide: access.slide)
  }

  private func range(of place: TargetPlace, count: Int) throws(ApplyError) -> AddressRange {
    guard case .virtual(let address) = place, let range = AddressRange(validating: address, byteCount: UInt64(count))
    else { throw ApplyError(.addressNotInImage, detail: "a place of the file, or one that wraps around") }
    return range
  }
}

// MARK: - The arena

extension LiveTask {
  public func prepare(for plan: ApplyPlan) throws(ApplyError) -> UInt64 {
    var missing = missingArena
    if plan.maps.isEmpty, missing.isEmpty { return 0 }
    var reprotected: [ArenaMapping] = []
    let mappings = try access.mappings()
    // What the last update wants of a page counts.
    var decided: [AddressRange] = []
    for wanted in plan.maps.reversed().map(ArenaMapping.init) {
      if missing.contains(where: { $0.range.contains(wanted.range) }) { continue }
      if !base.isPrepared {
        var open = [wanted.range]
        for range in decided { open = open.flatMap { $0.subtracting(range) } }
        decided.append(wanted.range)
        for range in open {
          let part = ArenaMapping(range: range, protection: wanted.protection)
          let (free, taken) = try parts(of: part, besides: missing, in: mappings)
          missing += free
          reprotected += taken
        }
        continue
      }
      let room = growth.first { $0.range == wanted.range }
      let isThere = if let room { try room.isThere() } else { try isMapped(wanted.range, in: mappings) }
      if !isThere { missing.append(wanted) }
    }
    if missing.isEmpty, reprotected.isEmpty { return 0 }
    try map(missing, reprotected)
    return missing.reduce(0) { $0 + $1.range.byteCount }
  }

  /// The parts that are not there yet, and those that are and need another protection. What an update has mapped stays
  /// mapped when it is rolled back, and segments of an observed image shrink, grow again and take each other's places.
  private func parts(
    of wanted: ArenaMapping, besides missing: [ArenaMapping], in mappings: [TaskMapping]
  ) throws(ApplyError) -> (free: [ArenaMapping], taken: [ArenaMapping]) {
    var free = [wanted.range]
    var taken: [ArenaMapping] = []
    for other in missing { free = free.flatMap { $0.subtracting(other.range) } }
    for mapping in mappings {
      let start = mapping.range.start.virtualAddress(slide: access.slide)
      guard let range = AddressRange(validating: start, byteCount: mapping.range.byteCount),
        let common = wanted.range.intersection(range)
      else { continue }
      free = free.flatMap { $0.subtracting(range) }
      if mapping.protection == wanted.protection { continue }
      // Of a program that has run, nobody knows what it keeps there.
      guard nature == .task(.atEntry) else {
        throw ApplyError(
          mapping.name.hasPrefix("[") ? .arenaOccupied : .protectionChanges, address: common.start,
          runtimeAddress: mapping.range.start, detail: "\(mapping.protection) \(mapping.name)")
      }
      taken.append(ArenaMapping(range: common, protection: wanted.protection))
    }
    return (free.map { ArenaMapping(range: $0, protection: wanted.protection) }, taken)
  }

  private func map(_ missing: [ArenaMapping], _ reprotected: [ArenaMapping]) throws(ApplyError) {
    try access.stopThreads()
    do throws(ApplyError) {
      for wanted in missing {
        guard let range = RuntimeRange(wanted.range, slide: access.slide) else {
          throw ApplyError(.arenaOccupied, address: wanted.range.start)
        }
        try map(wanted, at: range)
        missingArena.removeAll { $0.range == wanted.range }
        mapped.append(range)
        guard wanted.range.contains(base.arena.header) else { continue }
        try write(header: TargetHeader(base: base.digest, position: base.position))
      }
      for wanted in reprotected {
        guard let range = RuntimeRange(wanted.range, slide: access.slide) else { continue }
        try access.protect(range, wanted.protection)
      }
    } catch {
      // The first error is the one to be known; whoever lets go of the task lets its threads go as well.
      try? access.resumeThreads()
      throw error
    }
    try access.resumeThreads()
  }

  /// The threads are stopped: what is known of the arena's growth now is so when it is replaced.
  private func map(_ wanted: ArenaMapping, at range: RuntimeRange) throws(ApplyError) {
    guard let index = growth.firstIndex(where: { $0.range == wanted.range }) else {
      return try access.map(range, wanted.protection)
    }
    let now = GrowthRoom(growth[index], slide: access.slide, in: try access.mappings())
    if try now.isThere() { return }
    if now.state == .reserved {
      try access.replace(range, wanted.protection)
    } else {
      try access.map(range, wanted.protection)
    }
    growth[index].state = .mapped
  }

  /// Zeroes where the header belongs are those of an arena whose applier died before it wrote one, or the program's own
  /// memory: its heap may have grown there. An arena's mapping begins where the arena does.
  private func checkThatArenaIsOurs() throws(ApplyError) {
    let start = runtime(base.arena.writable.start)
    let mapping = try access.mappings().first { $0.range.contains(start) }
    guard let mapping, mapping.range.start == start, !mapping.name.hasPrefix("[") else {
      throw ApplyError(.arenaOccupied, address: base.arena.writable.start, detail: mapping?.name)
    }
  }

  /// - Throws: `.arenaOccupied` where a part of the range is mapped and a part is not.
  private func isMapped(_ range: AddressRange, in mappings: [TaskMapping]) throws(ApplyError) -> Bool {
    guard let wanted = RuntimeRange(range, slide: access.slide) else {
      throw ApplyError(.arenaOccupied, address: range.start)
    }
    let covering = mappings.filter { $0.range.overlaps(wanted) }
    let byteCount = covering.reduce(UInt64(0)) { sum, mapping in
      let start = max(mapping.range.start, wanted.start)
      return sum + (min(mapping.range.end, wanted.end).rawValue - start.rawValue)
    }
    if byteCount == 0 { return false }
    guard byteCount == wanted.byteCount else {
      throw ApplyError(
        .arenaOccupied, address: range.start, runtimeAddress: covering.first?.range.start,
        detail: covering.first.map { $0.name.isEmpty ? "an anonymous mapping" : $0.name })
    }
    return true
  }
}

extension ArenaMapping {
  fileprivate init(_ map: MapOperation) { self.init(range: map.range, protection: map.protection) }
}
