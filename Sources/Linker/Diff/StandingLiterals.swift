import Addressing
import Journal

/// Strings and other nameless constants that stand in the image already: those that the former bodies of what changes refer to.
///
/// A literal is known by its content alone, and is compared where the image's own field leads. Behind an entry that is inserted into
/// a table of strings every field leads to another string than before: without this all of them would be placed once more.
struct StandingLiterals {
  private let identities: AtomIdentities
  private let memory: PlacedMemory
  /// Pieces whose former bodies have not been looked at.
  private var unread: [PieceID] = []
  /// By the first bytes that stand there, up to four of them.
  private var places: [[UInt8]: [VirtualAddress]] = [:]
  private var known: Set<VirtualAddress> = []

  private static let keyByteCount = 4

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, memory: PlacedMemory) {
    self.identities = identities
    self.memory = memory
  }

  mutating func add(formerBodiesOf pieces: some Sequence<PieceID>) { unread += pieces }

  /// Where the bytes of a literal stand that nothing will ever change there; nil where that is not known.
  mutating func place(of id: PieceID) throws(LinkError) -> VirtualAddress? {
    let piece = set[id]
    guard piece.kind == .literal, piece.relocations.isEmpty, !piece.isZeroFill, !piece.bytes.isEmpty else { return nil }
    while let former = unread.popLast() { try read(former) }
    for address in places[Array(piece.bytes.prefix(Self.keyByteCount))] ?? []
    where address.rawValue % max(1, piece.alignmentAtStart) == 0 {
      if try memory.bytes(from: address, atMost: piece.byteCount) == piece.bytes,
        try isLiteral(address, byteCount: piece.byteCount)
      {
        return address
      }
    }
    return nil
  }

  /// What has a name may be rewritten where it stands.
  private func isLiteral(_ address: VirtualAddress, byteCount: UInt64) throws(LinkError) -> Bool {
    let placed = try identities.directory.placed(AtomIdentity(name: "", variant: "at \(address)"))
    if let placed {
      return placed.isCurrent && placed.kind == .constant && placed.placement.body.byteCount == byteCount
    }
    guard let range = AddressRange(validating: address, byteCount: byteCount), !memory.isInArena(address) else {
      return false
    }
    guard try identities.directory.isReadOnly(address) else { return false }
    return try identities.directory.baseSymbols(overlapping: range).isEmpty
  }

  // MARK: Former bodies

  private mutating func read(_ id: PieceID) throws(LinkError) {
    for index in set[id].symbols.indices {
      guard let known = try identities.known(id, symbol: index) else { continue }
      let body = known.placement.body
      if body.byteCount == 0 { continue }
      let bytes = try memory.bytes(from: body.start, atMost: body.byteCount)
      if set[id].kind == .code {
        let code = try Disassembler(memory.machine.architecture).decode(bytes, at: body.start)
        for reference in code.references where reference.kind != .branch { try note(reference.target) }
      } else {
        try readWords(of: body.start, byteCount: bytes.count)
      }
    }
  }

  private mutating func readWords(of start: VirtualAddress, byteCount: Int) throws(LinkError) {
    // Before the first whole word there is none, and behind the last.
    for offset in stride(from: Int((8 - start.rawValue % 8) % 8), through: byteCount - 8, by: 8) {
      if case .address(let target) = try memory.pointer(at: start.displaced(by: Int64(offset))) { try note(target) }
    }
  }

  private mutating func note(_ address: VirtualAddress) throws(LinkError) {
    guard memory.isConstant(address), known.insert(address).inserted else { return }
    let bytes = try memory.bytes(from: address, atMost: UInt64(Self.keyByteCount))
    for count in 1...Self.keyByteCount where count <= bytes.count {
      places[Array(bytes.prefix(count)), default: []].append(address)
    }
  }
}
