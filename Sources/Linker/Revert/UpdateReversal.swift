import Addressing
public import Journal
import ObjectFile

/// Makes the update that takes an earlier one back and keeps those after it.
///
/// What the update overwrote gets back what stood there: the words of cells, entry stubs, constants, first values. What it
/// placed in the arena stays there, as it does when a process is rolled back; so do entries of the loader's tables, which lead
/// nowhere else. Room is not used again. Its types stay known: a later update may hold values of them.
public struct UpdateReversal {
  private let store: JournalStore
  private let parent: Digest
  private let tables: ImageTables

  /// - Parameter parent: the digest of the update that the new one follows.
  /// - Throws: `LinkError` where the journal's updates are not linked ones.
  public init(store: JournalStore, parent: Digest) throws(LinkError) {
    guard store.base.isPrepared else {
      throw LinkError(
        .observedJournal, object: store.path, detail: "its updates are taken back by its compiler, from the source")
    }
    self.store = store
    self.parent = parent
    tables = try ImageTables(store.base)
  }

  /// The content of the new update. The journal is only read.
  ///
  /// - Parameters:
  ///   - number: the update to take back.
  ///   - later: the updates from there to the parent (`JournalStore.numbers(after:upTo:)`).
  /// - Throws: `.revertConflict` with all that stands in the way.
  public func revert(
    _ number: UpdateNumber, keeping later: [UpdateNumber], _ description: IncrementalLinker.Description
  ) throws(LinkError) -> UpdateContent {
    try store.whileReading { () throws(LinkError) in
      let update = try fromJournal { () throws(JournalError) in try store.update(number) }
      return try revert(update, keeping: later, description)
    }
  }

  /// The same for the updates after one up to another, all at once: what they changed and changed back is in nobody's way.
  ///
  /// - Parameter later: the updates from the range's end to the parent.
  public func revert(
    _ range: ShortcutRange, keeping later: [UpdateNumber], _ description: IncrementalLinker.Description
  ) throws(LinkError) -> UpdateContent {
    try store.whileReading { () throws(LinkError) in
      let draft = try fromJournal { () throws(JournalError) in try store.shortcutDraft(range) }
      return try revert(draft.step.takenBackAsOne, keeping: later, description)
    }
  }

  private func revert(
    _ update: Update, keeping later: [UpdateNumber], _ description: IncrementalLinker.Description
  ) throws(LinkError) -> UpdateContent {
    let memory = PlacedMemory(store: store, parent: parent, tables: tables)
    let conflicts = try RevertConflicts(
      update: update, later: later, store: store, parent: parent, memory: memory,
      former: PlacedMemory(store: store, parent: update.digest, tables: tables),
      original: PlacedMemory(store: store, parent: update.parent, tables: tables)
    ).all()
    guard conflicts.isEmpty else {
      throw LinkError(
        .revertConflict, detail: conflicts.map(\.description).joined(separator: "; "), conflicts: conflicts)
    }
    return try content(of: update, description)
  }

  private func content(
    of update: Update, _ description: IncrementalLinker.Description
  ) throws(LinkError) -> UpdateContent {
    var cursors = try fromJournal { () throws(JournalError) in try store.cursors() }
    let loader = try tables.loaderRecords(store: store, parent: parent, cursors: cursors)
    var operations = ReversedOperations(loader: loader, draft: UpdateDraft(base: store.base))
    try operations.add(update.content.operations)
    for change in update.content.atoms where change.isReverted {
      operations.draft.add(try reversed(change, of: update, operations.indexes))
    }
    for wanted in guards(of: update.content) { operations.draft.add(wanted) }
    operations.loader.advance(&cursors)
    let (steps, atoms, guards) = operations.draft.finished()
    guard !steps.isEmpty || !atoms.isEmpty else { throw LinkError(.nothingToRevert, detail: "update \(update.number)") }
    return UpdateContent(
      time: description.time, author: description.author, message: description.message,
      sourceRevision: description.sourceRevision, operations: steps, atoms: atoms, guards: guards, cursors: cursors,
      sources: try RevertedLines(store: store, parent: update.parent).map(of: atoms))
  }

  // MARK: Atoms

