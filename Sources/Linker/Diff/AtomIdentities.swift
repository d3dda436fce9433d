import Addressing
import Journal

/// Tells which atom of the image each named piece of the objects is.
///
/// Functions, constants and file-level variables are known by name and unit. A static local is known by the functions
/// that refer to it, for its number changes when another is inserted (`n.0`, `n.1`).
final class AtomIdentities {
  let set: LinkSet
  let directory: AtomDirectory
  private let memory: PlacedMemory
  private var ordinals: [Int: UInt32] = [:]
  private var bodyStarts: [PieceID: VirtualAddress?] = [:]
  private var statics: [Int: StaticLocals] = [:]

  private let types: [ObjectTypes]

  /// - Parameter types: one for each object of the set.
  init(set: LinkSet, types: [ObjectTypes], directory: AtomDirectory, memory: PlacedMemory) {
    self.set = set
    self.types = types
    self.directory = directory
    self.memory = memory
  }

  /// The atom that the base image or an update has for a symbol; nil for a new one, and for those that are known by
  /// content alone (literals, clones, numbered constants).
  ///
  /// A function of another type than before is a new atom: callers that were not compiled anew go on with the old one.
  func known(_ id: PieceID, symbol index: Int) throws(LinkError) -> KnownAtom? {
    guard let found = try namesake(id, symbol: index) else { return nil }
    guard found.kind == .function, let type = typeDigest(id, symbol: index), let former = found.typeDigest,
      type != former
    else { return found }
    return try variant(of: found.identity, type: type)
  }

  /// Whether the image has a function of that name but of another type.
  func isNewVariant(_ id: PieceID, symbol index: Int) throws(LinkError) -> Bool {
    guard set[id].symbols[index].isFunction, try known(id, symbol: index) == nil else { return false }
    return try namesake(id, symbol: index) != nil
  }

  private func variant(of identity: AtomIdentity, type: String) throws(LinkError) -> KnownAtom? {
    let placed = try directory.placements(named: identity.name).filter {
      $0.identity.unit == identity.unit && $0.identity.unitOrdinal == identity.unitOrdinal && $0.typeDigest == type
    }
    if let newest = placed.max(by: { $0.update < $1.update }) { return KnownAtom(newest) }
    let base = try directory.base(identity)
    return base?.typeDigest == type ? base : nil
  }

  func typeDigest(_ id: PieceID, symbol index: Int) -> String? {
    types[id.object].digest(of: set[id].symbols[index], in: set[id])
  }

  /// What a reference of an object to a name means that it does not define, or of which only the image has the descriptor.
  func named(_ name: String, from object: Int) throws(LinkError) -> KnownAtom? {
    if let atom = try directory.global(named: name) { return atom }
    guard set.objects[object].threadLocalNames.contains(name) else { return nil }
    return try directory.local(named: name, unit: set.objects[object].unit, ordinal: ordinal(of: object))
  }

  private func namesake(_ id: PieceID, symbol index: Int) throws(LinkError) -> KnownAtom? {
    guard let found = try sameName(id, symbol: index) else { return nil }
    return try DerivedSizes(memory: memory).fitted(found, to: set[id].symbols[index])
  }

  private func sameName(_ id: PieceID, symbol index: Int) throws(LinkError) -> KnownAtom? {
    let piece = set[id]
    let symbol = piece.symbols[index]
    guard symbol.isLocal else { return try directory.global(named: symbol.name) }
    if isStaticLocal(symbol.name, in: id) { return try staticLocals(of: id.object).known[id] }
    let unit = set.objects[id.object].unit
    return try directory.local(named: symbol.name, unit: unit, ordinal: ordinal(of: id.object))
  }

  /// The identity under which the journal keeps a symbol's atom.
  func identity(_ id: PieceID, symbol index: Int) throws(LinkError) -> AtomIdentity {
    let symbol = set[id].symbols[index]
    let unit = set.objects[id.object].unit
    if isAnonymous(id) {
      return AtomIdentity(name: symbol.name, unit: unit, unitOrdinal: try ordinal(of: id.object))
    }
    if let known = try known(id, symbol: index) { return known.identity }
    let variant = try isNewVariant(id, symbol: index) ? typeDigest(id, symbol: index) : nil
    guard symbol.isLocal else { return AtomIdentity(name: symbol.name, variant: variant) }
    var identity = AtomIdentity(
      name: symbol.name, unit: unit, unitOrdinal: try ordinal(of: id.object), variant: variant)
    if isStaticLocal(symbol.name, in: id) {
      identity.name = SymbolNaming.stem(symbol.name).stem
      let new = try staticLocals(of: id.object).newIdentities[id]
      identity.enclosingFunction = new?.function
      identity.variant = new?.variant
    }
    return identity
  }

  /// Known by content and not by name.
  func isAnonymous(_ id: PieceID) -> Bool {
    let piece = set[id]
    switch piece.kind {
    case .literal: return true
    case .code: return piece.symbols.isEmpty || piece.symbols.allSatisfy { SymbolNaming.isClone($0.name) }
    case .constant:
      return holdsCodePlaces(id)
        || piece.symbols.allSatisfy { $0.isLocal && SymbolNaming.isAnonymousConstant($0.name) }
    case .variable: return holdsCodePlaces(id)
    case .threadLocal: return false
    }
  }

