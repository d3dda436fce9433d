import Addressing
import Journal

/// The operations that take back those of an update, on top of what the loader's tables have become since.
struct ReversedOperations {
  var loader: any LoaderRecords
  var draft: UpdateDraft
  /// By the index of the operation that is taken back.
  private(set) var indexes: [Int: Int] = [:]

  init(loader: any LoaderRecords, draft: UpdateDraft) {
    self.loader = loader
    self.draft = draft
  }

  mutating func add(_ operations: [Operation]) throws(LinkError) {
    for (index, operation) in operations.enumerated().reversed() where operation.isReverted {
      guard let reversed = try reversed(operation) else { continue }
      indexes[index] = draft.add(reversed)
    }
    try loader.finish(&draft)
  }

  private mutating func reversed(_ operation: Operation) throws(LinkError) -> Operation? {
    switch operation {
    case .write(let write):
      return .write(
        WriteOperation(place: write.place, before: write.after, after: write.before, initial: write.initial))
    case .pointer(let pointer):
      return .pointer(
        PointerOperation(
          cell: pointer.cell, before: pointer.after, after: pointer.before, wordBefore: pointer.wordAfter,
          wordAfter: pointer.wordBefore, records: try loader.setPointer(at: pointer.cell, to: pointer.before),
          initial: pointer.initial))
    case .bind(let bind):
      let records =
        if let symbol = bind.before {
          try loader.setBind(at: bind.cell, to: symbol)
        } else {
          try loader.clear(bind.cell)
        }
      return .bind(
        BindOperation(
          cell: bind.cell, before: bind.after, after: bind.before, wordBefore: bind.wordAfter,
          wordAfter: bind.wordBefore, records: records, initial: bind.initial))
    case .resize, .map, .protect: return nil
    }
  }
}

extension Operation {
  /// Whether it overwrote something that the program can reach. Room that came into use stays as it is, and so do the
  /// loader's tables but for the record of a word.
  var isReverted: Bool {
    switch self {
    case .write(let write):
      guard case .virtual = write.place else { return false }
      return !write.isFresh && !write.initial.isOfNewVariable
    case .pointer(let pointer): return !pointer.isFresh && !pointer.initial.isOfNewVariable
    case .bind(let bind): return !bind.isFresh && !bind.initial.isOfNewVariable
    case .resize, .map, .protect: return false
    }
  }
}

extension InitialRoom? {
  fileprivate var isOfNewVariable: Bool {
    if case .new = self { true } else { false }
  }
}
