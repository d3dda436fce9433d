import Addressing
import Journal

/// Hands out room of the arena. Only forward: what any retained update used is not used again.
struct ArenaAllocator {
  private let arena: Arena
  private let growth: [AddressRange]
  private(set) var cursors: ArenaCursors
  /// Whether something handed out is in what the arena grows by.
  private(set) var usesGrowth = false

  /// - Parameter growth: the ends of the arena's ranges that the file does not have from the start.
  init(arena: Arena, growth: [AddressRange], cursors: ArenaCursors) {
    self.arena = arena
    self.growth = growth
    self.cursors = cursors
  }

  /// Code is aligned to 16 bytes at least, as compilers align functions, and gets the room up to the next boundary.
  mutating func code(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    let room = max(16, (byteCount + 15) & ~15)
    return try take(room, max(16, alignment), \.code, in: arena.code, "code")
  }

  mutating func constants(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    try take(byteCount, alignment, \.constants, in: arena.constants, "constants")
  }

  mutating func data(_ byteCount: UInt64, alignment: UInt64) throws(LinkError) -> AddressRange {
    try take(byteCount, alignment, \.data, in: arena.data, "data")
  }

  mutating func cell() throws(LinkError) -> VirtualAddress {
    try take(8, 8, \.cells, in: arena.cells, "cells").start
  }

  mutating func flag() throws(LinkError) -> VirtualAddress {
    try take(1, 1, \.flags, in: arena.flags, "flags").start
  }

  private mutating func take(
    _ byteCount: UInt64, _ alignment: UInt64, _ path: WritableKeyPath<ArenaCursors, VirtualAddress>,
    in range: AddressRange, _ name: String
  ) throws(LinkError) -> AddressRange {
    let cursor = afterBoundary(cursors[keyPath: path], byteCount, alignment)
    guard let start = cursor.alignedUp(to: max(1, alignment)),
      let room = AddressRange(validating: start, byteCount: byteCount), range.contains(room)
    else {
      throw LinkError(
        .arenaFull, address: cursor,
        detail: "\(byteCount) bytes of \(name) are wanted, \(range.byteCount) are all there is")
    }
    cursors[keyPath: path] = room.end
    if growth.contains(where: { $0.overlaps(room) }) { usesGrowth = true }
    return room
  }

  /// Nothing stands on both sides of where a range grows: the file has the sides at different places.
  private func afterBoundary(_ cursor: VirtualAddress, _ byteCount: UInt64, _ alignment: UInt64) -> VirtualAddress {
    guard let start = cursor.alignedUp(to: max(1, alignment)), let end = start.advanced(by: byteCount),
      let next = growth.first(where: { start < $0.start && $0.start < end })
    else { return cursor }
    return next.start
  }
}
