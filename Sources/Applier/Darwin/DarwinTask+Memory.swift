public import Addressing

extension DarwinTask {
  private static let chunkByteCount = 1 << 20

  public func read(_ at: RuntimeAddress, _ count: Int) throws(ApplyError) -> [UInt8] {
    try requireAttached()
    guard count > 0, RuntimeRange(start: at, byteCount: UInt64(count)) != nil else {
      if count == 0 { return [] }
      throw malformed("no such range", at: at)
    }
    var bytes: [UInt8] = []
    while bytes.count < count {
      let next = at.rawValue + UInt64(bytes.count)
      do throws(MachFailure) {
        bytes += try calls.read(port, at: next, count: min(Self.chunkByteCount, count - bytes.count))
      } catch { throw self.error(error, at: RuntimeAddress(rawValue: next)) }
    }
    return bytes
  }

  public func mappings() throws(ApplyError) -> [TaskMapping] {
    try requireAttached()
    return try regions(from: 0, to: .max).map {
      TaskMapping(range: $0.range, protection: $0.protection, name: $0.tag == MachRegion.stackTag ? "[stack]" : "")
    }
  }

  /// Regions that end behind the one address and begin before the other.
  func regions(from start: UInt64, to end: UInt64) throws(ApplyError) -> [MachRegion] {
    var walk = MachRegions(port, calls, from: start)
    var result: [MachRegion] = []
    do throws(MachFailure) {
      while let region = try walk.next(), region.range.start.rawValue < end { result.append(region) }
    } catch { throw self.error(error) }
    return result
  }

  public func write(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    try requireAttached()
    guard !bytes.isEmpty else { return }
    let pieces = try pieces(at, bytes.count)
    // Pages that may be written stay as they are, and nobody notices; but what may be executed as well is fetched meanwhile.
    if pieces.allSatisfy({ $0.protection.contains(.write) && !$0.protection.contains(.execute) }) {
      return try copy(bytes, at: at)
    }
    try suspended { () throws(ApplyError) in try self.write(bytes, at: at, opening: pieces) }
  }

  /// One store, while the task's threads run or not: they are suspended for it, so that none sees a part of it. What the kernel
  /// copies with is its own business (xnu, osfmk/vm/vm_map.c, vm_map_copy_overwrite).
  public func storePointer(_ value: UInt64, at: RuntimeAddress) throws(ApplyError) {
    try requireAttached()
    guard at.rawValue % 8 == 0 else { throw malformed("a pointer's cell is not aligned", at: at) }
    try suspended { () throws(ApplyError) in try self.write(value.littleEndianBytes, at: at) }
  }

  public func map(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try requireAttached()
    let pages = try wholePages(range.start.rawValue, range.byteCount)
    guard pages == range else {
      throw malformed("the arena's ranges are not whole pages of this system", at: range.start)
    }
    do throws(MachFailure) {
      try calls.allocate(port, range)
    } catch {
      guard error.isKernel(.noSpace) else { throw self.error(error, at: range.start) }
      throw ApplyError(.arenaOccupied, target: name, failure: error, runtimeAddress: range.start)
    }
    // The kernel gives it out readable and writable.
    if protection == [.read, .write] { return }
    do throws(MachFailure) {
      try calls.protect(port, range, MachProtection(pages: protection))
    } catch {
      let failure = self.error(error, at: range.start)
      // Nothing is in it yet, and nobody knows of it.
      try? calls.deallocate(port, range)
      throw failure
    }
  }

  public func protect(_ range: RuntimeRange, _ protection: PageProtection) throws(ApplyError) {
    try requireAttached()
    // A copy, where writing is wanted: the maximum of a page may lack it.
    try protect(range, MachProtection(pages: protection, copies: protection.contains(.write)))
    if protection.contains(.execute) { try flush(range) }
  }

  // MARK: - Pages that do not allow it

  /// Whole pages of one region that hold a part of what is written, as they were found.
  private struct Piece {
    var pages: RuntimeRange
    var protection: PageProtection
    var maximum: PageProtection
  }

