import Addressing
import Journal
import Testing

@testable import Linker
@testable import ObjectFile

/// How full the arena and the loader's tables are said to be.
@Suite struct ArenaUseTests {
  private let arena = SmallArena.arena

  private func table(capacity: UInt32) -> ELFTableRoom {
    ELFTableRoom(
      address: VirtualAddress(0x100), fileOffset: FileOffset(0x100), entryByteCount: 24, usedCount: 0,
      capacity: capacity,
      sizeWords: [])
  }

  private func part(_ range: AddressRange) -> ArenaPart { ArenaPart(range: range, fileOffset: FileOffset(0)) }

  private var layout: ELFArenaLayout {
    ELFArenaLayout(
      machine: .x86_64, fileByteCount: 0x1000, tables: part(SmallArena.range(0x100, 0x100)), code: part(arena.code),
      constants: part(arena.constants), writable: part(arena.writable), header: part(arena.header),
      cells: part(arena.cells), flags: part(arena.flags), data: part(arena.data))
  }

  /// Used and capacity of each part that the image has.
  private func rooms(_ use: ArenaUse) -> [ArenaUse.Part: [UInt64]] {
    Dictionary(uniqueKeysWithValues: use.rooms.map { ($0.part, [$0.used, $0.capacity]) })
  }

  @Test func `bytes and pieces are counted from where the arena begins, growth included`() {
    var cursors = arena.cursors
    cursors.code = VirtualAddress(0x1_1010)
    cursors.constants = VirtualAddress(0x2_0003)
    cursors.data = VirtualAddress(0x3_3100)
    cursors.cells = VirtualAddress(0x3_1018)
    cursors.flags = VirtualAddress(0x3_2002)
    let use = ArenaUse(of: arena, .machO(nil), cursors)
    #expect(
      rooms(use) == [
        .code: [0x1010, 0x3000], .constants: [3, 0x2000], .data: [0x100, 0x2000], .cells: [3, 512],
        .variables: [2, 0x1000],
      ])
    #expect(use.notes.isEmpty)
  }

  @Test func `of the loader's tables the image's own entries are not counted, and those that it has not are left out`()
  {
    var arena = arena
    arena.cursors.relocations = 10
    arena.cursors.unwindEntries = 4
    var layout = layout
    layout.relocations = ELFRelocationRoom(table: table(capacity: 30), sortedCount: 10, relativeCountWord: nil)
    layout.unwind = ELFUnwindRoom(
      header: VirtualAddress(0x200), table: table(capacity: 12), records: table(capacity: 0))
    var cursors = arena.cursors
    cursors.relocations = 13
    let use = rooms(ArenaUse(of: arena, .elf(layout), cursors))
    #expect(use[.relocations] == [3, 20])
    #expect(use[.unwindEntries] == [0, 8])
    // No room at all, and no such table.
    #expect(use[.unwindRecords] == nil)
    #expect(use[.imports] == nil && use[.importNames] == nil && use[.libraryVersions] == nil)
  }

  @Test func `room of which less than an eighth is left is told of, by name and in numbers`() {
    var cursors = arena.cursors
    cursors.code = VirtualAddress(0x1_0000 + 0x2A00)
    cursors.cells = VirtualAddress(0x3_1000 + 8 * 449)
    // An eighth of code is left, of cells one less.
    let use = ArenaUse(of: arena, .elf(layout), cursors)
    #expect(use.notes.map(\.subject) == ["cells: 449 of 512 are used"])
    #expect(use.notes.allSatisfy { $0.kind == .arenaLow })
    cursors.code = VirtualAddress(0x1_0000 + 0x2A01)
    #expect(ArenaUse(of: arena, .elf(layout), cursors).notes.count == 2)
  }

  @Test func `cursors that no arena has are no reason to fail`() {
    var cursors = arena.cursors
    cursors.code = VirtualAddress(.max)
    cursors.data = VirtualAddress(0)
    let use = rooms(ArenaUse(of: arena, .machO(nil), cursors))
    #expect(use[.code] == [UInt64.max - 0x1_0000, 0x3000])
    #expect(use[.data] == [0, 0x2000])
    #expect(ArenaUse(of: arena, .machO(nil), cursors).notes.map(\.subject).count == 1)
  }
}
