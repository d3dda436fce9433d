import Addressing
import Journal

/// Finds the instructions that read a library's variable directly, and puts detours in their place.
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
          X86Relocation(rawValue: set[id].relocations[index].type) == .pc32, try isVariable(name, in: set)
        else { continue }
        set.detour(id, relocation: index, to: name)
      }
    }
  }

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
    let field = relocations[index].offset
    guard let body = try? Disassembler(.x86_64).decode(bytes, at: VirtualAddress(0)),
      let instruction = body.instruction(containing: field), instruction.end == field + 4,
      let detour = Detour(bytes[instruction.offset..<instruction.end], name: name, addend: relocations[index].addend),
      let jump = Detour.jump(byteCount: field - instruction.offset)
    else { return }
    bytes.put(jump, at: instruction.offset)
    relocations[index].addend = -4
    detours[index] = detour
  }
}