  private func pieces(_ at: RuntimeAddress, _ byteCount: Int) throws(ApplyError) -> [Piece] {
    let pages = try wholePages(at.rawValue, UInt64(byteCount))
    var next = pages.start.rawValue
    var result: [Piece] = []
    for region in try regions(from: next, to: pages.end.rawValue) where region.range.start.rawValue <= next {
      let end = min(region.range.end.rawValue, pages.end.rawValue)
      guard let piece = RuntimeRange(start: RuntimeAddress(rawValue: next), byteCount: end - next) else { break }
      result.append(Piece(pages: piece, protection: region.protection, maximum: region.maximum))
      next = end
    }
    guard next >= pages.end.rawValue else {
      throw ApplyError(
        hasEnded ? .processExited : .taskCallFailed, target: name,
        runtimeAddress: RuntimeAddress(rawValue: max(next, at.rawValue)), detail: "nothing is mapped there")
    }
    return result
  }

  /// Makes code executable again that an applier which died was writing. No program makes its own code writable: that could
  /// not be executed meanwhile.
  func closeLeftOpen(_ code: [AddressRange]) throws(ApplyError) {
    for range in code {
      guard let wanted = RuntimeRange(range, slide: slide) else { continue }
      for region in try regions(from: wanted.start.rawValue, to: wanted.end.rawValue) {
        let start = max(region.range.start, wanted.start)
        guard region.protection == [.read, .write], region.maximum.contains(.execute),
          let pages = RuntimeRange(
            start: start, byteCount: min(region.range.end, wanted.end).rawValue - start.rawValue)
        else { continue }
        try protect(pages, MachProtection(pages: [.read, .execute]))
        try flush(pages)
      }
    }
  }

  private func wholePages(_ start: UInt64, _ byteCount: UInt64) throws(ApplyError) -> RuntimeRange {
    let mask = calls.pageByteCount &- 1
    let first = start & ~mask
    let (end, overflow) = start.addingReportingOverflow(byteCount)
    guard !overflow, end <= UInt64.max - mask,
      let range = RuntimeRange(start: RuntimeAddress(rawValue: first), byteCount: ((end + mask) & ~mask) - first)
    else { throw malformed("no such range", at: RuntimeAddress(rawValue: start)) }
    return range
  }

  /// The task is suspended.
  private func write(_ bytes: [UInt8], at: RuntimeAddress, opening pieces: [Piece]) throws(ApplyError) {
    var opened: [Piece] = []
    var failure: ApplyError?
    do throws(ApplyError) {
      for piece in pieces where !piece.protection.contains(.write) {
        opened.append(piece)
        // Not executable meanwhile (D3). The copy keeps what other tasks share as it was, and is what makes write
        // permission possible where the maximum lacks it.
        try protect(piece.pages, MachProtection(pages: [.read, .write], copies: true))
      }
      try copy(bytes, at: at)
    } catch {
      failure = error
    }
    for piece in opened.reversed() {
      // Twice: a thread must not meet a page that it can no longer execute.
      do throws(ApplyError) {
        do throws(ApplyError) { try restore(piece) } catch { try restore(piece) }
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
    for piece in pieces where piece.protection.contains(.execute) { try flush(piece.pages) }
  }

  /// First what the pages are, then what they may become: the other way round the first would be cut by the second.
  private func restore(_ piece: Piece) throws(ApplyError) {
    // What was never opened, because that failed, is left alone.
    let found = try regions(from: piece.pages.start.rawValue, to: piece.pages.end.rawValue)
    if found.allSatisfy({ $0.protection == piece.protection && $0.maximum == piece.maximum }) { return }
    try protect(piece.pages, MachProtection(pages: piece.protection))
    try protect(piece.pages, MachProtection(pages: piece.maximum, setsMaximum: true))
  }

  private func protect(_ pages: RuntimeRange, _ protection: MachProtection) throws(ApplyError) {
    do throws(MachFailure) {
      try calls.protect(port, pages, protection)
    } catch { throw self.error(error, at: pages.start, detail: "to \(protection.pages)") }
  }

  private func copy(_ bytes: [UInt8], at: RuntimeAddress) throws(ApplyError) {
    do throws(MachFailure) {
      try calls.write(port, bytes, at: at.rawValue)
    } catch { throw self.error(error, at: at) }
  }

  /// The kernel sees to it for pages that fault in anew, not for those that a processor has in its instruction cache already.
  private func flush(_ pages: RuntimeRange) throws(ApplyError) {
    do throws(MachFailure) {
      try calls.flush(port, pages)
    } catch { throw self.error(error, at: pages.start) }
  }
}
