public import Addressing

extension LinuxTask {
  private static let pageByteCount: UInt64 = 4096

  public func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    try attend()
    return try process.read(at, count)
  }

  public func mappings() throws(ApplyError) -> [TaskMapping] {
    try attend()
    return try process.mappings()
  }

  public func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    try requireAttached()
    try attend()
    guard !bytes.isEmpty else { return }
    if writeMethod == .forced {
      do throws(SystemCallFailure) {
        return try LinuxCalls.write(process.memory.number, bytes, at: at.rawValue)
      } catch {
        // Either nothing is mapped there, which the second way finds out, or the kernel does not force writes.
        guard error.isRefusedWrite else { throw self.error(error, at: at) }
      }
    }
    try writeAsAllowed(bytes, at: at)
  }

  /// One store, while the task's threads run.
  ///
  /// No document promises it. The kernel copies with its own `memcpy` of 8 bytes (mm/memory.c, __access_remote_vm): two
  /// whole-word moves (arch/x86/lib/memcpy_64.S, memcpy_orig), or `rep movsb` where the processor has FSRM. Architecture manuals
  /// let that one be cut anywhere; measured on an AMD of family 25, 1.5e9 such stores of an aligned word, of which another
  /// processor saw 26 million, none as a mix. `LinuxTaskMemoryTests` has a thread watch. POKEDATA and process_vm_writev(2)
  /// copy the same way: who must not depend on it applies with `Options.isAtomic`.
  public func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError) {
    guard at.rawValue % 8 == 0 else { throw process.malformed("a pointer's cell is not aligned", at: at) }
    try write(value.littleEndianBytes, at: at)
  }

  public func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE.
    let flags: UInt64 = 0x02 | 0x20 | 0x4000 | 0x10_0000
    let result = try callSystem(
      .memoryMap, [range.start.rawValue, range.byteCount, UInt64(protection.rawValue), flags, .max, 0])
    if result == Int64(bitPattern: range.start.rawValue) { return }
    guard result > 0 else { throw failedMap(range, result) }
    // Kernels before 4.17 take the address for a hint.
    _ = try callSystem(.memoryUnmap, [UInt64(bitPattern: result), range.byteCount])
    throw ApplyError(.arenaOccupied, target: name, runtimeAddress: range.start)
  }

  public func replace(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED.
    let flags: UInt64 = 0x02 | 0x20 | 0x4000 | 0x10
    let result = try callSystem(
      .memoryMap, [range.start.rawValue, range.byteCount, UInt64(protection.rawValue), flags, .max, 0])
    guard result == Int64(bitPattern: range.start.rawValue) else { throw failedMap(range, result) }
  }

  public func protect(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try protect(TaskMapping(range: range, protection: protection), protection)
  }

  private func failedMap(_ range: RuntimeRange, _ result: Int64) -> ApplyError {
    let number = SystemErrorNumber(Int32(truncatingIfNeeded: -result))
    let failure = SystemCallFailure(call: "mmap in the task", number: number)
    let busy = (try? process.mappings())?.first { $0.range.overlaps(range) }
    let detail = busy.map { "\($0.range.start) up to \($0.range.end) is \($0.name.isEmpty ? "in use" : $0.name)" }
    return ApplyError(
      number == .exists ? .arenaOccupied : .taskCallFailed, target: name, address: range.start, failure: failure,
      detail: detail)
  }

  // MARK: The second way of writing

  /// The task makes its own pages writable, is written to as it could itself, and gives each the protection back that
  /// `/proc/PID/maps` showed: not the segment's, for the loader or the program may have changed it since.
  private func writeAsAllowed(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    // What is written by the process's number would go to another program that it has executed meanwhile.
    guard process.hasItsMemory(at: at) else { throw ApplyError(process.absence, target: name) }
    let closed = try closedPages(from: at, UInt64(bytes.count))
    var opened: [TaskMapping] = []
    var failure: ApplyError?
    do throws(ApplyError) {
      for pages in closed {
        try protect(pages, pages.protection.union(.write))
        opened.append(pages)
      }
      try copyAsAllowed(bytes, at: at)
    } catch {
      failure = error
    }
    for pages in opened.reversed() {
      do throws(ApplyError) { try protect(pages, pages.protection) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private func copyAsAllowed(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    do throws(SystemCallFailure) {
      let count = try LinuxCalls.writeAsAllowed(process.id, bytes, at: at.rawValue)
      guard count == bytes.count else {
        throw SystemCallFailure(call: "process_vm_writev", number: .badAddress)
      }
    } catch {
      throw self.error(error, at: at)
    }
  }

  /// The whole pages that hold the range and may not be written, a piece for each mapping.
  private func closedPages(from start: RuntimeAddress, _ byteCount: UInt64) throws(ApplyError) -> [TaskMapping] {
    let (end, overflow) = start.rawValue.addingReportingOverflow(byteCount)
    guard !overflow, end <= UInt64.max - Self.pageByteCount else { throw process.malformed("no such range", at: start) }
    var next = start.rawValue & ~(Self.pageByteCount - 1)
    let last = (end + Self.pageByteCount - 1) & ~(Self.pageByteCount - 1)
    var closed: [TaskMapping] = []
    for mapping in try process.mappings() where next < last && mapping.range.end.rawValue > next {
      guard mapping.range.start.rawValue <= next else { break }
      let pieceEnd = min(last, mapping.range.end.rawValue)
      if !mapping.protection.contains(.write),
        let piece = RuntimeRange(start: RuntimeAddress(rawValue: next), byteCount: pieceEnd - next)
      {
        closed.append(TaskMapping(range: piece, protection: mapping.protection, name: mapping.name))
      }
      next = pieceEnd
    }
    guard next >= last else {
      throw ApplyError(
        .taskCallFailed, target: name, runtimeAddress: RuntimeAddress(rawValue: max(next, start.rawValue)),
        detail: "nothing is mapped there")
    }
    return closed
  }

  private func protect(_ pages: TaskMapping, _ protection: PageProtection) throws(ApplyError) {
    let result = try callSystem(
      .memoryProtect, [pages.range.start.rawValue, pages.range.byteCount, UInt64(protection.rawValue)])
    guard result != 0 else { return }
    let failure = SystemCallFailure(
      call: "mprotect in the task", number: SystemErrorNumber(Int32(truncatingIfNeeded: -result)))
    throw error(failure, at: pages.range.start, detail: pages.name)
  }
}
