import Addressing
import Journal

/// A write that is due, with what it replaces.
struct PendingWrite {
  var place: TargetPlace
  var found: [UInt8]
  var bytes: [UInt8]
  /// One aligned store of 8 bytes.
  var isCell: Bool
}

/// The writes that are due, in the order in which they must become visible.
struct PendingWrites {
  /// Nobody can reach these places before the commit. A variable's flag comes after its value: a room counts as used
  /// once all of it is there, and before any code that uses it can run.
  var staged: [PendingWrite] = []
  var overwrites: [PendingWrite] = []
  var cells: [PendingWrite] = []
  var initializedVariableCount = 0
  /// Of the fresh bytes of stretches, how many are due: they are read when they are written. Nil where they are compared then as well.
  var freshByteCount: UInt64?

  var all: [PendingWrite] { staged + overwrites + cells }
}

/// Compares what a plan expects with what a target holds, and tells what is left to write. Changes nothing.
struct TargetComparison {
  enum Goal {
    /// What can be reached goes back. What cannot is completed all the same: a thread may be in it already, and half a
    /// body must not stay behind.
    case before
    case after
  }

  let plan: ApplyPlan
  let target: any UpdateTarget
  var goal = Goal.after
  /// For a torn target: every byte may be from either side.
  var acceptsBothSides = false

  /// - Parameter isDryRun: whether nothing will be written.
  /// - Throws: `.contentMismatch` at the first byte that is not as expected.
  func pendingWrites(_ fresh: FreshPass, isDryRun: Bool) throws(ApplyError) -> PendingWrites {
    var result = PendingWrites()
    if fresh.comparesFirst || isDryRun { result.freshByteCount = try fresh.compare() }
    for extent in plan.edits {
      guard let write = try pendingWrite(of: extent) else { continue }
      if extent.isStaged { append(write, to: &result.staged) } else { append(write, to: &result.overwrites) }
    }
    for cell in plan.cells {
      guard let write = try pendingWrite(of: cell) else { continue }
      if cell.isStaged { result.staged.append(write) } else { result.cells.append(write) }
    }
    // On the way back variables keep their values, and with them their flags.
    if goal == .after {
      for group in plan.initials { try addInitial(group, to: &result) }
    }
    return result
  }

  private func addInitial(_ group: InitialGroup, to result: inout PendingWrites) throws(ApplyError) {
    var flag: PendingWrite?
    if let address = group.flag {
      let found = try target.read(.virtual(address), count: 1)
      if found != [0] { return }
      flag = PendingWrite(place: .virtual(address), found: found, bytes: [1], isCell: false)
    }
    result.initializedVariableCount += flag == nil ? 0 : 1
    for extent in group.edits {
      if let write = try pendingWrite(of: extent) { append(write, to: &result.staged) }
    }
    for cell in group.cells {
      if let write = try pendingWrite(of: cell) { result.staged.append(write) }
    }
    if let flag { result.staged.append(flag) }
  }

  // MARK: - Bytes

  private func pendingWrite(of extent: EditLedger.Extent) throws(ApplyError) -> PendingWrite? {
    let place = plan.place(of: extent.start)
    guard target.holds(place) else { return nil }
    let found: [UInt8]
    do throws(ApplyError) {
      found = try target.read(place, count: extent.after.count)
    } catch { throw error.located(extent.source) }
    if extent.isCompared, let index = mismatch(found, extent) { throw mismatchError(found, extent, index) }
    let wanted = goal == .after || extent.isStaged ? extent.after : extent.before
    return found == wanted ? nil : PendingWrite(place: place, found: found, bytes: wanted, isCell: false)
  }

  /// Index of the first byte that must not be there; nil when all is as expected.
  private func mismatch(_ found: [UInt8], _ extent: EditLedger.Extent) -> Int? {
    guard found.count == extent.before.count else { return 0 }
    if found == extent.before || found == extent.alternative { return nil }
    // Left by an apply of these steps that was taken back while threads could be in it.
    if extent.isStaged, found == extent.after { return nil }
    guard acceptsBothSides else { return found.indices.first { found[$0] != extent.before[$0] } }
    return found.indices.first {
      found[$0] != extent.before[$0] && found[$0] != extent.after[$0] && found[$0] != extent.alternative?[$0]
    }
  }

  func mismatchError(_ found: [UInt8], _ extent: EditLedger.Extent) -> ApplyError {
    mismatchError(found, extent, mismatch(found, extent) ?? 0)
  }

  private func mismatchError(_ found: [UInt8], _ extent: EditLedger.Extent, _ index: Int) -> ApplyError {
    var error = ApplyError(
      .contentMismatch, expected: Array(extent.before.dropFirst(index).prefix(16)),
      found: Array(found.dropFirst(index).prefix(16)))
    switch plan.place(of: extent.start + UInt64(index)) {
    case .virtual(let address): error.address = address
    case .file(let offset): error.fileOffset = offset
    }
    if plan.nature != .file {
      switch ForeignCode(found: found, expected: extent.before, at: index, plan.architecture) {
      case .breakpoint?: error.code = .breakpointInTheWay
      case .hook?: error.code = .hookInTheWay
      case nil: break
      }
    }
    return error.located(extent.source)
  }

  /// Writes that touch become one: a target is called once for them.
  private func append(_ write: PendingWrite, to writes: inout [PendingWrite]) {
    if let last = writes.last, !last.isCell, last.end == write.place {
      writes[writes.count - 1].found += write.found
      writes[writes.count - 1].bytes += write.bytes
    } else {
      writes.append(write)
    }
  }

  // MARK: - Cells

  private func pendingWrite(of cell: CellLedger.Cell) throws(ApplyError) -> PendingWrite? {
    do throws(ApplyError) {
      let found = try target.read(.virtual(cell.address), count: 8)
      if let accepted = try acceptedWords(of: cell), !accepted.contains(found) {
        throw ApplyError(
          .contentMismatch, address: cell.address, expected: accepted.first ?? [], found: found)
      }
      let isWayOn = goal == .after || cell.isStaged
      guard let value = isWayOn ? cell.after : cell.after.flatMap({ _ in cell.before }) else { return nil }
      let wanted = try word(for: value).littleEndianBytes
      if found == wanted { return nil }
      return PendingWrite(place: .virtual(cell.address), found: found, bytes: wanted, isCell: true)
    } catch { throw error.located(cell.source) }
  }

  /// Nil where anything may be found.
  private func acceptedWords(of cell: CellLedger.Cell) throws(ApplyError) -> [[UInt8]]? {
    guard cell.isCompared, let before = cell.before else { return nil }
    var words = [try word(for: before).littleEndianBytes]
    if acceptsBothSides, let after = cell.after { words.append(try word(for: after).littleEndianBytes) }
    return words
  }

  private func word(for value: CellValue) throws(ApplyError) -> UInt64 {
    switch value {
    case .word(let word): word
    case .address(let address): target.word(pointingAt: address)
    case .imported(let symbol): try target.word(of: symbol)
    }
  }
}

extension PendingWrite {
  fileprivate var end: TargetPlace? {
    switch place {
    case .virtual(let address): address.advanced(by: UInt64(bytes.count)).map(TargetPlace.virtual)
    case .file(let offset): offset.advanced(by: UInt64(bytes.count)).map(TargetPlace.file)
    }
  }
}
