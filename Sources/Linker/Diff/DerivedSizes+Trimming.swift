import Addressing
import Journal

extension DerivedSizes {
  /// Takes from the objects' atoms what is longer than the image's and can only be padding.
  ///
  /// Of a variable that is told by what the object does with it: nothing reaches behind the image's size, and nobody takes
  /// its address, who might. What cannot be told stays, and is refused as a change of size.
  func trim(_ set: inout LinkSet, _ identities: AtomIdentities) throws(LinkError) {
    guard memory.hasDerivedSizes else { return }
    let disassembler = Disassembler(memory.machine.architecture)
    for id in set.ids where !identities.isAnonymous(id) && set[id].symbols.count == 1 {
      let symbol = set[id].symbols[0]
      guard symbol.offset == 0, symbol.byteCount == set[id].byteCount, let known = try identities.known(id, symbol: 0),
        known.threadOffset == nil, case let size = known.placement.body.byteCount, size > 0, size < symbol.byteCount,
        try isPadding(from: size, of: id, set, disassembler)
      else { continue }
      set.trim(id, to: size)
    }
  }

  private func isPadding(
    from size: UInt64, of id: PieceID, _ set: LinkSet, _ disassembler: Disassembler
  ) throws(LinkError) -> Bool {
    let piece = set[id]
    let rest = piece.isZeroFill ? [] : Array(piece.bytes.dropFirst(Int(clamping: size)))
    guard !piece.relocations.contains(where: { $0.offset >= Int(clamping: size) }) else { return false }
    if piece.kind == .code { return memory.machine.padding(in: rest) == rest.count }
    guard piece.byteCount - size < Self.longestPadding, rest.allSatisfy({ $0 == 0 }) else { return false }
    return try staysWithin(size, of: id, set, disassembler)
  }

  /// Whether all that the object's code does with a datum is to load or store bytes below `size`.
  private func staysWithin(
    _ size: UInt64, of id: PieceID, _ set: LinkSet, _ disassembler: Disassembler
  ) throws(LinkError) -> Bool {
    for host in set.objects[id.object].pieces {
      let places = host.targets.indices.filter { index in
        guard case .inner(id.piece, _) = host.targets[index] else { return false }
        return true
      }
      guard !places.isEmpty else { continue }
      guard host.kind == .code else { return false }
      let accesses = try disassembler.decode(host.bytes, at: VirtualAddress(0)).instructions
      for index in places {
        guard case .inner(_, let offset?) = host.targets[index] else { return false }
        let relocation = host.relocations[index]
        if memory.machine.namesPage(relocation.type) { continue }
        guard let byteCount = memory.machine.accessByteCount(relocation, in: host.bytes, accesses),
          offset + UInt64(byteCount) <= size
        else { return false }
      }
    }
    return true
  }
}

extension Machine {
  /// The relocation is of an instruction that only begins an address (`adrp`).
  fileprivate func namesPage(_ type: UInt32) -> Bool {
    architecture == .arm64 && ARM64Relocation(rawValue: type)?.field == .page21
  }

  /// How many bytes the relocated instruction loads or stores where it leads; nil for one that takes the address.
  fileprivate func accessByteCount(
    _ relocation: AtomRelocation, in bytes: [UInt8], _ instructions: [Instruction]
  ) -> Int? {
    switch architecture {
    case .arm64:
      guard let instruction = ARM64Instruction(bytes, at: relocation.offset), instruction.isAccess else { return nil }
      return 1 << Int(instruction.offsetShift)
    case .x86_64:
      let instruction = instructions.last { $0.offset <= relocation.offset }
      return instruction?.references.first { $0.fieldOffset == relocation.offset }?.accessByteCount
    }
  }
}
