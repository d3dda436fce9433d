import Addressing

/// How the entries of a jump table tell where to go.
enum JumpTableEntry: Hashable, Sendable {
  /// 4 bytes, signed, from the table's start (position-independent code).
  case relative32
  /// 8 bytes, the address itself.
  case absolute64

  var byteCount: Int { self == .relative32 ? 4 : 8 }
}

enum JumpTable {
  /// Where the entries of a table go, up to the first that leaves `body`, where another table or datum begins.
  ///
  /// - Parameters:
  ///   - bytes: from the table's start on; it may reach beyond its end.
  ///   - base: the table's address.
  static func targets(
    bytes: [UInt8], base: VirtualAddress, entry: JumpTableEntry, within body: AddressRange
  ) -> [VirtualAddress] {
    var targets: [VirtualAddress] = []
    var offset = 0
    while let target = target(bytes, offset, base, entry), body.contains(target) {
      targets.append(target)
      offset += entry.byteCount
    }
    return targets
  }

  private static func target(
    _ bytes: [UInt8], _ offset: Int, _ base: VirtualAddress, _ entry: JumpTableEntry
  ) -> VirtualAddress? {
    switch entry {
    case .relative32: bytes.signed32(at: offset).map { base.displaced(by: $0) }
    case .absolute64: bytes.littleEndian64(at: offset).map { VirtualAddress($0) }
    }
  }
}
