import Addressing
import Journal

/// The numbered static locals of one object (`n.0`, `n.1`), matched with the image's by the functions that refer to
/// them on both sides.
struct StaticLocals {
  private(set) var known: [PieceID: KnownAtom] = [:]
  /// The functions of the object that refer to each, and the one that debug information says declares it.
  private var referrers: [PieceID: Set<String>] = [:]
  /// What tells those apart that the image does not have yet.
  private(set) var newIdentities: [PieceID: (function: String?, variant: String?)] = [:]

  private struct Candidate {
    let atom: KnownAtom
    let referrers: Set<String>
  }

  init(
    _ numbered: [PieceID], set: LinkSet, types: ObjectTypes, unit: String, ordinal: UInt32, directory: AtomDirectory,
    memory: PlacedMemory
  ) throws(LinkError) {
    guard let object = numbered.first?.object else { return }
    referrers = Self.referrers(of: numbered, in: set.objects[object])
    var declaring: [PieceID: String] = [:]
    for id in numbered {
      guard let symbol = set[id].symbols.first, let name = types.enclosingFunction(of: symbol, in: set[id]) else {
        continue
      }
      declaring[id] = name
      referrers[id, default: []].insert(name)
    }
    let references = try Self.references(
      ofFunctions: referrers.values.reduce(into: Set()) { $0.formUnion($1) }, unit: unit, ordinal: ordinal,
      directory: directory, memory: memory)
    let locals = try directory.baseLocals(unit: unit, ordinal: ordinal)
    let namesOfStem = Dictionary(grouping: locals.keys.filter { SymbolNaming.stem($0).isNumbered }) {
      SymbolNaming.stem($0).stem
    }
    for (stem, ids) in Dictionary(grouping: numbered, by: { SymbolNaming.stem(set[$0].name).stem }) {
      let symbols = (namesOfStem[stem] ?? []).sorted().flatMap { locals[$0] ?? [] }
      let candidates = try Self.candidates(stem, unit, ordinal, symbols, references, directory)
      try match(ids.sorted(), with: candidates, in: set)
      name(ids.sorted().filter { known[$0] == nil }, declaring)
    }
  }

  /// Several of one name in one function (nested blocks) are told apart by their order.
  private mutating func name(_ new: [PieceID], _ declaring: [PieceID: String]) {
    var counts: [String?: Int] = [:]
    for id in new {
      let function = declaring[id] ?? referrers[id]?.sorted().first
      counts[function, default: 0] += 1
      let count = counts[function, default: 0]
      newIdentities[id] = (function, count > 1 ? "block \(count)" : nil)
    }
  }

  private static func referrers(of ids: [PieceID], in object: ObjectGraph) -> [PieceID: Set<String>] {
    let wanted = Set(ids.map(\.piece))
    var result: [PieceID: Set<String>] = [:]
    for piece in object.pieces where piece.kind == .code {
      for (relocation, target) in zip(piece.relocations, piece.targets) {
        guard case .inner(let variable, _) = target, wanted.contains(variable),
          let function = piece.symbol(at: UInt64(relocation.offset))
        else { continue }
        result[PieceID(object: ids[0].object, piece: variable), default: []].insert(functionName(function.name))
      }
    }
    return result
  }

  /// The source function: without what the compiler appends to its clones.
  private static func functionName(_ name: String) -> String {
    SymbolNaming.isClone(name) ? String(name.prefix { $0 != "." }) : name
  }

  /// What the image's present bodies of these functions, and of their clones, refer to.
  private static func references(
    ofFunctions names: Set<String>, unit: String, ordinal: UInt32, directory: AtomDirectory, memory: PlacedMemory
  ) throws(LinkError) -> ImageReferences {
    var bodies: [(String, AddressRange)] = []
    let locals = try directory.baseLocals(unit: unit, ordinal: ordinal)
    for name in names.sorted() {
      var atom = try directory.local(named: name, unit: unit, ordinal: ordinal)
      if atom == nil { atom = try directory.global(named: name) }
      if let atom { bodies.append((name, atom.placement.body)) }
    }
    for symbol in locals.values.joined() where symbol.kind == .function && SymbolNaming.isClone(symbol.name) {
      let name = functionName(symbol.name)
      guard names.contains(name), let range = AddressRange(validating: symbol.address, byteCount: symbol.byteCount)
      else { continue }
      bodies.append((name, range))
    }
    let disassembler = Disassembler(memory.machine.architecture)
    var result: [(target: VirtualAddress, function: String)] = []
    for (name, range) in bodies {
      let code = try memory.bytes(range)
      result += try disassembler.decode(code, at: range.start).references.map { ($0.target, name) }
    }
    return ImageReferences(result)
  }

