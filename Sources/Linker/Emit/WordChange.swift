import Addressing
import Journal

/// An 8-byte word of existing data that was a pointer, or becomes one: its record in the loader's tables goes with it.
struct WordChange {
  let cell: VirtualAddress
  let former: PlacedMemory.Pointer
  let target: VirtualAddress?
  let symbol: ImportedSymbol?
  /// What the word holds when it is no pointer any more.
  let number: UInt64
  let wordBefore: UInt64
  let initial: InitialRoom?

  func operations(loader: inout any LoaderRecords) throws(LinkError) -> [Operation] {
    switch (former, target, symbol) {
    case (.address(let old), let new?, nil):
      guard old != new else { return [] }
      return [try pointer(old, new, &loader)]
    case (.address(let old), nil, nil):
      return [try pointer(old, nil, &loader)] + plain(from: 0, to: number)
    case (.null, let new?, nil): return [try pointer(nil, new, &loader)]
    case (.number(let old), let new?, nil):
      return plain(from: old, to: 0) + [try pointer(nil, new, &loader)]
    case (.imported(let old), nil, let new?) where old.name == new.name && old.addend == new.addend: return []
    case (.imported(let old), nil, let new?): return [try bind(old, new, &loader)]
    case (.null, nil, let new?), (.number(0), nil, let new?): return [try bind(nil, new, &loader)]
    default:
      // In a task a constant's word would have to be told from what the loader put there; a variable's is not touched.
      guard initial != nil else {
        throw LinkError(
          .unsupportedRelocation, address: cell,
          detail: "a pointer in a constant changes between this image and a library, which is not handled")
      }
      return try cleared(&loader) + filled(&loader)
    }
  }

  private func cleared(_ loader: inout any LoaderRecords) throws(LinkError) -> [Operation] {
    switch former {
    case .address(let old): [try pointer(old, nil, &loader)]
    case .imported(let old): [try bind(old, nil, &loader)]
    case .number(let old): plain(from: old, to: 0)
    case .null: []
    }
  }

  private func filled(_ loader: inout any LoaderRecords) throws(LinkError) -> [Operation] {
    if let target { return [try pointer(nil, target, &loader)] }
    if let symbol { return [try bind(nil, symbol, &loader)] }
    return plain(from: 0, to: number)
  }

  private func bind(
    _ old: ImportedSymbol?, _ new: ImportedSymbol?, _ loader: inout any LoaderRecords
  ) throws(LinkError) -> Operation {
    let records =
      if let new { try loader.setBind(at: cell, to: new) } else { try loader.clear(cell) }
    return .bind(
      BindOperation(
        cell: cell, before: old, after: new, wordBefore: old == nil ? 0 : wordBefore, records: records,
        initial: initial))
  }

  private func pointer(
    _ old: VirtualAddress?, _ new: VirtualAddress?, _ loader: inout any LoaderRecords
  ) throws(LinkError) -> Operation {
    let records = try loader.setPointer(at: cell, to: new)
    let before = old == nil ? 0 : wordBefore
    return .pointer(
      PointerOperation(
        cell: cell, before: old, after: new, wordBefore: before, wordAfter: new?.rawValue ?? 0, records: records,
        initial: initial))
  }

  private func plain(from old: UInt64, to new: UInt64) -> [Operation] {
    guard old != new else { return [] }
    var before = [UInt8](repeating: 0, count: 8)
    var after = before
    before.put64(old, at: 0)
    after.put64(new, at: 0)
    return [.write(WriteOperation(place: .virtual(cell), before: before, after: after, initial: initial))]
  }
}
