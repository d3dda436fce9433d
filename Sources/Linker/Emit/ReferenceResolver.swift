import Addressing
import Journal

/// Answers what the relocations of placed pieces lead to.
struct ReferenceResolver {
  private let identities: AtomIdentities
  private let memory: PlacedMemory
  /// Where pieces start: those placed by this update and those that stay.
  private let places: [PieceID: VirtualAddress]
  private let entries: [LinkSet.Definition: VirtualAddress]
  private var imports: ImportTable

  private var set: LinkSet { identities.set }

  init(
    identities: AtomIdentities, memory: PlacedMemory, places: [PieceID: VirtualAddress],
    entries: [LinkSet.Definition: VirtualAddress]
  ) {
    self.identities = identities
    self.memory = memory
    self.places = places
    self.entries = entries
    imports = ImportTable(directory: identities.directory, memory: memory)
  }

  mutating func resolve(
    _ index: Int, of id: PieceID, _ need: FixupNeed, into state: inout EmitterState
  ) throws(LinkError) -> ImportTable.Answer {
    let answer = try destination(index, of: id, need, into: &state)
    guard need == .call, case .value(.address(let target)) = answer, let reach = memory.machine.branchReach else {
      return answer
    }
    let relocation = set[id].relocations[index]
    let field = try place(id).displaced(by: Int64(relocation.offset))
    let distance = Int64(bitPattern: target.displaced(by: relocation.addend).rawValue &- field.rawValue)
    guard relocation.addend == 0, distance < -reach || distance >= reach else { return answer }
    return .value(.address(try imports.veneer(to: target, into: &state)))
  }

  private mutating func destination(
    _ index: Int, of id: PieceID, _ need: FixupNeed, into state: inout EmitterState
  ) throws(LinkError) -> ImportTable.Answer {
    if need == .cellPage { return .value(.address(try state.offsetTablePage())) }
    let (target, object) = set.target(index, of: id)
    if let detour = set[id].detours[index] {
      let field = try place(id).displaced(by: Int64(set[id].relocations[index].offset))
      return .value(.address(try imports.island(detour, returningTo: field.displaced(by: 4), into: &state)))
    }
    switch target {
    case .none:
      guard !isThreadNeed(need) else { return .value(.threadOffset(0)) }
      throw LinkError(
        .malformedRelocation, object: set.objects[id.object].path, symbol: set[id].name,
        detail: "at byte \(set[id].relocations[index].offset), to a place that no section of the object holds")
    case .absolute(let value): return .value(.absolute(value))
    case .external(let name, let isWeak): return try external(name, isWeak, index, id, need, &state)
    case .entry(let piece, let symbol):
      let definition = LinkSet.Definition(id: PieceID(object: object, piece: piece), symbol: symbol)
      let anchor = set.anchor(index, of: id, target: definition.id, symbol: symbol)
      if need == .size { return .value(.size(set[definition.id].symbols[symbol].byteCount)) }
      return try .value(address(try entry(definition).displaced(by: anchor), need, &state))
    case .inner(let piece, _):
      let target = PieceID(object: object, piece: piece)
      let anchor = set.anchor(index, of: id, target: target, symbol: nil)
      if set[target].kind == .threadLocal { return try .value(threadLocal(target, anchor)) }
      if need == .size { return .value(.size(set[target].byteCount)) }
      return try .value(address(try place(target).displaced(by: anchor), need, &state))
    }
  }

  /// Cells for all that a piece reads by their distance from one page.
  mutating func addTableCells(of id: PieceID, into state: inout EmitterState) throws(LinkError) {
    let piece = set[id]
    let needs = memory.machine.plan(piece.relocations, bytes: piece.bytes, isCode: true).needs
    for (index, need) in needs.enumerated() where need == .cellOffset {
      _ = try resolve(index, of: id, need, into: &state)
    }
  }

  /// A cell with the address of the function of that name, wherever it is defined.
  ///
  /// - Parameter known: cells of which any may be taken that has it.
  mutating func cell(
    ofFunctionNamed name: String, among known: [VirtualAddress], into state: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    if let definition = set.definition(of: name), set[definition.id].kind == .code {
      return try cell(to: try entry(definition), among: known, into: &state)
    }
    if let atom = try identities.directory.global(named: name) {
      return try cell(to: atom.referenceAddress, among: known, into: &state)
    }
    let need = FixupNeed.gotCell(isRelaxable: false)
    guard
      case .value(.cell(let cell)) = try imports.resolve(name, isWeak: false, need: need, isWord: false, into: &state)
    else { throw LinkError(.undefinedSymbol, symbol: name) }
    return cell
  }

