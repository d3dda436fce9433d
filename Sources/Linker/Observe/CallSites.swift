import Addressing
import Journal

/// Finds out of a body that stays where it is whether only places in it changed that name another atom which moved.
struct CallSites {
  let before: ObservedImage
  let after: ObservedImage
  private let disassembler: Disassembler

  init(before: ObservedImage, after: ObservedImage) {
    self.before = before
    self.after = after
    disassembler = Disassembler(after.architecture)
  }

  /// The instructions that name what they named before at its new address; nil where anything else differs.
  func patched(
    in range: AddressRange, _ old: [UInt8], _ new: [UInt8]
  ) throws(LinkError) -> [PatchedInstruction]? {
    guard old.count == new.count, old != new else { return nil }
    let former = try disassembler.decode(old, at: range.start)
    let latter = try disassembler.decode(new, at: range.start)
    guard former.isComplete, latter.isComplete, former.instructions.count == latter.instructions.count else {
      return nil
    }
    var patched: [PatchedInstruction] = []
    for (one, other) in zip(former.instructions, latter.instructions) {
      guard one.offset == other.offset, one.byteCount == other.byteCount else { return nil }
      let place = one.offset..<one.end
      if old[place] == new[place] { continue }
      guard let reference = movedReference(one, other, Array(old[place]), Array(new[place])),
        let start = range.start.advanced(by: UInt64(one.offset))
      else { return nil }
      patched.append(
        PatchedInstruction(
          range: AddressRange(start: start, byteCount: UInt64(one.byteCount)),
          fieldOffset: reference.fieldOffset.map { $0 - one.offset }, target: reference.target))
    }
    return patched
  }

  private func movedReference(
    _ one: Instruction, _ other: Instruction, _ old: [UInt8], _ new: [UInt8]
  ) -> CodeReference? {
    guard one.references.count == 1, other.references.count == 1, let from = one.references.first,
      let to = other.references.first, from.kind == to.kind, from.kind == .branch || from.kind == .memory,
      from.fieldOffset == to.fieldOffset, names(from.target, to.target)
    else { return nil }
    // Nothing but the field may differ.
    guard let field = from.fieldOffset.map({ $0 - one.offset }) else {
      return after.architecture == .arm64 ? to : nil
    }
    let isElsewhere = old.indices.contains { index in
      old[index] != new[index] && !(field..<field + from.fieldByteCount).contains(index)
    }
    return isElsewhere ? nil : to
  }

  /// Whether two addresses are the same place of one atom, before and after.
  private func names(_ from: VirtualAddress, _ to: VirtualAddress) -> Bool {
    guard let old = before.symbol(containing: from), let new = after.symbol(containing: to) else { return false }
    return old.name == new.name
      && from.rawValue - old.range.start.rawValue == to.rawValue - new.range.start.rawValue
  }
}

/// An instruction of which only the address that it names has changed.
struct PatchedInstruction: Hashable {
  var range: AddressRange
  /// Of the field that names it, from the instruction's start.
  var fieldOffset: Int?
  var target: VirtualAddress
}
