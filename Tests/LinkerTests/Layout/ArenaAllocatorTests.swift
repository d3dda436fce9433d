import Addressing
import Journal
import Testing

@testable import Linker

/// How room of the arena is handed out.
@Suite struct ArenaAllocatorTests {
  private func allocator(_ growth: [AddressRange] = SmallArena.growth) -> ArenaAllocator {
    ArenaAllocator(arena: SmallArena.arena, growth: growth, cursors: SmallArena.arena.cursors)
  }

  @Test func `room is handed out upwards, aligned as it is wanted`() throws {
    var allocator = allocator()
    #expect(try allocator.code(5, alignment: 1) == SmallArena.range(0x1_0000, 16))
    #expect(try allocator.code(17, alignment: 64) == SmallArena.range(0x1_0040, 32))
    #expect(try allocator.constants(3, alignment: 1) == SmallArena.range(0x2_0000, 3))
    #expect(try allocator.constants(8, alignment: 8) == SmallArena.range(0x2_0008, 8))
    #expect(try allocator.cell() == VirtualAddress(0x3_1000))
    #expect(try allocator.cell() == VirtualAddress(0x3_1008))
    #expect(try allocator.flag() == VirtualAddress(0x3_2000))
    #expect(!allocator.usesGrowth)
  }

  @Test func `what the arena grows by is used when its own room is full`() throws {
    var allocator = allocator()
    _ = try allocator.code(0x1000, alignment: 16)
    #expect(!allocator.usesGrowth)
    #expect(try allocator.code(16, alignment: 16).start == VirtualAddress(0x1_1000))
    #expect(allocator.usesGrowth)
  }

  @Test func `each kind of room makes the arena grow`() throws {
    var constants = allocator()
    _ = try constants.constants(0x1000, alignment: 1)
    _ = try constants.constants(1, alignment: 1)
    #expect(constants.usesGrowth)
    var data = allocator()
    _ = try data.data(0x1000, alignment: 1)
    _ = try data.data(1, alignment: 1)
    #expect(data.usesGrowth)
  }

  @Test func `nothing stands on both sides of where the file is cut`() throws {
    var allocator = allocator()
    _ = try allocator.code(0xFF0, alignment: 16)
    #expect(try allocator.code(32, alignment: 16) == SmallArena.range(0x1_1000, 32))
    // Without growth there is no such place.
    var whole = self.allocator([])
    _ = try whole.code(0xFF0, alignment: 16)
    #expect(try whole.code(32, alignment: 16) == SmallArena.range(0x1_0FF0, 32))
    #expect(!whole.usesGrowth)
  }

  @Test func `a full arena is refused, and says what is wanted and what there is`() throws {
    var allocator = allocator()
    _ = try allocator.code(0x1000, alignment: 16)
    _ = try allocator.code(0x2000, alignment: 16)
    let error = #expect(throws: LinkError.self) { try allocator.code(1, alignment: 1) }
    #expect(error?.code == .arenaFull)
    #expect(error?.description.contains("16 bytes of code are wanted, 12288 are all there is") == true)
    for _ in 0..<512 { _ = try allocator.cell() }
    #expect(throws: LinkError.self) { try allocator.cell() }
    // A piece that no part can hold, and one of a length that no address has.
    #expect(throws: LinkError.self) { try allocator.constants(0x2000, alignment: 1) }
    #expect(throws: LinkError.self) { try allocator.data(.max, alignment: 8) }
  }
}
