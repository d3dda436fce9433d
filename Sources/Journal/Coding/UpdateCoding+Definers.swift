/// Whose the global symbols are: a list of units, each named by an atom at least once, in the order in which the atoms
/// name them, then for each atom one more than its unit's index, or 0.
extension UpdateEncoder {
  mutating func append(definersOf atoms: [AtomChange]) throws(JournalError) {
    var indexes: [CompilationUnit: Int] = [:]
    var units: [CompilationUnit] = []
    for unit in atoms.compactMap(\.definer) where indexes[unit] == nil {
      units.append(unit)
      indexes[unit] = units.count
    }
    writer.append(count: units.count)
    for unit in units {
      writer.append(unit.name)
      writer.append(varint: UInt64(unit.ordinal))
    }
    for atom in atoms { writer.append(count: atom.definer.flatMap { indexes[$0] } ?? 0) }
  }
}

extension UpdateDecoder {
  mutating func addDefiners(to atoms: inout [AtomChange]) throws(JournalError) {
    var units: [CompilationUnit] = []
    for _ in 0..<(try reader.count()) {
      let unit = CompilationUnit(name: try reader.text(), ordinal: try reader.varint32())
      if units.contains(unit) { throw reader.refusal("a compilation unit is listed twice") }
      units.append(unit)
    }
    if units.isEmpty { throw reader.refusal("no atom's unit is told, where the encoding version says that one is") }
    var named = 0
    for index in atoms.indices {
      let number = try reader.varint()
      if number == 0 { continue }
      guard number <= UInt64(min(named + 1, units.count)), let unit = Int(exactly: number) else {
        throw reader.refusal("an atom names a compilation unit that is not the next of the list")
      }
      named = max(named, unit)
      atoms[index].definer = units[unit - 1]
    }
    if named != units.count { throw reader.refusal("a compilation unit is listed that no atom names") }
  }
}
