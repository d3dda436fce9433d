import Addressing
import Journal

/// Looks for what later updates have made of an update, or of what it brought. What counts is what stands now: what was changed
/// and changed back is in nobody's way.
struct RevertConflicts {
  let update: Update
  let later: [UpdateNumber]
  let store: JournalStore
  let parent: Digest
  /// At the parent, and at the update itself.
  let memory: PlacedMemory
  let former: PlacedMemory
  /// Before the update.
  let original: PlacedMemory

  func all() throws(LinkError) -> [RevertConflict] {
    if later.isEmpty { return [] }
    let changed = try changedAtoms()
    let names = Set(changed.compactMap(\.atom))
    let written = try rewrittenPlaces().filter { conflict in
      // The atom's own conflict says it better.
      conflict.atom.map { !names.contains($0) } ?? true
    }
    var dependents = try dependents()
    // What the image was built with, what is compiled later is taken to be built with as well.
    if dependents.contains(where: { $0.kind == .reliesOnRegisters }),
      !JournalImage.compilers(of: store).mayRelyOnCalleeRegisters
    {
      dependents.removeAll { $0.kind == .reliesOnRegisters }
    }
    var seen: Set<RevertConflict> = []
    return (changed + written + dependents).filter { seen.insert($0).inserted }
  }

  // MARK: Atoms

  private func changedAtoms() throws(LinkError) -> [RevertConflict] {
    var conflicts: [RevertConflict] = []
    for change in update.content.atoms where change.isReverted {
      let now = try fromJournal { () throws(JournalError) in try store.placement(of: change.atom, at: parent) }
      if now?.placement == change.after {
        if let conflict = try reusedRoom(of: change) { conflicts.append(conflict) }
        continue
      }
      let newest = try fromJournal { () throws(JournalError) in try store.newestChange(of: change.atom, at: parent) }
      conflicts.append(
        RevertConflict(
          .changedAgain, update: newest?.update ?? update.number, atom: change.atom, change: newest?.change))
    }
    return conflicts
  }

  /// The former body must still be what it was before the update.
  private func reusedRoom(of change: AtomChange) throws(LinkError) -> RevertConflict? {
    guard change.change == .moved, let body = change.before?.body, store.base.arena.code.contains(body),
      try memory.bytes(body) != original.bytes(body)
    else { return nil }
    let writes = try fromJournal { () throws(JournalError) in try store.writes(overlapping: body, at: parent) }
    return RevertConflict(
      .roomReused, update: writes.last?.update ?? update.number, atom: change.atom, address: body.start)
  }

  // MARK: Bytes

  private func rewrittenPlaces() throws(LinkError) -> [RevertConflict] {
    var conflicts: [RevertConflict] = []
    for (index, operation) in update.content.operations.enumerated() where operation.isReverted {
      guard let range = operation.writtenAddresses, try !isAsLeft(operation, range) else { continue }
      let writes = try fromJournal { () throws(JournalError) in try store.writes(overlapping: range, at: parent) }
      conflicts.append(
        RevertConflict(
          .writtenAgain, update: writes.last?.update ?? update.number,
          atom: update.content.atoms.first { $0.operations.contains(index) }?.atom, address: range.start))
    }
    return conflicts
  }

  private func isAsLeft(_ operation: Operation, _ range: AddressRange) throws(LinkError) -> Bool {
    switch operation {
    case .write: return try memory.bytes(range) == former.bytes(range)
    case .pointer, .bind: return try memory.pointer(at: range.start) == former.pointer(at: range.start)
    case .resize, .map, .protect: return true
    }
  }

  // MARK: References

  /// What goes with the update, by where it stands: nothing may lead there once it is taken back.
  private func leavingRanges() -> [(range: AddressRange, atom: AtomIdentity)] {
    var ranges: [(range: AddressRange, atom: AtomIdentity)] = []
    for change in update.content.atoms where change.isReverted {
      guard let after = change.after, change.change == .added || change.change == .moved else { continue }
      // The entry of a function that was there before stays what it was.
      let isNew = change.change == .added || change.atomKind != .function
      guard isNew, isOfArena(after.body.start) else { continue }
      ranges.append((after.body, change.atom))
      if let entry = after.entry, entry != after.body.start {
        ranges.append((AddressRange(start: entry, byteCount: 1), change.atom))
      }
    }
    return ranges.sorted { $0.range.start < $1.range.start }
  }

