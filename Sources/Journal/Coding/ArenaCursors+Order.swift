import Addressing

extension ArenaCursors {
  /// In the order of their declaration.
  var addresses: [VirtualAddress] { [code, constants, cells, data, flags] }

  var counts: [UInt32] {
    [relocations, dynamicSymbols, unwindEntries, dynamicStrings, versionNeeds, unwindBytes]
  }

  /// Each field at least as far as in the other.
  func isAtLeast(_ other: ArenaCursors) -> Bool {
    zip(addresses, other.addresses).allSatisfy { $0 >= $1 } && zip(counts, other.counts).allSatisfy { $0 >= $1 }
  }

  /// Field by field the larger of the two.
  func union(_ other: ArenaCursors) -> ArenaCursors {
    ArenaCursors(
      code: max(code, other.code), constants: max(constants, other.constants), cells: max(cells, other.cells),
      data: max(data, other.data), flags: max(flags, other.flags), relocations: max(relocations, other.relocations),
      dynamicSymbols: max(dynamicSymbols, other.dynamicSymbols),
      unwindEntries: max(unwindEntries, other.unwindEntries),
      dynamicStrings: max(dynamicStrings, other.dynamicStrings), versionNeeds: max(versionNeeds, other.versionNeeds),
      unwindBytes: max(unwindBytes, other.unwindBytes))
  }
}
