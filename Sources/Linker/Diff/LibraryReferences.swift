import Addressing
import Journal

/// Finds the instructions that name a library's variable directly, and puts detours in their place.
struct LibraryReferences {
  private let directory: AtomDirectory
  private let libraries: LibraryDirectory

  init(directory: AtomDirectory) {
    self.directory = directory
    libraries = LibraryDirectory(store: directory.store)
  }

  func detour(_ set: inout LinkSet) throws(LinkError) {
    for id in set.ids where set[id].kind == .code {
      for (index, target) in set[id].targets.enumerated() {
        guard case .external(let name, _) = target,
          let type = X86Relocation(rawValue: set[id].relocations[index].type), Self.types.contains(type),
          try isVariable(name, in: set)
        else { continue }
        set.detour(id, relocation: index, to: name)
      }
    }
  }

  private static let types: Set<X86Relocation> = [.pc32, .direct32, .direct32S]

  /// Whether only a library has the name, as data of which the image holds no copy.
  private func isVariable(_ name: String, in set: LinkSet) throws(LinkError) -> Bool {
    guard set.definition(of: name) == nil, try directory.global(named: name) == nil,
      try !directory.baseImports(named: name).contains(where: { $0.kind == .copy }),
      let symbol = try libraries.symbol(named: name)
    else { return false }
    return !symbol.isFunction && !symbol.isThreadLocal
  }
}

extension ObjectPiece {
  /// Leaves the piece alone where the instruction is of no kind that a detour can stand for: it is refused later.
  mutating func detour(relocation index: Int, to name: String) {
    let relocation = relocations[index]
    guard let body = try? Disassembler(.x86_64).decode(bytes, at: VirtualAddress(0)),
      let instruction = body.instruction(containing: relocation.offset)
    else { return }
    let range = instruction.offset..<instruction.end
    let field = relocation.offset - instruction.offset
    guard relocations.count(where: { range.contains($0.offset) }) == 1,
      let detour = Detour(
        Array(bytes[range]), field: field, name: name, addend: relocation.addend,
        isRelative: X86Relocation(rawValue: relocation.type) == .pc32),
      let jump = Detour.jump(byteCount: range.count, field: field)
    else { return }
    bytes.put(jump, at: instruction.offset)
    relocations[index].addend = -4
    relocations[index].type = X86Relocation.pc32.rawValue
    detours[index] = detour
  }
}
