import Addressing
import Journal

/// Tells which functions' callers may rely on registers that the function leaves alone (GCC's -fipa-ra).
///
/// GCC notes for each function which registers it and its callees change (`collect_fn_hard_reg_usage` in GCC's final.cc).
/// A call of what it cannot see changes all that the ABI lets a callee change, and then it notes nothing: callers go
/// by the ABI. So one call through a pointer, of another library or of another object settles it, for the function and for all
/// that call it. Whatever cannot be told counts as relied on; calls by another convention than the platform's (`ms_abi`) are not told apart.
final class CalleeRegisters {
  /// How many functions are looked at for one answer, and how many entries for one old body.
  private static let mostFunctions = 16
  private static let mostEntries = 64

  private let identities: AtomIdentities
  private let memory: PlacedMemory
  private let disassembler: Disassembler
  /// What is being looked at counts as relied on meanwhile: recursion adds nothing to what a function changes.
  private var functions: [LinkSet.Definition: Bool] = [:]
  private var bodies: [VirtualAddress: Bool] = [:]
  private var decoded: [AddressRange: CodeBody] = [:]
  private var callees: [LinkSet.Definition: Calls] = [:]

  /// A function's body in the image, and its compilation unit where that is known.
  private struct ImageFunction {
    var body: AddressRange
    var unit: String?

    /// Known to be of another compilation: the compiler of either did not see the other.
    func isApart(from other: Self) -> Bool {
      guard let unit, let otherUnit = other.unit, !unit.isEmpty, !otherUnit.isEmpty else { return false }
      return unit != otherUnit
    }
  }

  private struct Calls {
    /// Functions of the same object, and of the other objects.
    var own: Set<LinkSet.Definition> = []
    var others: Set<LinkSet.Definition> = []
    /// Something is called that a compiler does not see.
    var hasUnknown = false
  }

  private var set: LinkSet { identities.set }

  init(identities: AtomIdentities, memory: PlacedMemory) {
    self.identities = identities
    self.memory = memory
    disassembler = Disassembler(memory.machine.architecture)
  }

  /// Whether callers of a function may rely on registers that another version of it, or of a function below it, does not keep.
  func mayMislead(
    callersOf function: LinkSet.Definition, isChanged: (LinkSet.Definition) throws(LinkError) -> Bool
  ) throws(LinkError) -> Bool {
    var seen: Set<LinkSet.Definition> = []
    var waiting = [function]
    while let next = waiting.popLast() {
      guard seen.insert(next).inserted, try mayBeReliedOn(next) else { continue }
      if try isChanged(next) { return true }
      waiting += try callees(of: next)
    }
    return false
  }

  /// The functions that a body of the image goes by: those at the entries it calls directly, and below them, as far
  /// as no call settles it. `visit` answers for an entry that the objects define; nil lets the walk go on.
  func mayMislead(
    _ body: AddressRange, ofUnit unit: String, visit: (VirtualAddress) throws(LinkError) -> Bool?
  ) throws(LinkError) -> Bool {
    var seen: Set<VirtualAddress> = [body.start]
    var waiting = [ImageFunction(body: body, unit: unit)]
    while let next = waiting.popLast() {
      guard seen.count <= Self.mostEntries else { return true }
      for entry in try targets(of: next.body) where seen.insert(entry).inserted {
        if let answer = try visit(entry) {
          if answer { return true }
        } else if let function = try function(at: entry), !function.isApart(from: next), try !changesAll(function) {
          waiting.append(function)
        }
      }
    }
    return false
  }

  /// Of all versions up to the one in the objects: a frame may be of any of its callers' bodies.
  private func mayBeReliedOn(_ function: LinkSet.Definition) throws(LinkError) -> Bool {
    guard try changesAll(function) else { return true }
    guard let known = try identities.known(function.id, symbol: function.symbol) else { return false }
    let unit = set.objects[function.id.object].unit
    for body in try identities.directory.bodies(of: known) {
      if try !changesAll(ImageFunction(body: body, unit: unit)) { return true }
    }
    return false
  }

  // MARK: In objects

  /// The functions of the same object that a function calls directly.
  func callees(of function: LinkSet.Definition) throws(LinkError) -> Set<LinkSet.Definition> {
    try calls(of: function).own
  }

  /// Those of the other objects as well.
  func allCallees(of function: LinkSet.Definition) throws(LinkError) -> Set<LinkSet.Definition> {
    let calls = try calls(of: function)
    return calls.own.union(calls.others)
  }

  private func changesAll(_ function: LinkSet.Definition) throws(LinkError) -> Bool {
    if let known = functions[function] { return known }
    functions[function] = false
    let calls = try calls(of: function)
    var isSettled = calls.hasUnknown
    for callee in calls.own where !isSettled { isSettled = try changesAll(callee) }
    functions[function] = isSettled
    return isSettled
  }

  private func calls(of function: LinkSet.Definition) throws(LinkError) -> Calls {
    if let known = callees[function] { return known }
    let calls = try findCalls(of: function)
    callees[function] = calls
    return calls
  }