  private func cell(
    to target: VirtualAddress, among known: [VirtualAddress], into state: inout EmitterState
  ) throws(LinkError) -> VirtualAddress {
    for cell in known where try memory.pointer(at: cell) == .address(target) { return cell }
    return try state.gotCell(to: target)
  }

  private func isThreadNeed(_ need: FixupNeed) -> Bool {
    switch need {
    case .threadOffset, .generalDynamic, .localDynamic, .initialExec, .threadDescriptor: true
    default: false
    }
  }

  private func address(
    _ address: VirtualAddress, _ need: FixupNeed, _ state: inout EmitterState
  ) throws(LinkError) -> FixupValue {
    isThreadNeed(need) ? .threadOffset(0) : try state.value(of: address, for: need)
  }

  private mutating func external(
    _ name: String, _ isWeak: Bool, _ index: Int, _ id: PieceID, _ need: FixupNeed, _ state: inout EmitterState
  ) throws(LinkError) -> ImportTable.Answer {
    if let atom = try identities.named(name, from: id.object) {
      if let offset = atom.threadOffset { return .value(.threadOffset(offset)) }
      if need == .size { return .value(.size(atom.placement.body.byteCount)) }
      return try .value(address(atom.referenceAddress, need, &state))
    }
    if set.objects[id.object].threadLocalNames.contains(name) {
      throw LinkError(.newThreadLocal, object: set.objects[id.object].path, symbol: name)
    }
    if Self.loaderDefined.contains(name), isThreadNeed(need) { return .value(.threadOffset(0)) }
    if name == ReferenceTarget.offsetTable {
      throw LinkError(
        .unsupportedRelocation, object: set.objects[id.object].path, symbol: name,
        detail: "code goes by the table's own place; compile with -fPIC")
    }
    // No loader writes into code (-mcmodel=large keeps addresses there).
    let isWord = memory.machine.isWord(set[id].relocations[index].type) && set[id].kind != .code
    do {
      return try imports.resolve(name, isWeak: isWeak, need: need, isWord: isWord, into: &state)
    } catch {
      var named = error
      named.object = named.object ?? set.objects[id.object].path
      throw named
    }
  }

  /// The call of a thread-local sequence names it even where the sequence is rewritten without the call.
  private static let loaderDefined: Set<String> = [
    "__tls_get_addr", ReferenceTarget.offsetTable, "_TLS_MODULE_BASE_",
  ]

  private func threadLocal(_ target: PieceID, _ anchor: Int64) throws(LinkError) -> FixupValue {
    let symbol = set[target].symbols.first
    guard let symbol, let offset = try identities.known(target, symbol: 0)?.threadOffset else {
      throw LinkError(.newThreadLocal, object: set.objects[target.object].path, symbol: symbol?.name)
    }
    return .threadOffset(offset &- Int64(bitPattern: symbol.offset) &+ anchor)
  }

  private func entry(_ definition: LinkSet.Definition) throws(LinkError) -> VirtualAddress {
    if let planned = entries[definition] { return planned }
    if let atom = try identities.known(definition.id, symbol: definition.symbol) { return atom.referenceAddress }
    return try place(definition.id).displaced(
      by: Int64(bitPattern: set[definition.id].symbols[definition.symbol].offset))
  }

  func place(_ id: PieceID) throws(LinkError) -> VirtualAddress {
    if let known = places[id] { return known }
    let piece = set[id]
    if piece.kind == .code, let start = try identities.bodyStart(of: id) { return start }
    if let symbol = piece.symbols.first, let atom = try identities.known(id, symbol: 0) {
      return atom.placement.body.start.displaced(by: 0 &- Int64(bitPattern: symbol.offset))
    }
    throw LinkError(
      .ambiguousLocal, object: set.objects[id.object].path, symbol: piece.name,
      detail: "a reference leads to unnamed writable data, or to a section that the image does not have")
  }
}
