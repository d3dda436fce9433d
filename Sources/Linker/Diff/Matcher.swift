import Addressing
import Journal

/// Decides whether the image already holds what a piece would be, relocated at its place.
///
/// The image's bytes are the truth: no earlier object file is needed. What has a name is expected at its atom's
/// address; what is known by content alone (strings, jump tables, clones) is compared where the image's own fixup
/// leads.
final class Matcher {
  private let identities: AtomIdentities
  private let memory: PlacedMemory
  private var results: [Question: Bool] = [:]
  /// Where pieces stand that matched, or that are assumed to while a cycle of references is walked.
  private(set) var places: [PieceID: VirtualAddress] = [:]

  private struct Question: Hashable {
    let id: PieceID
    let from: UInt64
    let byteCount: UInt64
    let address: VirtualAddress
  }

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, memory: PlacedMemory) {
    self.identities = identities
    self.memory = memory
  }

  /// Whether the piece's content, references included, is what stands at `address`.
  func matches(_ id: PieceID, at address: VirtualAddress) throws(LinkError) -> Bool {
    try matches(id, from: 0, byteCount: set[id].byteCount, at: address)
  }

  /// The same for a part of the piece.
  func matches(
    _ id: PieceID, from: UInt64, byteCount: UInt64, at address: VirtualAddress
  ) throws(LinkError) -> Bool {
    let question = Question(id: id, from: from, byteCount: byteCount, address: address)
    if let known = results[question] { return known }
    // A cycle of references (a loop's jump table, mutual recursion of clones) holds if nothing else contradicts it.
    results[question] = true
    let isWhole = from == 0 && byteCount == set[id].byteCount
    let former = places[id]
    if isWhole, former == nil { places[id] = address }
    let result = try compare(question)
    results[question] = result
    if !result, isWhole { places[id] = former }
    return result
  }

  private func compare(_ question: Question) throws(LinkError) -> Bool {
    let piece = set[question.id]
    let placed = try memory.bytes(from: question.address, atMost: question.byteCount)
    guard placed.count == Int(question.byteCount) else { return false }
    if piece.isZeroFill { return placed.allSatisfy { $0 == 0 } }
    let part = PiecePart(piece, from: question.from, byteCount: question.byteCount)
    guard
      let found = memory.machine.match(
        object: part.bytes, relocations: part.relocations, placed: placed, at: question.address,
        isCode: piece.kind == .code)
    else { return false }
    for (index, reference) in zip(part.indexes, found.references) {
      let place = question.address.displaced(by: Int64(piece.relocations[index].offset) - Int64(question.from))
      guard try isEquivalent(index, of: question.id, reference, at: place) else {
        return false
      }
    }
    return true
  }

  // MARK: References

  private func isEquivalent(
    _ index: Int, of id: PieceID, _ reference: PlacedReference, at place: VirtualAddress
  ) throws(LinkError) -> Bool {
    let relocation = set[id].relocations[index]
    if reference == .consumed { return true }
    // The module's whole block, whichever variable the object names.
    if case .threadDescriptor = reference, X86Relocation(rawValue: relocation.type) == .tlsLD { return true }
    if let detour = set[id].detours[index] { return try isIsland(of: detour, reference, from: place) }
    let (target, object) = set.target(index, of: id)
    let isWord = memory.machine.isWord(relocation.type)
    var reference = reference
    if case .address(let address) = reference, memory.machine.isCall(relocation.type), relocation.addend == 0 {
      reference = .address(try memory.destination(ofBranchTo: address))
    }
    guard
      let meaning = try isWord
        ? meaning(ofWordAt: place, addend: relocation.addend) : meaning(of: reference, relocation.type)
    else { return false }
    switch target {
    case .none: return true
    case .absolute(let value): return meaning == .number(value) || meaning == .address(VirtualAddress(value))
    case .external(let name, let isWeak):
      // A branch to a weak symbol that nothing defines may go on behind itself (AAELF64, Weak References).
      if try isExternal(name, isWeak, meaning, from: object) { return true }
      guard isWeak, memory.machine.isCall(relocation.type), meaning == .address(place.displaced(by: 4)) else {
        return false
      }
      return try isExternal(name, isWeak, .number(0), from: object)
    case .entry(let piece, let symbol):
      let target = PieceID(object: object, piece: piece)
      let anchor = set.anchor(index, of: id, target: target, symbol: symbol)
      return try isEntry(target, symbol, anchor, meaning)
    case .inner(let piece, let offset):
      let target = PieceID(object: object, piece: piece)
      return try isInner(target, offset, set.anchor(index, of: id, target: target, symbol: nil), meaning)
    }
  }

  /// What the image's field means, as an address of a symbol (the addend taken off).
  private enum Meaning: Equatable {
    case address(VirtualAddress)
    case imported(String)
    case threadOffset(Int64)
    case number(UInt64)
    /// A place behind another image's symbol that the object does not mean.
    case opaque
  }

  /// Nil where it cannot be told, which makes the atom a changed one.
  private func meaning(of reference: PlacedReference, _ type: UInt32) throws(LinkError) -> Meaning? {
    switch reference {
    case .address(let address): return .address(address)
    case .cell(let cell): return try meaning(ofWordAt: cell, addend: 0)
    case .threadCell(let cell): return .threadOffset(Int64(bitPattern: try memory.word(at: cell)))
    case .threadOffset(let offset): return .threadOffset(offset)
    case .absolute(let value): return .number(value)
    case .moduleOffset(let offset): return try threadOffset(ofModuleOffset: offset)
    // A module's number and the offset in its block (ELF Handling For Thread-Local Storage, 3.4.6).
    case .threadDescriptor(let pair)
    where X86Relocation(rawValue: type) == .tlsGD || ARM64Relocation(rawValue: type) == .tlsGDAdrPage21:
      return try threadOffset(ofModuleOffset: Int64(bitPattern: try memory.word(at: pair.displaced(by: 8))))
    case .threadDescriptor, .opaque, .consumed: return nil
    }
  }

  private func threadOffset(ofModuleOffset offset: Int64) throws(LinkError) -> Meaning {
    .threadOffset(offset &+ (try memory.threadBlockOffset()))
  }

  private func meaning(ofWordAt cell: VirtualAddress, addend: Int64) throws(LinkError) -> Meaning {
    switch try memory.pointer(at: cell) {
    case .null: return .number(0)
    case .address(let address): return .address(address.displaced(by: 0 &- addend))
    case .imported(let symbol): return symbol.addend == addend ? .imported(symbol.name) : .opaque
    case .number(let value): return .number(value &- UInt64(bitPattern: addend))
    }
  }

  private func isExternal(
    _ name: String, _ isWeak: Bool, _ meaning: Meaning, from object: Int
  ) throws(LinkError) -> Bool {
    if let atom = try identities.named(name, from: object) {
      if let offset = atom.threadOffset {
        return meaning == .threadOffset(offset) || meaning == .number(UInt64(bitPattern: offset))
      }
      guard case .address(let address) = meaning else { return false }
      if address == atom.referenceAddress { return true }
      return try isStub(at: address, to: atom.referenceAddress)
    }
    switch meaning {
    case .imported(let symbol): return try isSame(symbol, name)
    case .address(let address):
      // A linker writes 0 for a weak symbol that nothing defines.
      if isWeak, address.rawValue == 0 { return true }
      if try isStub(at: address, of: name) { return true }
      return try isCopy(at: address, of: name)
    case .number(let value): return value == 0 && isWeak
    case .threadOffset, .opaque: return false
    }
  }

  private func isIsland(
    of detour: Detour, _ reference: PlacedReference, from field: VirtualAddress
  ) throws(LinkError) -> Bool {
    guard case .address(let island) = reference else { return false }
    let code = try memory.bytes(from: island, atMost: Detour.roomByteCount)
    guard let cell = detour.cell(ofIslandAt: island, code),
      case .imported(let symbol) = try memory.pointer(at: cell), symbol.name == detour.name
    else { return false }
    return code.starts(with: detour.island(at: island, cell: cell, returningTo: field.displaced(by: 4)).bytes)
  }

  private func isStub(at address: VirtualAddress, of name: String) throws(LinkError) -> Bool {
    guard let slot = try memory.slot(ofStubAt: address), case .imported(let symbol) = try memory.pointer(at: slot)
    else { return false }
    return try isSame(symbol.name, name)
  }

  /// Whether a branch there goes on to the image's own `target`: linkers of Mach-O call what another image might override, such
  /// as inline functions of C++, by a slot that the loader binds.
  private func isStub(at address: VirtualAddress, to target: VirtualAddress) throws(LinkError) -> Bool {
    guard let slot = try memory.slot(ofStubAt: address) else { return false }
    return try memory.pointer(at: slot) == .address(target)
  }

  /// Whether two names are one, or stand for one indirect function: the image's slot is told by one of them.
  private func isSame(_ symbol: String, _ name: String) throws(LinkError) -> Bool {
    if symbol == name { return true }
    guard try identities.directory.isIndirectFunction(name) else { return false }
    let slots = Set(try identities.directory.baseImports(named: name).map(\.slot))
    return try identities.directory.baseImports(named: symbol).contains { slots.contains($0.slot) }
  }

  private func isCopy(at address: VirtualAddress, of name: String) throws(LinkError) -> Bool {
    try identities.directory.baseImports(named: name).contains { $0.kind == .copy && $0.slot == address }
  }

  private func isEntry(
    _ target: PieceID, _ symbol: Int, _ anchor: Int64, _ meaning: Meaning
  ) throws(LinkError) -> Bool {
    guard case .address(let address) = meaning else { return false }
    if identities.isAnonymous(target) {
      let offset = Int64(bitPattern: set[target].symbols[symbol].offset)
      return try matches(target, at: address.displaced(by: 0 &- anchor &- offset))
    }
    guard let atom = try identities.known(target, symbol: symbol) else { return false }
    let entry = atom.referenceAddress.displaced(by: anchor)
    if address == entry { return true }
    return try isStub(at: address, to: entry)
  }

  private func isInner(
    _ target: PieceID, _ offset: UInt64?, _ anchor: Int64, _ meaning: Meaning
  ) throws(LinkError) -> Bool {
    let piece = set[target]
    if piece.kind == .threadLocal { return try isThreadLocal(target, anchor, meaning) }
    guard case .address(let address) = meaning else { return false }
    let start = address.displaced(by: 0 &- anchor)
    if piece.kind == .code {
      if let place = places[target] { return place == start }
      if identities.isAnonymous(target) { return try matches(target, at: start) }
      return try identities.bodyStart(of: target) == start
    }
    if identities.isAnonymous(target) { return try isSameContent(target, offset, at: start) }
    // Nameless writable data cannot be told from other such data.
    guard let symbol = piece.symbols.first, let atom = try identities.known(target, symbol: 0) else { return false }
    return start.displaced(by: Int64(bitPattern: symbol.offset)) == atom.referenceAddress
  }

  /// A literal is compared from the place referred to up to the next one: the rest belongs to other references.
  private func isSameContent(_ target: PieceID, _ offset: UInt64?, at start: VirtualAddress) throws(LinkError) -> Bool {
    let piece = set[target]
    guard let offset, offset < piece.byteCount else { return try matches(target, at: start) }
    let end = set.objects[target.object].extent(of: target.piece, from: offset)
    return try matches(
      target, from: offset, byteCount: end - offset, at: start.displaced(by: Int64(bitPattern: offset)))
  }

  private func isThreadLocal(_ target: PieceID, _ anchor: Int64, _ meaning: Meaning) throws(LinkError) -> Bool {
    guard let symbol = set[target].symbols.first, let atom = try identities.known(target, symbol: 0),
      let offset = atom.threadOffset
    else { return false }
    let expected = offset &- Int64(bitPattern: symbol.offset) &+ anchor
    return meaning == .threadOffset(expected) || meaning == .number(UInt64(bitPattern: expected))
  }
}

/// A part of a piece with the relocations that lie in it.
struct PiecePart {
  let bytes: [UInt8]
  /// Offsets from the start of the part.
  let relocations: [AtomRelocation]
  /// The relocations' indexes in the piece.
  let indexes: [Int]

  init(_ piece: ObjectPiece, from: UInt64, byteCount: UInt64) {
    let start = Int(clamping: from)
    let end = min(piece.bytes.count, start + Int(clamping: byteCount))
    bytes = Array(piece.bytes[min(start, end)..<end])
    indexes = piece.relocations.indices.filter { (start..<max(start, end)).contains(piece.relocations[$0].offset) }
    relocations = indexes.map {
      var relocation = piece.relocations[$0]
      relocation.offset -= start
      return relocation
    }
  }
}