  private static func candidates(
    _ stem: String, _ unit: String, _ ordinal: UInt32, _ symbols: [BaseSymbol], _ references: ImageReferences,
    _ directory: AtomDirectory
  ) throws(LinkError) -> [Candidate] {
    let placed = try directory.placements(named: stem).filter {
      $0.identity.unit == unit && $0.identity.unitOrdinal == ordinal && $0.identity.enclosingFunction != nil
    }
    var result = placed.map { Candidate(atom: KnownAtom($0), referrers: [$0.identity.enclosingFunction ?? ""]) }
    let taken = Set(placed.map(\.placement.body.start))
    for symbol in symbols {
      guard var atom = try directory.atom(symbol), atom.kind == .variable, !taken.contains(atom.placement.body.start)
      else { continue }
      let referrers = references.functions(referringTo: atom.placement.body)
      atom.identity.name = stem
      atom.identity.enclosingFunction = referrers.sorted().first
      result.append(Candidate(atom: atom, referrers: referrers))
    }
    return result
  }

  /// Every piece takes the one candidate that shares most referrers with it. Two of the same function (nested blocks)
  /// follow their order; what stays ambiguous is refused, for a wrong guess would give a variable another's value.
  private mutating func match(_ ids: [PieceID], with candidates: [Candidate], in set: LinkSet) throws(LinkError) {
    var taken: [AtomIdentity: PieceID] = [:]
    var positions: [String: [Int]] = [:]
    for (position, candidate) in candidates.enumerated() {
      for name in candidate.referrers { positions[name, default: []].append(position) }
    }
    for (names, group) in Dictionary(grouping: ids, by: { referrers[$0] ?? [] }) {
      let fitting = Set(names.flatMap { positions[$0] ?? [] }).sorted().map { candidates[$0] }
      let best = fitting.map { $0.referrers.intersection(names).count }.max() ?? 0
      let chosen = fitting.filter { $0.referrers.intersection(names).count == best }
      guard !chosen.isEmpty else { continue }
      let name = set[group[0]].name
      guard chosen.count == group.count || (group.count == 1 && chosen.count == 1) else {
        throw LinkError(
          .ambiguousLocal, symbol: name,
          detail:
            "\(group.count) static locals of \(names.sorted().joined(separator: ", ")) and \(chosen.count) in the image"
        )
      }
      for (position, (id, candidate)) in zip(group.sorted(), chosen.sorted { Self.order($0, $1) }).enumerated() {
        var atom = candidate.atom
        if position > 0, !atom.isPlacedByUpdate { atom.identity.variant = "block \(position + 1)" }
        known[id] = atom
        guard taken.updateValue(id, forKey: atom.identity) == nil else {
          throw LinkError(.ambiguousLocal, symbol: name, detail: "two static locals fit the same variable of the image")
        }
      }
    }
  }

  private static func order(_ lhs: Candidate, _ rhs: Candidate) -> Bool {
    lhs.atom.placement.body.start < rhs.atom.placement.body.start
  }
}

/// What some of the image's functions refer to.
private struct ImageReferences {
  /// By target, ascending.
  private let sorted: [(target: VirtualAddress, function: String)]

  init(_ references: [(target: VirtualAddress, function: String)]) {
    sorted = references.sorted { $0.target < $1.target }
  }

  func functions(referringTo range: AddressRange) -> Set<String> {
    let low = sorted.partitioningIndex { $0.target >= range.start }
    return Set(sorted[low...].prefix { range.contains($0.target) }.map(\.function))
  }
}
