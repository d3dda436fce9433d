import Addressing
import Journal

/// Functions without room for an entry stub in a section that moves as a whole: one that is what it was stays where it
/// stands, for its old body is right as long as it does not change.
struct ShortFunctions {
  private let identities: AtomIdentities
  private let matcher: Matcher
  private let memory: PlacedMemory

  init(identities: AtomIdentities, matcher: Matcher, memory: PlacedMemory) {
    self.identities = identities
    self.matcher = matcher
    self.memory = memory
  }

  /// Whether callers may go on with the function's body in the base image, though the section holds another copy.
  func staysBehind(_ id: PieceID, symbol index: Int) throws(LinkError) -> Bool {
    let piece = identities.set[id]
    let symbol = piece.symbols[index]
    guard symbol.isFunction, symbol.byteCount > 0, symbol.byteCount < 16, piece.symbols.count > 1,
      let known = try identities.known(id, symbol: index), known.placement.cell == nil,
      known.placement.body.byteCount == symbol.byteCount
    else { return false }
    let start = known.placement.body.start
    guard try StubRoom(directory: identities.directory, memory: memory).room(of: known).stub == nil,
      try matcher.matches(id, from: symbol.offset, byteCount: symbol.byteCount, at: start)
    else { return false }
    return try leadsToSamePlaces(id, symbol, at: start)
  }

  /// Assemblers fill in calls within one section themselves. Equal bytes lead to equal distances; what stands there
  /// must be the same function as well.
  private func leadsToSamePlaces(
    _ id: PieceID, _ symbol: PieceSymbol, at start: VirtualAddress
  ) throws(LinkError) -> Bool {
    let piece = identities.set[id]
    let range = Int(symbol.offset)..<Int(symbol.offset + symbol.byteCount)
    guard range.upperBound <= piece.bytes.count else { return false }
    let body = try Disassembler(memory.machine.architecture).decode(Array(piece.bytes[range]), at: start)
    guard body.isComplete else { return false }
    for reference in body.references where reference.kind != .immediate {
      guard !body.range.contains(reference.target), let field = reference.fieldOffset,
        !piece.relocations.contains(where: { $0.offset == range.lowerBound + field })
      else { continue }
      let offset = reference.target.rawValue &- start.rawValue &+ symbol.offset
      guard let other = piece.symbols.firstIndex(where: { $0.isFunction && $0.offset == offset }),
        try identities.known(id, symbol: other)?.referenceAddress == reference.target
      else { return false }
    }
    return true
  }
}
