import Addressing
import Journal

/// Hands out room of the arena. Only forward: what any retained update used is not used again.
struct ArenaAllocator {
  private let arena: Arena
  private(set) var cursors: ArenaCursors

  init(arena: Arena, cursors: ArenaCursors) {
    self.arena = arena
    self.cursors = cursors
  }

  /// Code is aligned to 16 bytes at least, as compilers align functions, and gets the room up to the next boundary.
  mutating func code(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    let room = max(16, (byteCount + 15) & ~15)
    return try Self.take(room, max(16, alignment), &cursors.code, in: arena.code, "code")
  }

  mutating func constants(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    try Self.take(byteCount, alignment, &cursors.constants, in: arena.constants, "constants")
  }

  mutating func data(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    try Self.take(byteCount, alignment, &cursors.data, in: arena.data, "data")
  }

  mutating func cell() throws(LinkError) -> VirtualAddress {
    try Self.take(8, 8, &cursors.cells, in: arena.cells, "cells").start
  }

  mutating func flag() throws(LinkError) -> VirtualAddress {
    try Self.take(1, 1, &cursors.flags, in: arena.flags, "flags").start
  }

  private static func take(
    _ byteCount: UInt64, _ alignment: UInt64, _ cursor: inout VirtualAddress, in range: AddressRange, _ name: String
  ) throws(LinkError) -> AddressRange {
    guard let start = cursor.alignedUp(to: max(1, alignment)),
      let room = AddressRange(validating: start, byteCount: byteCount), range.contains(room)
    else {
      throw LinkError(
        .arenaFull, address: cursor,
        detail: "\(byteCount) bytes of \(name) are wanted, \(range.byteCount) are all there is")
    }
    cursor = room.end
    return room
  }
}
