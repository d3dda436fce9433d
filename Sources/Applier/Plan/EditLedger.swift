import Addressing
public import Journal

/// The update and the operation that bytes come from.
public struct OperationSource: Hashable, Sendable {
  public var update: UpdateNumber
  /// Index into the update's operations as recorded; `operationOfMany` where it comes of those of a stretch that ends with the update.
  public var operation: Int

  public static let operationOfMany = -1
}

/// The net effect of edits on one space of bytes (a file, or an image's virtual addresses).
///
/// However many edits touch a byte, the ledger knows what must be found there before the first and what stands there
/// after the last, so that each byte is compared and written once.
struct EditLedger {
  enum Mode {
    /// Found with `before`, left with `after`.
    case exact
    /// Nobody can reach the bytes yet: found with `before` or `after`, left with `after`.
    case fresh
    /// Nobody can reach the bytes any more: found with `before`, and left so.
    case kept
    /// The program's own: not compared, left with `after`.
    case unchecked
  }

  struct Edit {
    var start: UInt64
    /// As long as `after`.
    var before: [UInt8]
    var after: [UInt8]
    var mode: Mode
    var source: OperationSource
    /// Of fresh bytes: whatever was left there, nobody reaches it.
    var acceptsAnything = false
  }

  struct Extent: Hashable, Sendable {
    var start: UInt64
    var before: [UInt8]
    /// Accepted in place of `before`.
    var alternative: [UInt8]?
    var after: [UInt8]
    /// Unreachable until the commit, so that it may be written while the program runs.
    var isStaged: Bool
    var isCompared: Bool
    /// The first operation that touched it.
    var source: OperationSource

    var end: UInt64 { start + UInt64(after.count) }
    var isChange: Bool { before != after || alternative != nil || !isCompared }
  }

  /// Ascending by start, not overlapping, none empty.
  private(set) var extents: [Extent] = []

  /// - Throws: `.operationsConflict` where the bytes before are not those that the edits so far have left.
  mutating func record(_ edit: Edit) throws(ApplyError) {
    guard !edit.after.isEmpty else { return }
    guard edit.before.count == edit.after.count,
      case (let end, false) = edit.start.addingReportingOverflow(UInt64(edit.after.count))
    else { throw conflict(edit, at: edit.start, detail: "an edit's two sides differ in length, or wrap around") }
    split(at: edit.start)
    split(at: end)
    let touched = firstIndex(from: edit.start)..<firstIndex(from: end)
    var replacement: [Extent] = []
    var position = edit.start
    for extent in extents[touched] {
      if position < extent.start { replacement.append(newExtent(of: edit, from: position, to: extent.start)) }
      replacement.append(try extended(extent, by: edit))
      position = extent.end
    }
    if position < end { replacement.append(newExtent(of: edit, from: position, to: end)) }
    extents.replaceSubrange(touched, with: replacement)
  }

  /// Index of the first extent that does not start below the position.
  private func firstIndex(from position: UInt64) -> Int {
    extents.partitioningIndex { $0.start >= position }
  }

  private mutating func split(at position: UInt64) {
    let index = firstIndex(from: position) - 1
    guard index >= 0, extents[index].end > position else { return }
    let count = Int(position - extents[index].start)
    var tail = extents[index]
    tail.start = position
    tail.before.removeFirst(count)
    tail.alternative?.removeFirst(count)
    tail.after.removeFirst(count)
    let tailCount = tail.after.count
    extents[index].before.removeLast(tailCount)
    extents[index].alternative?.removeLast(tailCount)
    extents[index].after.removeLast(tailCount)
    extents.insert(tail, at: index + 1)
  }

  private func newExtent(of edit: Edit, from start: UInt64, to end: UInt64) -> Extent {
    let range = Int(start - edit.start)..<Int(end - edit.start)
    let before = Array(edit.before[range])
    let after = Array(edit.after[range])
    return Extent(
      start: start, before: before, alternative: edit.mode == .fresh ? after : nil,
      after: edit.mode == .kept ? before : after, isStaged: edit.mode == .fresh,
      isCompared: edit.mode != .unchecked && !(edit.mode == .fresh && edit.acceptsAnything), source: edit.source)
  }

  /// The extent, which lies within the edit, after it.
  private func extended(_ extent: Extent, by edit: Edit) throws(ApplyError) -> Extent {
    let range = Int(extent.start - edit.start)..<Int(extent.end - edit.start)
    let after = Array(edit.after[range])
    var result = extent
    switch edit.mode {
    case .unchecked: break
    case .exact, .kept:
      guard extent.after.elementsEqual(edit.before[range]) else { throw conflict(edit, at: extent.start) }
      // Room that is used again: who was rolled back to before its first use may still execute what it held since.
      if edit.mode == .exact { result.isStaged = false }
    case .fresh:
      guard extent.after.elementsEqual(edit.before[range]) || extent.after == after else {
        throw conflict(edit, at: extent.start)
      }
      // A task that has been at this update and was taken off it kept what its last fresh operation left.
      if extent.alternative != nil, extent.source.update == edit.source.update { result.alternative = after }
    }
    if edit.mode != .kept { result.after = after }
    return result
  }

  private func conflict(_ edit: Edit, at position: UInt64, detail: String? = nil) -> ApplyError {
    ApplyError(
      .operationsConflict, update: edit.source.update, operation: edit.source.operation,
      address: VirtualAddress(position), detail: detail)
  }
}
