import Addressing
import ObjectFile

/// An object file as pieces and the edges between them.
///
/// Reads the file once and never changes afterwards; nothing in it knows of an image or a journal.
struct ObjectGraph {
  let path: String
  /// The `STT_FILE` symbol: the compilation unit's name. Empty where the object has none (assembly).
  let unit: String
  /// Which compilers made it, and with which options.
  let facts: CompilerFacts
  var pieces: [ObjectPiece]
  /// Pieces that define a global symbol of that name.
  let definitions: [String: (piece: Int, symbol: Int)]

  /// Thread-local variables whose descriptors must be the image's.
  let threadLocalNames: Set<String>

  /// What `.init_array` and its like lead to.
  private(set) var constructors: [ReferenceTarget]

  /// The names of the functions that the object defines, those among them of which the linker took another file's definition.
  let functionNames: Set<String>

  /// The offsets at which each piece is referred to, ascending.
  private let referencedOffsets: [Int: [UInt64]]

  /// Where the part of a piece ends that a reference to `offset` means: at the next place referred to.
  func extent(of piece: Int, from offset: UInt64) -> UInt64 {
    referencedOffsets[piece]?.first { $0 > offset } ?? pieces[piece].byteCount
  }

  /// - Parameters:
  ///   - machine: that of the image.
  ///   - producers: what debug information says of the compilers.
  init(_ file: ELFFile, path: String, machine: any Machine, producers: [String]) throws(LinkError) {
    try self.init(path: path, machine: machine, producers: producers) {
      try ELFObjectSource(file, path: path, machine: machine)
    }
  }

  /// The same of a Mach-O object, which does not name its unit.
  init(_ file: MachOFile, path: String, machine: any Machine, unit: String = "") throws(LinkError) {
    try self.init(path: path, machine: machine, producers: []) {
      try MachOObjectSource(file, path: path, machine: machine, unit: unit)
    }
  }

  private init(
    path: String, machine: any Machine, producers: [String], source: () throws -> any ObjectSource
  ) throws(LinkError) {
    do {
      let source = try source()
      let facts = CompilerFacts(try source.producers() + producers)
      var reader = ObjectReader(source, path: path, machine: machine, facts: facts)
      try reader.readPieces()
      try reader.readRelocations()
      self.path = path
      unit = source.unit
      self.facts = facts
      threadLocalNames = try source.threadLocalNames()
      constructors = try reader.constructors()
      pieces = reader.pieces
      functionNames = Set(reader.pieces.lazy.flatMap(\.symbols).filter(\.isFunction).map(\.name))
      definitions = try Self.definitions(in: reader.pieces, path: path)
      referencedOffsets = Self.referencedOffsets(in: reader.pieces)
    } catch let error as LinkError {
      throw error
    } catch {
      throw LinkError(.unreadableObject, object: path, cause: error)
    }
  }

  /// Takes symbols from their pieces: the linker took another file's definitions.
  ///
  /// - Parameter lost: their indices, by piece.
  mutating func removeSymbols(_ lost: [Int: Set<Int>]) {
    guard !lost.isEmpty else { return }
    let before = pieces
    func moved(_ target: ReferenceTarget) -> ReferenceTarget {
      guard case .entry(let piece, let symbol) = target, let gone = lost[piece] else { return target }
      guard !gone.contains(symbol) else { return .inner(piece: piece, offset: before[piece].symbols[symbol].offset) }
      return .entry(piece: piece, symbol: symbol - gone.count { $0 < symbol })
    }
    for index in pieces.indices { pieces[index].targets = before[index].targets.map(moved) }
    constructors = constructors.map(moved)
    for (piece, gone) in lost {
      pieces[piece].symbols = before[piece].symbols.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
    }
  }

  private static func referencedOffsets(in pieces: [ObjectPiece]) -> [Int: [UInt64]] {
    var offsets: [Int: Set<UInt64>] = [:]
    for case .inner(let piece, let offset?) in pieces.lazy.flatMap(\.targets) {
      offsets[piece, default: []].insert(offset)
    }
    return offsets.mapValues { $0.sorted() }
  }

  private static func definitions(
    in pieces: [ObjectPiece], path: String
  ) throws(LinkError) -> [String: (piece: Int, symbol: Int)] {
    var result: [String: (piece: Int, symbol: Int)] = [:]
    for piece in pieces {
      for (index, symbol) in piece.symbols.enumerated() where !symbol.isLocal {
        guard result.updateValue((piece.index, index), forKey: symbol.name) == nil else {
          throw LinkError(.duplicateDefinition, object: path, symbol: symbol.name)
        }
      }
    }
    return result
  }
}
