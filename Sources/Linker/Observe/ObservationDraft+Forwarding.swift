import Addressing
import Journal

extension ObservationDraft {
  /// Where a linker has moved the whole code elsewhere and the image has nothing at the old addresses any more, a task
  /// still has its old frames there, and pointers into it: they call old functions by their old addresses. So each old
  /// entry becomes a jump to where the function is now. The file knows nothing of it.
  mutating func addForwarding() throws(LinkError) {
    guard after.architecture == .x86_64 else { return }
    var seen: Set<VirtualAddress> = []
    for pair in AtomPairs.of(before, after) where pair.isFunction {
      guard let now = pair.after, pair.before?.range.start != now.range.start else { continue }
      for body in [pair.before?.range].compactMap({ $0 }) + formerBodies(of: pair.identity) {
        guard seen.insert(body.start).inserted, isLeft(body) else { continue }
        try addJump(at: body, to: now.range.start, function: pair.identity.name)
      }
    }
  }

  private func formerBodies(of atom: AtomIdentity) -> [AddressRange] {
    superseded.filter { $0.identity == atom }.map(\.placement.body)
  }

  private func isLeft(_ body: AddressRange) -> Bool {
    !after.segments.contains { $0.pages(of: after.pageByteCount).overlaps(body) }
  }

  private mutating func addJump(
    at body: AddressRange, to target: VirtualAddress, function: String
  ) throws(LinkError) {
    let jump: EncodedStub
    let room = X86EntryStub.islandJump.byteCount
    guard body.byteCount >= UInt64(room) else { return }
    jump = try X86EntryStub.islandJump.encode(at: body.start, to: target)
    let found: [UInt8]
    do throws(JournalError) {
      found = try formerMemory(body)
    } catch {
      throw LinkError(.journal, symbol: function, cause: error)
    }
    let head = Array(found.prefix(room))
    guard head != jump.bytes else { return }
    try add(
      WriteOperation(place: .virtual(body.start), before: head, after: jump.bytes, fixups: jump.fixups),
      replacing: body, found, function: function)
  }
}
