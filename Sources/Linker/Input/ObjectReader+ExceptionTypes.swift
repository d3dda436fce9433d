extension ObjectReader {
  /// Lets an exception table find its types through cells.
  ///
  /// In position-independent code a type is found through a word of the object's own data, which compilers name in their
  /// way (`DW.ref._ZTIi`, in sections of its own) or not at all (`.L_ZTIi.DW.stub`, among other data). Any word with the
  /// type's address will do: the reference becomes one to a GOT cell of what the word holds.
  mutating func leadTypesThroughCells(in table: Int) throws {
    for index in pieces[table].relocations.indices {
      let relocation = pieces[table].relocations[index]
      guard let cellDistance = machine.cellDistance(for: relocation.type),
        case .inner(let holder, _) = pieces[table].targets[index], pieces[holder].kind != .code
      else { continue }
      // The field counts from its own place: symbol and addend are the word.
      let word = try source.symbol(relocation.symbol).value &+ UInt64(bitPattern: relocation.addend)
      let content = pieces[holder]
      guard
        let held = content.relocations.firstIndex(where: {
          UInt64(clamping: $0.offset) == word &- content.start && $0.addend == 0
            && machine.isWord($0.type)
        })
      else { continue }
      pieces[table].relocations[index] = AtomRelocation(
        offset: relocation.offset, type: cellDistance, symbol: content.relocations[held].symbol, addend: 0)
      pieces[table].targets[index] = content.targets[held]
      pieces[table].anchors[index] = content.anchors[held]
    }
  }
}
