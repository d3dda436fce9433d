import Addressing
import Journal

/// Compares objects with the image at the parent update and decides what becomes of every piece.
struct Differ {
  private let identities: AtomIdentities
  private let matcher: Matcher
  private let memory: PlacedMemory
  private let shortFunctions: ShortFunctions
  private let unwinding: (any PlacedUnwinding)?
  private var decisions = LinkDecisions()

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, memory: PlacedMemory) {
    self.identities = identities
    self.memory = memory
    unwinding = memory.unwinding()
    matcher = Matcher(identities: identities, memory: memory)
    shortFunctions = ShortFunctions(identities: identities, matcher: matcher, memory: memory)
  }

  /// - Throws: what cannot be linked under a running program, by name; nothing is decided then.
  mutating func decide() throws(LinkError) -> LinkDecisions {
    for id in set.ids where !identities.isAnonymous(id) {
      switch set[id].kind {
      case .code: try decideCode(id)
      case .constant: try decideConstant(id)
      case .variable: try decideVariable(id)
      case .threadLocal: try decideThreadLocal(id)
      case .literal: break
      }
    }
    try refuseNewConstructors()
    try spread()
    for (id, place) in matcher.places where !isChanged(id) && decisions.kept[id] == nil {
      decisions.kept[id] = place
    }
    return decisions
  }

  private func isChanged(_ id: PieceID) -> Bool {
    decisions.changes(id)
  }

  // MARK: Each kind

  private mutating func decideCode(_ id: PieceID) throws(LinkError) {
    if let start = try identities.bodyStart(of: id), try standsWhole(id, at: start),
      try matcher.matches(id, at: start), try hasItsExceptionTables(id, at: start)
    {
      decisions.kept[id] = start
    } else if let start = try placeWithoutStub(id) {
      decisions.inPlace[id] = start
      noteFrames(of: id)
    } else {
      decisions.placed.insert(id)
      try noteMove(of: id)
      for index in set[id].symbols.indices where try shortFunctions.staysBehind(id, symbol: index) {
        decisions.staying.insert(LinkSet.Definition(id: id, symbol: index))
      }
    }
  }

  /// Where a function stands that has no room for an entry stub, if its new body fits there.
  private func placeWithoutStub(_ id: PieceID) throws(LinkError) -> VirtualAddress? {
    guard set[id].symbols.allSatisfy({ $0.isFunction && $0.offset == 0 }), set[id].byteCount < 16,
      let known = try identities.known(id, symbol: 0), known.placement.cell == nil
    else { return nil }
    let room = try StubRoom(directory: identities.directory, memory: memory).room(of: known)
    guard room.stub == nil, set[id].byteCount <= room.byteCount else { return nil }
    return known.placement.body.start
  }

  private mutating func noteFrames(of id: PieceID) {
    guard unwinding != nil else { return }
    for function in set[id].unwinding {
      guard case .frameOnly = function.information.form,
        let symbol = set[id].symbols.first(where: { $0.offset == function.start })
      else { continue }
      decisions.notes.append(LinkNote(kind: .frameUntold, subject: symbol.name))
    }
  }

  private mutating func noteMove(of id: PieceID) throws(LinkError) {
    noteFrames(of: id)
    let functions = set[id].symbols.indices.filter { set[id].symbols[$0].isFunction }
    for index in functions where try identities.isNewVariant(id, symbol: index) {
      decisions.notes.append(LinkNote(kind: .prototypeChanged, subject: set[id].symbols[index].name))
    }
    let note = LinkNote(kind: .sectionIsAtom, subject: set.objects[id.object].path)
    guard Set(functions.map { set[id].symbols[$0].offset }).count > 1, !decisions.notes.contains(note) else { return }
    decisions.notes.append(note)
  }

  /// What runs before main has run in the program already, and would not run there again.
  private func refuseNewConstructors() throws(LinkError) {
    for (index, object) in set.objects.enumerated() {
      for case .entry(let piece, let symbol) in object.constructors {
        let id = PieceID(object: index, piece: piece)
        guard try identities.known(id, symbol: symbol) == nil else { continue }
        throw LinkError(.constructorChanged, object: object.path, symbol: set[id].symbols[symbol].name)
      }
    }
  }

  /// Every function of the piece is the image's, at the distance that the piece gives it, with the size it had.
  private func standsWhole(_ id: PieceID, at start: VirtualAddress) throws(LinkError) -> Bool {
    for (index, symbol) in set[id].symbols.enumerated() where symbol.isFunction {
      guard let atom = try identities.known(id, symbol: index) else { return false }
      let body = atom.placement.body
      guard body.start == start.displaced(by: Int64(bitPattern: symbol.offset)) else {
        guard try shortFunctions.staysBehind(id, symbol: index) else { return false }
        continue
      }
      // What else a derived size spans is padding, or the code of a weak function of which the image has another's. Were it the
      // function's own, the new one, which is whole, could not be the beginning of it and do anything else.
      let spansOthers = memory.hasDerivedSizes && !atom.isPlacedByUpdate && body.byteCount > symbol.byteCount
      guard body.byteCount == symbol.byteCount || symbol.byteCount == 0 || spansOthers else { return false }
    }
    return true
  }

  /// A handler of another type is the same code: the difference is in its table alone.
  private func hasItsExceptionTables(_ id: PieceID, at start: VirtualAddress) throws(LinkError) -> Bool {
    guard let unwinding else { return true }
    for function in set[id].unwinding {
      guard let table = function.exceptionTable else { continue }
      let entry = start.displaced(by: Int64(bitPattern: function.start))
      guard let place = try unwinding.exceptionTable(ofFunctionAt: entry),
        try matcher.matches(PieceID(object: id.object, piece: table), at: place)
      else { return false }
    }
    return true
  }

  private mutating func decideConstant(_ id: PieceID) throws(LinkError) {
    let piece = set[id]
    let symbol = piece.symbols[0]
    guard let atom = try identities.known(id, symbol: 0) else {
      decisions.placed.insert(id)
      return
    }
    let start = atom.placement.body.start.displaced(by: 0 &- Int64(bitPattern: symbol.offset))
    if atom.placement.body.byteCount == symbol.byteCount, try matcher.matches(id, at: start) {
      decisions.kept[id] = start
      return
    }
    guard atom.kind == .constant else {
      throw LinkError(
        .variableKindChanged, object: set.objects[id.object].path, symbol: symbol.name, address: start,
        detail: "it was writable and is read-only now")
    }
    guard symbol.byteCount > atom.placement.capacity else {
      decisions.rewritten[id] = start
      return
    }
    guard symbol.isLocal else {
      throw LinkError(
        .constantGrew, object: set.objects[id.object].path, symbol: symbol.name, address: start,
        detail: "from \(atom.placement.body.byteCount) to \(symbol.byteCount) bytes")
    }
    decisions.placed.insert(id)
    decisions.notes.append(LinkNote(kind: .constantMoved, subject: symbol.name))
  }

  private mutating func decideVariable(_ id: PieceID) throws(LinkError) {
    let piece = set[id]
    // What no symbol names in writable sections is padding.
    guard let symbol = piece.symbols.first else { return }
    guard let atom = try identities.known(id, symbol: 0) else {
      try SplitVariables(identities: identities).refuseForm(id)
      decisions.placed.insert(id)
      return
    }
    let start = atom.placement.body.start.displaced(by: 0 &- Int64(bitPattern: symbol.offset))
    guard atom.placement.body.byteCount == symbol.byteCount else {
      throw LinkError(
        .variableSizeChanged, object: set.objects[id.object].path, symbol: symbol.name, address: start,
        detail: "from \(atom.placement.body.byteCount) to \(symbol.byteCount) bytes")
    }
    guard atom.kind == .variable else {
      throw LinkError(
        .variableKindChanged, object: set.objects[id.object].path, symbol: symbol.name, address: start,
        detail: "it was read-only and is writable now")
    }
    if try matcher.matches(id, at: start) {
      decisions.kept[id] = start
    } else {
      decisions.reinitialized[id] = start
      decisions.notes.append(LinkNote(kind: .firstValueChanged, subject: symbol.name))
    }
  }

  private func decideThreadLocal(_ id: PieceID) throws(LinkError) {
    guard let symbol = set[id].symbols.first else { return }
    let object = set.objects[id.object].path
    guard let atom = try identities.known(id, symbol: 0), atom.threadOffset != nil else {
      if SymbolNaming.isSectionAnchor(symbol.name) {
        throw LinkError(.sectionAnchors, object: object, symbol: symbol.name)
      }
      throw LinkError(.newThreadLocal, object: object, symbol: symbol.name)
    }
    guard atom.placement.body.byteCount == symbol.byteCount else {
      throw LinkError(
        .variableSizeChanged, object: object, symbol: symbol.name,
        detail: "thread-local, from \(atom.placement.body.byteCount) to \(symbol.byteCount) bytes")
    }
  }

  // MARK: What a move entails

  /// A piece that refers to the inside of one that moves must move too (or change in place); a piece that moves needs
  /// its literals and clones: those that stand already where nothing about them changes, new ones else.
  private mutating func spread() throws(LinkError) {
    let referrers = referrersByTarget()
    var queue =
      decisions.placed.sorted() + decisions.inPlace.keys.sorted() + decisions.rewritten.keys.sorted()
      + decisions.reinitialized.keys.sorted()
    var standing = StandingLiterals(identities: identities, memory: memory)
    standing.add(formerBodiesOf: queue)
    while let id = queue.popLast() {
      if decisions.placed.contains(id) {
        for referrer in referrers[id] ?? [] where referrer != id && !isChanged(referrer) {
          guard move(referrer) else { continue }
          queue.append(referrer)
          standing.add(formerBodiesOf: CollectionOfOne(referrer))
        }
      }
      for needed in set[id].targets.indices.compactMap({ target($0, of: id) }) + exceptionTables(of: id) {
        guard identities.isAnonymous(needed), !decisions.placed.contains(needed), matcher.places[needed] == nil,
          decisions.kept[needed] == nil
        else { continue }
        if let place = try standing.place(of: needed) {
          decisions.kept[needed] = place
          continue
        }
        decisions.placed.insert(needed)
        queue.append(needed)
      }
    }
  }

  private func exceptionTables(of id: PieceID) -> [PieceID] {
    guard unwinding != nil, decisions.changes(id) else { return [] }
    return set[id].unwinding.compactMap(\.exceptionTable).map { PieceID(object: id.object, piece: $0) }
  }

  /// Returns whether the referrer changes, which may entail more. An anonymous piece that stands nowhere yet does not:
  /// it is placed if something needs it.
  private mutating func move(_ id: PieceID) -> Bool {
    let isAnonymous = identities.isAnonymous(id)
    guard !isAnonymous || matcher.places[id] != nil else { return false }
    let start = decisions.kept.removeValue(forKey: id)
    switch set[id].kind {
    case .constant where !isAnonymous: decisions.rewritten[id] = start
    case .variable where !isAnonymous: decisions.reinitialized[id] = start
    default: decisions.placed.insert(id)
    }
    return true
  }

  private func target(_ index: Int, of id: PieceID) -> PieceID? {
    let (target, object) = set.target(index, of: id)
    switch target {
    case .entry(let piece, _), .inner(let piece, _): return PieceID(object: object, piece: piece)
    case .external, .absolute, .none: return nil
    }
  }

  /// By target: who refers to a place that a move of the target would change. A function's entry never changes.
  private func referrersByTarget() -> [PieceID: [PieceID]] {
    var result: [PieceID: [PieceID]] = [:]
    for id in set.ids {
      for index in set[id].targets.indices {
        let (target, object) = set.target(index, of: id)
        switch target {
        case .inner(let piece, _): result[PieceID(object: object, piece: piece), default: []].append(id)
        case .entry(let piece, let symbol):
          let target = PieceID(object: object, piece: piece)
          // A clone has no entry of its own, even where it stands among others in one section.
          if identities.isAnonymous(target) || SymbolNaming.isClone(set[target].symbols[symbol].name) {
            result[target, default: []].append(id)
          }
        case .external, .absolute, .none: break
        }
      }
    }
    return result
  }
}