  private func reversed(
    _ change: AtomChange, of update: Update, _ indexes: [Int: Int]
  ) throws(LinkError) -> AtomChange {
    let kind: AtomChange.Kind =
      switch change.change {
      case .added: .removed
      case .removed: .added
      case .moved: .moved
      case .rewritten: .rewritten
      }
    return AtomChange(
      atom: change.atom, atomKind: change.atomKind, change: kind, before: change.after, after: change.before,
      operations: change.operations.compactMap { indexes[$0] }.sorted(),
      typeDigest: try change.before.flatMap { (place) throws(LinkError) in
        try typeDigest(of: change.atom, at: place, before: update)
      },
      definer: change.before == nil
        ? nil : try AtomDirectory(store: store, parent: update.parent).placed(change.atom)?.definer)
  }

  /// What the atom's type was before the update: a later edit is compared with it.
  private func typeDigest(
    of atom: AtomIdentity, at place: Placement, before update: Update
  ) throws(LinkError) -> String? {
    let directory = AtomDirectory(store: store, parent: update.parent)
    if let placed = try directory.placed(atom), placed.update != .base { return placed.typeDigest }
    // The compiler numbers static locals: `n.0` is the base image's name for `n`.
    return try directory.baseSymbols(overlapping: place.body).first { symbol in
      symbol.address == place.body.start && (symbol.name == atom.name || symbol.name.hasPrefix(atom.name + "."))
    }?.typeDigest
  }

  // MARK: Guards

  /// The way forward is the update's way back. Callers that were compiled with it rely on its registers.
  private func guards(of content: UpdateContent) -> [Guard] {
    var guards = content.guards.map { wanted in
      var turned = wanted
      switch wanted.direction {
      case .both: break
      case .forward: turned.direction = .backward
      case .backward: turned.direction = .forward
      }
      return turned
    }
    let callers = Set(content.guards.lazy.filter { $0.reason == .interproceduralRegisters }.map(\.function))
    for change in content.atoms where change.atomKind == .function && callers.contains(change.atom.name) {
      guard change.change == .moved, let body = change.after?.body else { continue }
      guards.append(
        Guard(
          range: body, reach: .whole, reason: .interproceduralRegisters, direction: .forward,
          function: change.atom.name))
    }
    return guards
  }
}

extension AtomChange {
  /// What is known by its place or content alone, and what leads to other images, is of use to later updates as well, and
  /// nobody's without them: it stays.
  var isReverted: Bool { atomKind != .importStub && !(atom.variant?.hasPrefix("at ") ?? false) }
}

extension Update {
  /// What a net step overwrote in room that came into use with itself goes with the room, and what it left as it was is not told.
  fileprivate var takenBackAsOne: Update {
    var update = self
    let rooms = RoomIndex(content.operations.filter(\.isOfOwnRoom).compactMap(\.writtenAddresses))
    for index in content.operations.indices {
      guard let range = content.operations[index].writtenAddresses, rooms.holds(range) else { continue }
      update.content.operations[index].setFresh()
    }
    update.content.atoms = update.content.atoms.filter { change in
      change.before != change.after
        || change.operations.contains {
          update.content.operations[$0].isReverted && update.content.operations[$0].isEdit
        }
    }
    return update
  }
}

/// For questions about which of many ranges holds another.
private struct RoomIndex {
  /// Ascending by start; each with the largest end of those up to it.
  private let ranges: [(start: VirtualAddress, reach: VirtualAddress)]

  init(_ ranges: [AddressRange]) {
    var reach = VirtualAddress(0)
    self.ranges = ranges.sorted { $0.start < $1.start }.map { range in
      reach = max(reach, range.end)
      return (range.start, reach)
    }
  }

  func holds(_ range: AddressRange) -> Bool {
    let low = ranges.partitioningIndex { $0.start > range.start }
    return low > 0 && ranges[low - 1].reach >= range.end
  }
}

extension Operation {
  /// Whether it brought the room that it writes into use.
  fileprivate var isOfOwnRoom: Bool {
    switch self {
    case .write(let write): write.isFresh
    case .pointer(let pointer): pointer.isFresh
    case .bind(let bind): bind.isFresh
    case .resize, .map, .protect: false
    }
  }

  fileprivate mutating func setFresh() {
    switch self {
    case .write(var write):
      write.isFresh = true
      self = .write(write)
    case .pointer(var pointer):
      pointer.isFresh = true
      self = .pointer(pointer)
    case .bind(var bind):
      bind.isFresh = true
      self = .bind(bind)
    case .resize, .map, .protect: break
    }
  }

  /// Whether it leaves anything else than it finds.
  fileprivate var isEdit: Bool {
    switch self {
    case .write(let write): write.before != write.after
    case .pointer(let pointer): pointer.before != pointer.after
    case .bind(let bind): bind.before != bind.after
    case .resize, .map, .protect: false
    }
  }
}
