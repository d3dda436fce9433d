/// A piece of one of the objects that are linked together.
struct PieceID: Hashable, Comparable {
  /// Index into `LinkSet.objects`.
  let object: Int
  /// Index into `ObjectGraph.pieces`.
  let piece: Int

  static func < (lhs: Self, rhs: Self) -> Bool { (lhs.object, lhs.piece) < (rhs.object, rhs.piece) }
}

/// The object files of one update, which may refer to each other.
struct LinkSet {
  private(set) var objects: [ObjectGraph]
  /// Global names to the piece and symbol that define them; the first definition of a weak one, as linkers take it.
  private var definitions: [String: Definition]

  struct Definition: Hashable {
    let id: PieceID
    let symbol: Int
  }

  init(_ objects: [ObjectGraph]) throws(LinkError) {
    var definitions: [String: Definition] = [:]
    for (index, object) in objects.enumerated() {
      for (name, place) in object.definitions {
        let definition = Definition(id: PieceID(object: index, piece: place.piece), symbol: place.symbol)
        guard let other = definitions[name] else {
          definitions[name] = definition
          continue
        }
        let isWeak = object.pieces[place.piece].symbols[place.symbol].isWeak
        let otherObject = objects[other.id.object]
        let otherIsWeak = otherObject.pieces[other.id.piece].symbols[other.symbol].isWeak
        guard isWeak || otherIsWeak else {
          throw LinkError(
            .duplicateDefinition, object: object.path, symbol: name, detail: "\(otherObject.path) defines it too")
        }
        if otherIsWeak, !isWeak { definitions[name] = definition }
      }
    }
    self.objects = objects
    self.definitions = definitions
  }

  subscript(_ id: PieceID) -> ObjectPiece { objects[id.object].pieces[id.piece] }

  mutating func detour(_ id: PieceID, relocation: Int, to name: String) {
    objects[id.object].pieces[id.piece].detour(relocation: relocation, to: name)
  }

  /// Makes a piece of one symbol shorter.
  mutating func trim(_ id: PieceID, to byteCount: UInt64) {
    objects[id.object].pieces[id.piece].trim(to: byteCount)
  }

  func definition(of name: String) -> Definition? { definitions[name] }

  /// Takes away the weak definitions for which `isOverridden`, and those that another object of the set wins over.
  mutating func removeOverridden(
    _ isOverridden: (PieceSymbol, PieceID) throws(LinkError) -> Bool
  ) throws(LinkError) {
    var lost: [Int: [Int: Set<Int>]] = [:]
    for id in ids {
      for (index, symbol) in self[id].symbols.enumerated() where symbol.isWeak {
        if definitions[symbol.name] == Definition(id: id, symbol: index), try !isOverridden(symbol, id) { continue }
        lost[id.object, default: [:]][id.piece, default: []].insert(index)
      }
    }
    definitions = definitions.compactMapValues { place in
      guard let gone = lost[place.id.object]?[place.id.piece] else { return place }
      guard !gone.contains(place.symbol) else { return nil }
      return Definition(id: place.id, symbol: place.symbol - gone.count { $0 < place.symbol })
    }
    for (object, symbols) in lost { objects[object].removeSymbols(symbols) }
  }

  var ids: [PieceID] {
    objects.indices.flatMap { object in
      objects[object].pieces.indices.map { PieceID(object: object, piece: $0) }
    }
  }

  /// What the objects define or refer to by name; of these, what other files see.
  var names: (all: Set<String>, globals: Set<String>) {
    var all: Set<String> = []
    var globals: Set<String> = []
    for piece in objects.lazy.flatMap(\.pieces) {
      for symbol in piece.symbols {
        all.insert(symbol.name)
        if !symbol.isLocal { globals.insert(symbol.name) }
      }
      for case .external(let name, _) in piece.targets { globals.insert(name) }
    }
    return (all.union(globals), globals)
  }

  /// The target with references to names that another object of the set defines led to that object's piece.
  func target(_ index: Int, of id: PieceID) -> (target: ReferenceTarget, object: Int) {
    let target = self[id].targets[index]
    guard case .external(let name, _) = target, let definition = definitions[name] else { return (target, id.object) }
    let piece = self[definition.id]
    let symbol = piece.symbols[definition.symbol]
    guard piece.kind == .code else {
      return (.inner(piece: definition.id.piece, offset: symbol.offset), definition.id.object)
    }
    return (.entry(piece: definition.id.piece, symbol: definition.symbol), definition.id.object)
  }

  /// For messages: what the object calls a symbol of its table.
  func name(ofSymbol index: Int, in id: PieceID) -> String? {
    if let relocation = self[id].relocations.firstIndex(where: { $0.symbol == index }) {
      switch self[id].targets[relocation] {
      case .external(let name, _): return name
      case .entry(let piece, let symbol): return objects[id.object].pieces[piece].symbols[symbol].name
      case .inner(let piece, _): return objects[id.object].pieces[piece].name
      case .absolute, .none: return nil
      }
    }
    return nil
  }

  /// What to add to the place of the target (a function's entry where `symbol` is given, else the piece's start) to
  /// get the relocation's symbol value S.
  func anchor(_ index: Int, of id: PieceID, target: PieceID, symbol: Int?) -> Int64 {
    let piece = self[target]
    let symbolOffset = symbol.map { piece.symbols[$0].offset } ?? 0
    if case .external(let name, _) = self[id].targets[index] {
      guard symbol == nil, let definition = definitions[name] else { return 0 }
      return Int64(bitPattern: piece.symbols[definition.symbol].offset)
    }
    return Int64(bitPattern: self[id].anchors[index] &- piece.start &- symbolOffset)
  }
}