  /// A table of labels inside a function (`&&label`): it belongs to one body, and a new body needs its own, for
  /// threads in the old one still go by the old table.
  private func holdsCodePlaces(_ id: PieceID) -> Bool {
    set[id].targets.contains { target in
      guard case .inner(let piece, _) = target else { return false }
      return set.objects[id.object].pieces[piece].kind == .code
    }
  }

  /// Where the present body of a code piece starts; nil for a new one.
  func bodyStart(of id: PieceID) throws(LinkError) -> VirtualAddress? {
    if let known = bodyStarts[id] { return known }
    let start = try findBodyStart(of: id)
    bodyStarts[id] = .some(start)
    return start
  }

  private func findBodyStart(of id: PieceID) throws(LinkError) -> VirtualAddress? {
    let functions = set[id].symbols.indices.filter { set[id].symbols[$0].isFunction }
    guard var first = functions.first, var atom = try known(id, symbol: first) else { return nil }
    // One without a cell may have stayed behind when its section moved.
    if atom.placement.cell == nil {
      for other in functions.dropFirst() {
        guard let moved = try known(id, symbol: other), moved.placement.cell != nil else { continue }
        (first, atom) = (other, moved)
        break
      }
    }
    return atom.placement.body.start.displaced(by: 0 &- Int64(bitPattern: set[id].symbols[first].offset))
  }

  /// GCC's `n.0`; clang writes the function before the name (`f.n`), which makes it a name like any other.
  private func isStaticLocal(_ name: String, in id: PieceID) -> Bool {
    let piece = set[id]
    guard piece.kind == .variable || piece.kind == .threadLocal else { return false }
    return SymbolNaming.stem(name).isNumbered
      && SymbolNaming.enclosingFunction(of: name, functions: set.objects[id.object].functionNames) == nil
  }

  // MARK: Units

  /// Which of the base image's units of that name an object is.
  func ordinal(of object: Int) throws(LinkError) -> UInt32 {
    if let known = ordinals[object] { return known }
    let graph = set.objects[object]
    let candidates = try directory.unitOrdinals(named: graph.unit)
    let chosen = try candidates.count <= 1 ? candidates.first ?? 0 : best(of: candidates, for: graph)
    ordinals[object] = chosen
    return chosen
  }

  /// The unit whose locals the image's own functions refer to as the object's do; where that does not tell, the one
  /// that has most of the object's local names, with their sizes.
  private func best(of candidates: [UInt32], for graph: ObjectGraph) throws(LinkError) -> UInt32 {
    let locals = graph.pieces.flatMap(\.symbols).filter(\.isLocal)
    let places = try referencesOfGlobals(of: graph)
    var scores: [(score: (Int, Int), ordinal: UInt32)] = []
    for ordinal in candidates {
      let symbols = try directory.baseLocals(unit: graph.unit, ordinal: ordinal)
      let referred = Set(locals.map(\.name)).filter { symbols[$0]?.contains { places.contains($0.address) } ?? false }
      let score = locals.reduce(0) { sum, local in
        guard let same = symbols[local.name] else { return sum }
        return sum + (same.contains { $0.byteCount == local.byteCount } ? 2 : 1)
      }
      scores.append(((referred.count, score), ordinal))
    }
    scores.sort { $0.score > $1.score }
    guard locals.isEmpty || scores[0].score > scores[1].score else {
      throw LinkError(
        .ambiguousLocal, object: graph.path, symbol: graph.unit,
        detail: "\(candidates.count) units of the image bear that name and fit equally well")
    }
    return scores[0].ordinal
  }

  /// What the image's bodies of the object's global functions refer to: a name of the whole image leads to its unit.
  private func referencesOfGlobals(of graph: ObjectGraph) throws(LinkError) -> Set<VirtualAddress> {
    let disassembler = Disassembler(memory.machine.architecture)
    var places: Set<VirtualAddress> = []
    for symbol in graph.pieces.flatMap(\.symbols) where symbol.isFunction && !symbol.isLocal && !symbol.isWeak {
      guard let body = try directory.base(AtomIdentity(name: symbol.name))?.placement.body else { continue }
      let code = try fromJournal { () throws(JournalError) in try directory.store.baseBytes(body) }
      places.formUnion(try disassembler.decode(code, at: body.start).references.map(\.target))
    }
    return places
  }

  /// The unit whose object of the set defines what other files see; weak definitions are any unit's.
  func definer(of change: AtomChange) throws(LinkError) -> CompilationUnit? {
    guard change.atom.unit == nil, change.change != .removed, change.atomKind != .importStub,
      let definition = set.definition(of: change.atom.name), !set[definition.id].symbols[definition.symbol].isWeak
    else { return nil }
    let object = definition.id.object
    let unit = set.objects[object].unit
    return unit.isEmpty ? nil : CompilationUnit(name: unit, ordinal: try ordinal(of: object))
  }

  private func staticLocals(of object: Int) throws(LinkError) -> StaticLocals {
    if let known = statics[object] { return known }
    let pieces = set.objects[object].pieces.indices.map { PieceID(object: object, piece: $0) }
    let numbered = pieces.filter { id in set[id].symbols.first.map { isStaticLocal($0.name, in: id) } ?? false }
    let found = try StaticLocals(
      numbered, set: set, types: types[object], unit: set.objects[object].unit, ordinal: ordinal(of: object),
      directory: directory,
      memory: memory)
    statics[object] = found
    return found
  }
}
