import Addressing
import Journal

/// A function's machine code, decoded from its first byte to its last.
struct CodeBody: Hashable, Sendable {
  let range: AddressRange
  /// Ascending and without gaps, as far as the bytes could be decoded.
  let instructions: [Instruction]
  /// False where some byte is no instruction; conclusions must then be the careful ones.
  let isComplete: Bool

  /// Where direct branches and calls of the body land inside the body, each once, ascending.
  var branchTargets: [VirtualAddress] {
    Set(instructions.compactMap(\.flow.target).filter(range.contains)).sorted()
  }

  /// Every address that an instruction names.
  var references: [CodeReference] { instructions.flatMap(\.references) }

  /// Whether a jump goes where only a table or a register tells. A jump through a cell at a known address does not
  /// count: it leaves the body.
  var hasComputedJumps: Bool {
    instructions.contains { instruction in
      guard case .jump(nil) = instruction.flow else { return false }
      return !instruction.references.contains { $0.kind == .memory }
    }
  }

  /// The instruction that the byte at `offset` belongs to.
  func instruction(containing offset: Int) -> Instruction? {
    let low = instructions.partitioningIndex { $0.end > offset }
    guard low < instructions.count, instructions[low].offset <= offset else { return nil }
    return instructions[low]
  }

  /// Bytes from the end of the 4-byte field at `offset` to the end of its instruction: what an addend relative to a
  /// section symbol hides (−4 where this is 0, −5 where an 8-bit immediate follows).
  func trailingBytes(ofField offset: Int) -> Int? {
    guard offset >= 0, offset <= Int.max - 4, let instruction = instruction(containing: offset) else { return nil }
    let trailing = instruction.end - (offset + 4)
    return trailing >= 0 ? trailing : nil
  }
}

/// What lands inside the bytes that an entry stub would overwrite.
enum StubLanding: Hashable, Sendable {
  /// Nothing: only a thread that stands in these bytes is in the way.
  case nothing
  /// A branch or a table entry of the body comes back to this address.
  case branch(VirtualAddress)
  /// A call ends here, so that its return address is this one.
  case returnAddress(VirtualAddress)
  /// It cannot be told: bytes that do not decode, or a computed jump whose targets are not known.
  case unknown
}

extension CodeBody {
  /// Whether something lands strictly inside the `stubByteCount` bytes at the entry.
  ///
  /// The entry itself may be landed on, for a whole instruction stands there afterwards: a branch back to it is a
  /// loop to the start, and goes to the new body with the arguments in place. Nor does the first byte behind the stub
  /// matter, for it stays as it was.
  /// - Parameter others: what else refers to places inside the body: jump tables, labels whose address is taken, a
  ///   split-off cold part. Nil where that is not known, which matters only if the body has computed jumps.
  func landing(inStubOf stubByteCount: Int, others: [VirtualAddress]?) -> StubLanding {
    func isInside(_ address: VirtualAddress) -> Bool {
      range.start < address && address.rawValue &- range.start.rawValue < UInt64(clamping: stubByteCount)
    }
    if let target = branchTargets.first(where: isInside) { return .branch(target) }
    if let target = others?.sorted().first(where: isInside) { return .branch(target) }
    for instruction in instructions {
      guard case .call = instruction.flow else { continue }
      let next = range.start.displaced(by: Int64(instruction.end))
      if isInside(next) { return .returnAddress(next) }
    }
    guard isComplete else { return .unknown }
    return others == nil && hasComputedJumps ? .unknown : .nothing
  }
}
