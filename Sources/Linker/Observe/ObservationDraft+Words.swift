import Addressing
import Journal

/// Words that a loader fills: pointers into the image, and imports.
extension ObservationDraft {
  /// Words that are bound in both images to the same symbol stay as the loader filled them, whatever the file holds.
  mutating func addImports() {
    for cell in Set(before.bound.keys).union(after.bound.keys).sorted() {
      let range = AddressRange(start: cell, byteCount: 8)
      guard cell.rawValue.isMultiple(of: 8), let words = memory.word(cell), memory.claim(range).first == range else {
        continue
      }
      let (old, new) = (before.bound[cell], after.bound[cell])
      if old != new { addImport(cell, old, new, words) }
    }
  }

  private mutating func addImport(
    _ cell: VirtualAddress, _ old: ImportedSymbol?, _ new: ImportedSymbol?, _ words: (before: UInt64, after: UInt64)
  ) {
    let initial: InitialRoom? = after.isVariable(AddressRange(start: cell, byteCount: 8)) ? .existing : nil
    // What stood there before the import, or stands there after it, is an operation of its own.
    if old == nil {
      let target = before.rebased?[cell]
      add(
        PointerWord(cell: cell, before: target, after: nil, wordBefore: words.before, wordAfter: 0), initial)
      if target == nil, words.before != 0 { draft.add(.write(write(cell, words.before, 0, initial))) }
    }
    draft.add(
      .bind(
        BindOperation(
          cell: cell, before: old, after: new, wordBefore: old == nil ? 0 : words.before,
          wordAfter: new == nil ? 0 : words.after, records: [], initial: initial)))
    if new == nil {
      let target = after.rebased?[cell]
      add(
        PointerWord(cell: cell, before: nil, after: target, wordBefore: 0, wordAfter: words.after), initial)
      if target == nil, words.after != 0 { draft.add(.write(write(cell, 0, words.after, initial))) }
    }
  }

  mutating func addPointers() {
    let words = PointerWords(before: before, after: after, superseded: superseded.map(\.placement.body))
    for word in words.changed(memory) {
      let range = AddressRange(start: word.cell, byteCount: 8)
      // A program's own pointer is part of its variable.
      let initial: InitialRoom? = after.isVariable(range) ? .existing : nil
      if initial != nil, after.rebased == nil { continue }
      guard memory.claim(range).first == range else { continue }
      add(word, initial)
    }
  }

  private mutating func add(_ word: PointerWord, _ initial: InitialRoom?) {
    var indexes: [Int] = []
    if word.isNumberBefore, word.after != nil {
      indexes.append(draft.add(.write(write(word.cell, word.wordBefore, 0, initial))))
    }
    // One that leads where it led may stand differently in the file: what a chain holds of the next word is no task's business.
    if word.before != word.after {
      indexes.append(
        draft.add(
          .pointer(
            PointerOperation(
              cell: word.cell, before: word.before, after: word.after,
              wordBefore: word.isNumberBefore ? 0 : word.wordBefore, wordAfter: word.isNumberAfter ? 0 : word.wordAfter,
              records: [], initial: initial))))
    }
    if word.isNumberAfter, word.before != nil {
      indexes.append(draft.add(.write(write(word.cell, 0, word.wordAfter, initial))))
    }
    for target in [word.before, word.after].compactMap({ $0 }) { pointerOperations[target, default: []] += indexes }
  }

  private func write(
    _ cell: VirtualAddress, _ before: UInt64, _ after: UInt64, _ initial: InitialRoom?
  ) -> WriteOperation {
    func bytes(_ word: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    return WriteOperation(place: .virtual(cell), before: bytes(before), after: bytes(after), initial: initial)
  }
}