  private func isOfArena(_ address: VirtualAddress) -> Bool {
    store.base.segments.contains { $0.isPartOfArena && $0.range.contains(address) }
  }

  private func dependents() throws(LinkError) -> [RevertConflict] {
    let leaving = leavingRanges()
    let clobbers = ReliedRegisters(update: update, memory: memory, before: original)
    var conflicts: [RevertConflict] = []
    for number in later {
      let content = try fromJournal { () throws(JournalError) in try store.update(holding: number) }.content
      let live = try liveBodies(of: content)
      for operation in content.operations {
        guard let range = operation.writtenAddresses, let owner = live.owner(of: range.start) else { continue }
        for target in operation.targets {
          let dependent = owner.isEmpty ? nil : AtomIdentity?(owner)
          if let atom = leaving.first(where: { $0.range.contains(target) })?.atom {
            conflicts.append(RevertConflict(.refersTo, update: number, atom: atom, dependent: dependent))
          } else if let callee = try clobbers.callee(enteredAt: target),
            try areOfOneUnit(callee, owner)
          {
            conflicts.append(RevertConflict(.reliesOnRegisters, update: number, atom: callee, dependent: dependent))
          }
        }
      }
    }
    return conflicts
  }

  /// Whether one compilation may have made both: where the image does not tell, it may.
  private func areOfOneUnit(_ callee: AtomIdentity, _ caller: AtomIdentity) throws(LinkError) -> Bool {
    if callee == caller { return false }
    guard let one = try unit(of: callee), let other = try unit(of: caller) else { return true }
    return one == other
  }

  private func unit(of atom: AtomIdentity) throws(LinkError) -> String? {
    if let unit = atom.unit { return unit }
    return try fromJournal { () throws(JournalError) in try store.baseSymbols(named: atom.name) }.first?.unit
  }

  /// The bodies of an update that are still the newest, and its cells: what else it placed nobody reaches by itself.
  private func liveBodies(of content: UpdateContent) throws(LinkError) -> LiveRanges {
    var ranges: [(range: AddressRange, atom: AtomIdentity)] = []
    for change in content.atoms {
      guard let after = change.after else { continue }
      let now = try fromJournal { () throws(JournalError) in try store.placement(of: change.atom, at: parent) }
      if now?.placement.body == after.body { ranges.append((after.body, change.atom)) }
    }
    // A cell for a reference holds the address that code of the same update goes by.
    for case .pointer(let pointer) in content.operations where pointer.isFresh {
      guard let range = AddressRange(validating: pointer.cell, byteCount: 8),
        !ranges.contains(where: { $0.range.contains(pointer.cell) }),
        !content.atoms.contains(where: { $0.before?.cell == pointer.cell || $0.after?.cell == pointer.cell })
      else { continue }
      ranges.append((range, AtomIdentity(name: "")))
    }
    return LiveRanges(ranges)
  }
}

/// Ranges that do not overlap, or begin at the same place, and whose they are.
private struct LiveRanges {
  private let ranges: [(range: AddressRange, atom: AtomIdentity)]

  init(_ ranges: [(range: AddressRange, atom: AtomIdentity)]) {
    self.ranges = ranges.sorted { $0.range.start < $1.range.start }
  }

  func owner(of address: VirtualAddress) -> AtomIdentity? {
    let low = ranges.partitioningIndex { $0.range.start > address }
    // Aliases share a body.
    return low > 0 && ranges[low - 1].range.contains(address) ? ranges[low - 1].atom : nil
  }
}

extension AtomIdentity {
  fileprivate var isEmpty: Bool { name.isEmpty }
}

extension Operation {
  /// The addresses that it makes the program go by.
  fileprivate var targets: [VirtualAddress] {
    switch self {
    case .write(let write): write.fixups.map(\.target)
    case .pointer(let pointer): pointer.after.map { [$0] } ?? []
    case .bind, .resize, .map, .protect: []
    }
  }
}
