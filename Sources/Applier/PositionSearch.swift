import Addressing
public import Journal

/// Finds the update that a target stands at by what it holds, whatever its header says: for a header that was wiped, or
/// that lies.
///
/// Looked at is what tells updates apart: cells, and bytes that are overwritten where they stand (entry stubs, constants, room that
/// is used again). Each place is read once, however many updates there are. Bodies in fresh room say nothing: a process that goes back
/// keeps them.
public struct PositionSearch {
  private let base: BaseImage
  private let target: any UpdateTarget
  /// How many of the places do not hold what each update, with all on the way to it, leaves there.
  private var differences: [Digest: Int]
  private var numbers: [Digest: UpdateNumber] = [:]
  private var found: [Place: [UInt8]] = [:]
  /// Places that the base image has: there it is known what they hold at every update that does not touch them.
  private var seen: Set<Place> = []
  private var baseDifferences = 0

  private struct Place: Hashable {
    var start: VirtualAddress
    var byteCount: Int
  }

  public init(base: BaseImage, target: any UpdateTarget) {
    self.base = base
    self.target = target
    differences = [base.digest: 0]
  }

  /// To be called for every update of the journal, each after its parent.
  public mutating func add(_ update: Update) throws(ApplyError) {
    var sum = differences[update.parent] ?? 0
    for operation in update.content.operations {
      switch operation {
      case .pointer(let pointer) where pointer.initial == nil:
        let words = (pointer.wordBefore, pointer.wordAfter)
        sum += try change(
          Place(start: pointer.cell, byteCount: 8), pointer.isFresh,
          before: word(pointer.before, words.0), after: word(pointer.after, words.1))
      case .write(let write) where write.initial == nil && !write.isFresh:
        guard case .virtual(let start) = write.place else { continue }
        sum += try change(
          Place(start: start, byteCount: write.after.count), false, before: write.before, after: write.after)
      case .pointer, .write, .bind, .map, .protect, .resize: continue
      }
    }
    differences[update.digest] = sum
    numbers[update.digest] = update.number
  }

  /// The positions, those that differ least first, newer ones before older ones; at most `count`.
  public func candidates(atMost count: Int) -> [(position: TargetHeader.Position, differences: Int)] {
    differences.map { digest, sum in
      (TargetHeader.Position(digest: digest, number: numbers[digest] ?? .base), sum + baseDifferences)
    }
    .sorted { ($0.1, $1.0.number) < ($1.1, $0.0.number) }
    .prefix(count).map { (position: $0.0, differences: $0.1) }
  }

  /// What an update makes of the sum of its parent.
  private mutating func change(
    _ place: Place, _ isFresh: Bool, before: [UInt8], after: [UInt8]
  ) throws(ApplyError) -> Int {
    let bytes = try bytes(at: place)
    if isFresh { return bytes == after ? 0 : 1 }
    if seen.insert(place).inserted, bytes != before, !isPlacedByUpdate(place) { baseDifferences += 1 }
    return (bytes == after ? 0 : 1) - (bytes == before ? 0 : 1)
  }

  /// Room of the arena holds nothing of the base image's.
  private func isPlacedByUpdate(_ place: Place) -> Bool {
    base.segments.contains { $0.isPartOfArena && $0.range.contains(place.start) }
  }

  private mutating func bytes(at place: Place) throws(ApplyError) -> [UInt8] {
    if let known = found[place] { return known }
    let position: TargetPlace
    switch target.nature {
    case .task: position = .virtual(place.start)
    case .file:
      guard let offset = base.fileOffset(of: place.start) else {
        throw ApplyError(.addressNotInImage, target: target.name, address: place.start)
      }
      position = .file(offset)
    }
    let bytes = target.holds(position) ? try target.read(position, count: place.byteCount) : []
    found[place] = bytes
    return bytes
  }

  /// - Parameter inFile: the word that a file has.
  private func word(_ address: VirtualAddress?, _ inFile: UInt64) -> [UInt8] {
    switch target.nature {
    case .file: inFile.littleEndianBytes
    case .task: (address.map(target.word(pointingAt:)) ?? 0).littleEndianBytes
    }
  }
}

extension UpdateApplier {
  /// What a target, taken to stand at the end of these steps, holds elsewhere than the updates have left it. Its header is not
  /// asked. Changes nothing.
  ///
  /// - Parameter history: the steps from the base image to `position`.
  public func mismatches(
    of history: [Step], at position: TargetHeader.Position, on target: any UpdateTarget
  ) throws(ApplyError) -> [ContentMismatch] {
    do throws(ApplyError) {
      if history.isEmpty { return [] }
      let plan = try ApplyPlan(steps: history, destination: position, base: base, nature: target.nature)
      return try plan.mismatches(on: target, base)
    } catch { throw error.named(target.name) }
  }

  /// Writes into a target's header where it stands, in place of a header that was lost: to be called once `mismatches`
  /// has found none there.
  public func restoreHeader(_ position: TargetHeader.Position, on target: any UpdateTarget) throws(ApplyError) {
    let plan = ApplyPlan(
      nature: target.nature, architecture: base.architecture, from: position.digest, to: position, direction: .forward,
      updates: [], maps: [], protections: [], guards: [], resize: nil, edits: [], cells: [], initials: [],
      fresh: [])
    do throws(ApplyError) {
      try target.checkMayChange()
      _ = try target.prepare(for: plan)
      try target.write(header: TargetHeader(base: base.digest, position: position))
      try target.finish()
    } catch {
      target.cancel()
      throw error.named(target.name)
    }
  }
}