  private func findCalls(of function: LinkSet.Definition) throws(LinkError) -> Calls {
    let id = function.id
    let piece = set[id]
    let symbol = piece.symbols[function.symbol]
    var calls = Calls()
    guard let start = Int(exactly: symbol.offset), let count = Int(exactly: symbol.byteCount), count > 0,
      start <= piece.bytes.count, count <= piece.bytes.count - start
    else { return calls }
    let body = try disassembler.decode(
      Array(piece.bytes[start..<start + count]), at: VirtualAddress(symbol.offset))
    for instruction in body.instructions where instruction.flow.mayLeave {
      if instruction.goesByPointer { calls.hasUnknown = true }
      let range = start + instruction.offset..<start + instruction.end
      let relocation = piece.relocations.firstIndex { range.contains(Int(clamping: $0.offset)) }
      switch relocation.map({ set.target($0, of: id) }) {
      case (.entry(let callee, let symbol), let object)?:
        let callee = LinkSet.Definition(id: PieceID(object: object, piece: callee), symbol: symbol)
        if object == id.object { calls.own.insert(callee) } else { calls.others.insert(callee) }
      case (.external, _)?: calls.hasUnknown = true
      case _?: break
      case nil:
        // Within one section the assembler needs no relocation.
        if let target = instruction.flow.target, !body.range.contains(target),
          let symbol = piece.symbols.firstIndex(where: { $0.isFunction && $0.offset == target.rawValue })
        {
          calls.own.insert(LinkSet.Definition(id: id, symbol: symbol))
        }
      }
    }
    calls.hasUnknown = (calls.hasUnknown || !calls.others.isEmpty) && !body.mayCallByFullAddress
    return calls
  }

  // MARK: In the image

  private func changesAll(_ function: ImageFunction) throws(LinkError) -> Bool {
    if let known = bodies[function.body.start] { return known }
    let answer = try findsUnknownCall(from: function)
    bodies[function.body.start] = answer
    return answer
  }

  /// The nearest functions first, and not many: what settles it is mostly near, and programs are large.
  private func findsUnknownCall(from function: ImageFunction) throws(LinkError) -> Bool {
    var seen: Set<VirtualAddress> = [function.body.start]
    var waiting = [function]
    var next = 0
    while next < min(waiting.count, Self.mostFunctions) {
      let caller = waiting[next]
      next += 1
      if bodies[caller.body.start] == true { return true }
      if try callsByPointer(caller.body) { return true }
      for target in try targets(of: caller.body) where seen.insert(target).inserted {
        if let slot = try memory.slot(ofStubAt: target), case .imported = try memory.pointer(at: slot) { return true }
        guard let callee = try self.function(at: target) else { continue }
        if callee.isApart(from: caller) { return true }
        waiting.append(callee)
      }
    }
    return false
  }

  private func callsByPointer(_ range: AddressRange) throws(LinkError) -> Bool {
    let body = try decode(range)
    return !body.mayCallByFullAddress && body.instructions.contains(where: \.goesByPointer)
  }

  /// Where direct calls and jumps of the body go outside of it.
  private func targets(of range: AddressRange) throws(LinkError) -> [VirtualAddress] {
    let flows = try decode(range).instructions.map(\.flow)
    var targets: [VirtualAddress] = []
    for target in Set(flows.filter(\.mayLeave).compactMap(\.target)).sorted() where !range.contains(target) {
      targets.append(try memory.destination(ofBranchTo: target))
    }
    return targets
  }

  /// As it was compiled: without the stub that an update has put at its entry.
  private func decode(_ range: AddressRange) throws(LinkError) -> CodeBody {
    if let known = decoded[range] { return known }
    var bytes = try memory.bytes(range)
    if memory.machine.cell(ofCallStub: bytes, at: range.start) != nil, !isInArena(range) {
      bytes = try fromJournal { () throws(JournalError) in try identities.directory.store.baseBytes(range) }
    }
    let body = try disassembler.decode(bytes, at: range.start)
    decoded[range] = body
    return body
  }

  private func isInArena(_ range: AddressRange) -> Bool {
    identities.directory.store.base.segments.contains { $0.isPartOfArena && $0.range.contains(range.start) }
  }

  private func function(at entry: VirtualAddress) throws(LinkError) -> ImageFunction? {
    let byte = AddressRange(start: entry, byteCount: 1)
    let symbol = try identities.directory.baseSymbols(overlapping: byte).first {
      $0.kind == .function && $0.address == entry && $0.byteCount > 0
    }
    guard let symbol, let body = AddressRange(validating: entry, byteCount: symbol.byteCount) else { return nil }
    return ImageFunction(body: body, unit: symbol.unit)
  }
}

extension ControlFlow {
  /// Calls, and jumps that may be calls at a function's end.
  fileprivate var mayLeave: Bool {
    switch self {
    case .call, .jump: true
    case .conditionalJump, .next, .return, .stop: false
    }
  }
}

extension Instruction {
  /// Calls what a pointer leads to, or ends with that: a jump through one word of memory goes by no table.
  fileprivate var goesByPointer: Bool {
    flow == .call(nil) || flow == .jump(nil) && references.contains { $0.kind == .memory }
  }
}

extension CodeBody {
  /// The large code model loads a function's address into a register even where the compiler sees the function.
  fileprivate var mayCallByFullAddress: Bool {
    !isComplete
      || instructions.contains { instruction in
        instruction.references.contains { $0.kind == .immediate && $0.fieldByteCount == 8 }
      }
  }
}
