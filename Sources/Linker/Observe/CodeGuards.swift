import Addressing
import Journal

/// Which ranges no thread may be in while an observed update overwrites code where it stands.
///
/// An atom whose bytes change is guarded whole, as it stood before on the way forward and as it stands afterwards on
/// the way back: a thread anywhere in it would go on in other code. Two changes are safe for a thread that is in the
/// atom but not in the very instruction: one that only names a moved atom anew, and the jump that a linker leaves at
/// the old address.
struct CodeGuards {
  /// `jmp rel32`.
  private static let jumpByteCount = 5

  let before: ObservedImage
  let after: ObservedImage
  let superseded: [PlacedAtom]
  let memory: ParentMemory
  private var patchedRanges: [AddressRange] = []
  private let disassembler: Disassembler

  init(before: ObservedImage, after: ObservedImage, superseded: [PlacedAtom], memory: ParentMemory) {
    self.before = before
    self.after = after
    self.superseded = superseded
    self.memory = memory
    disassembler = Disassembler(after.architecture)
  }

  mutating func patched(_ instruction: AddressRange) { patchedRanges.append(instruction) }

  func all() throws(LinkError) -> [Guard] {
    // Old code may be where data has come to stand.
    let changed = memory.differences(unclaimedOnly: false, gap: 1)
    let jumps = try jumpGuards(changed)
    var guards = patchedRanges.map { range in
      Guard(
        range: range, reach: .interior, reason: .overwritten, direction: .both,
        function: before.symbol(containing: range.start)?.name ?? "")
    }
    guards += jumps.guards
    let rest = changed.flatMap { range in
      (patchedRanges + jumps.ranges).reduce([range]) { pieces, safe in pieces.flatMap { $0.subtracting(safe) } }
    }
    let forward = owners(of: rest, in: before, formerly: true)
    // A body in fresh room stays there when the update is taken back: whoever is in it comes to its end.
    let backward = owners(of: rest, in: after, formerly: false).filter { !isFresh($0.range) }
    for (range, name) in forward {
      let isBoth = backward.contains { $0.range == range }
      guards.append(
        Guard(
          range: range, reach: .whole, reason: .overwritten, direction: isBoth ? .both : .forward, function: name))
    }
    for (range, name) in backward where !forward.contains(where: { $0.range == range }) {
      guards.append(
        Guard(range: range, reach: .whole, reason: .overwritten, direction: .backward, function: name))
    }
    return guards
  }

  /// Whether nothing has ever stood in a range: zeroes, and no atom's.
  func isFresh(_ range: AddressRange) -> Bool {
    guard let bytes = memory.bytes(range), bytes.before.allSatisfy({ $0 == 0 }) else { return false }
    return !before.symbols.contains { $0.range.overlaps(range) }
      && !superseded.contains { $0.placement.body.overlaps(range) }
  }

  /// Whose code the changed bytes are.
  private func owners(
    of changed: [AddressRange], in image: ObservedImage, formerly: Bool
  ) -> [(range: AddressRange, name: String)] {
    var bodies = image.symbols.filter { $0.kind == .function }.map { (range: $0.range, name: $0.name) }
    if formerly { bodies += stale(besides: bodies.map(\.range)) }
    var seen: Set<AddressRange> = []
    return bodies.filter { body in
      changed.contains { $0.overlaps(body.range) } && seen.insert(body.range).inserted
    }
  }

  /// Bodies that were left and still stand. Where something else has come to stand since, nobody was in them then.
  private func stale(besides current: [AddressRange]) -> [(range: AddressRange, name: String)] {
    superseded.filter { old in
      let body = old.placement.body
      return !current.contains { $0.overlaps(body) }
        && !superseded.contains { $0.update > old.update && $0.placement.body.overlaps(body) }
    }.map { ($0.placement.body, $0.identity.name) }
  }

  // MARK: Jumps at old addresses

  /// The jumps that the change has put there, with what they replace.
  private func jumpGuards(
    _ changed: [AddressRange]
  ) throws(LinkError) -> (guards: [Guard], ranges: [AddressRange]) {
    var guards: [Guard] = []
    var ranges: [AddressRange] = []
    for jump in after.symbols where jump.kind == .trampoline {
      let range = AddressRange(start: jump.range.start, byteCount: UInt64(Self.jumpByteCount))
      guard changed.contains(where: { $0.overlaps(range) }),
        let old = before.symbols.first(where: { $0.range.start == range.start && $0.kind != .data })
      else { continue }
      guards.append(
        try self.jump(
          Self.jumpByteCount, over: old.range, memory.bytes(old.range)?.before ?? [], function: jump.name))
      ranges.append(range)
    }
    return (guards, ranges)
  }

  /// What a jump over the first bytes of a body asks for: where nothing of the body comes back to them, only that no
  /// thread is in the midst of them. A jump that is there already is one instruction, then as now.
  func jump(
    _ byteCount: Int, over body: AddressRange, _ bytes: [UInt8], function: String
  ) throws(LinkError) -> Guard {
    let code = try disassembler.decode(bytes, at: body.start)
    let isJump = code.instructions.first.map { $0.byteCount == byteCount && $0.flow.isJump } ?? false
    let isSafe =
      isJump || body.byteCount >= UInt64(byteCount) && code.landing(inStubOf: byteCount, others: nil) == .nothing
    let head = AddressRange(start: body.start, byteCount: UInt64(byteCount))
    return Guard(
      range: isSafe ? head : body, reach: isSafe ? .interior : .whole,
      reason: isSafe ? .entryStub : .branchIntoEntryStub, direction: .both, function: function)
  }
}
