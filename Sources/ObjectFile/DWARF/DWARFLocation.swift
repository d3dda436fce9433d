public import Addressing

/// Where debug information says that something stands.
public enum DWARFLocation: Hashable, Sendable {
  /// In a linked image. Of a thread-local variable: its offset in the thread-local block.
  case address(VirtualAddress)
  /// In an object: an offset in one of its sections.
  case section(index: Int, offset: UInt64)
  /// In an object: beyond a symbol that is undefined or common there.
  case symbol(index: Int, offset: UInt64)
}

extension DWARFLocation {
  /// The place `byteCount` bytes further on, modulo 2^64.
  func advanced(by byteCount: UInt64) -> DWARFLocation {
    switch self {
    case .address(let address): .address(VirtualAddress(address.rawValue &+ byteCount))
    case .section(let index, let offset): .section(index: index, offset: offset &+ byteCount)
    case .symbol(let index, let offset): .symbol(index: index, offset: offset &+ byteCount)
    }
  }
}
