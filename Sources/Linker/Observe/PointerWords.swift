import Addressing
import Journal

/// A word that is, or was, a pointer.
struct PointerWord {
  var cell: VirtualAddress
  /// What it points at; nil where it holds null or no pointer.
  var before: VirtualAddress?
  var after: VirtualAddress?
  var wordBefore: UInt64
  var wordAfter: UInt64
  /// A number that is no pointer stands there, before or after: the cell is cleared first, or filled afterwards.
  var isNumberBefore: Bool { before == nil && wordBefore != 0 }
  var isNumberAfter: Bool { after == nil && wordAfter != 0 }
}

/// Tells which words are pointers. In an image that slides the loader's own list says so; in one that does not, a word
/// is one where it held, and holds, the address at which an atom begins: a table of cells may hold anything else.
struct PointerWords {
  let before: ObservedImage
  let after: ObservedImage
  private var starts: (before: Set<VirtualAddress>, after: Set<VirtualAddress>)

  /// - Parameter superseded: bodies that an earlier update has left: a cell that nobody uses still points there.
  init(before: ObservedImage, after: ObservedImage, superseded: [AddressRange]) {
    self.before = before
    self.after = after
    starts = (Set(before.symbols.map(\.range.start)), Set(after.symbols.map(\.range.start)))
    starts.before.formUnion(superseded.map(\.start))
    starts.after.formUnion(superseded.map(\.start))
  }

  /// Every word whose pointer changed, or that no longer is one, or only now.
  func changed(_ memory: ParentMemory) -> [PointerWord] {
    let candidates: Set<VirtualAddress>
    if let old = before.rebased, let new = after.rebased {
      // Those that stay are among them: bytes written around them leave them out.
      candidates = Set(old.keys).union(new.keys)
    } else {
      candidates = Set(memory.differences(unclaimedOnly: false, gap: 1).flatMap(words))
    }
    return candidates.sorted().compactMap { word(at: $0, memory) }
  }

  private func words(_ range: AddressRange) -> [VirtualAddress] {
    if after.isExecutable(range.start) { return [] }
    let first = range.start.alignedDown(to: 8).rawValue
    return stride(from: first, to: range.end.rawValue, by: 8).map { VirtualAddress($0) }
  }

  private func word(at cell: VirtualAddress, _ memory: ParentMemory) -> PointerWord? {
    guard cell.rawValue % 8 == 0, let words = memory.word(cell) else { return nil }
    var result = PointerWord(
      cell: cell, before: nil, after: nil, wordBefore: words.before, wordAfter: words.after)
    if let old = before.rebased, let new = after.rebased {
      result.before = old[cell]
      result.after = new[cell]
      return result
    }
    if starts.before.contains(VirtualAddress(words.before)) { result.before = VirtualAddress(words.before) }
    if starts.after.contains(VirtualAddress(words.after)) { result.after = VirtualAddress(words.after) }
    if result.isNumberBefore || result.isNumberAfter || words.before == words.after { return nil }
    return result
  }
}
