import Addressing
import Testing

@testable import Linker

/// Which old body's room a new one gets.
@Suite struct RoomReuseTests {
  private func ranges(_ places: [(UInt64, UInt64)]) -> [AddressRange] {
    places.map { AddressRange(start: VirtualAddress($0.0), byteCount: $0.1) }
  }

  @Test func `the smallest room that a body fits is tried first, and of equal ones the one that was left first`() {
    let rooms = ranges([(0x1000, 96), (0x2000, 32), (0x3000, 64), (0x4000, 64)])
    #expect(RoomReuse.order(of: rooms, for: 60, alignment: 16) == [2, 3, 0])
    #expect(RoomReuse.order(of: rooms, for: 64, alignment: 1) == [2, 3, 0])
    #expect(RoomReuse.order(of: rooms, for: 65, alignment: 16) == [0])
    #expect(RoomReuse.order(of: rooms, for: 97, alignment: 16).isEmpty)
  }

  @Test func `a room that begins between the body's boundaries is left out`() {
    let rooms = ranges([(0x1010, 64), (0x1040, 64)])
    #expect(RoomReuse.order(of: rooms, for: 64, alignment: 64) == [1])
    #expect(RoomReuse.order(of: rooms, for: 64, alignment: 0) == [0, 1])
  }
}
