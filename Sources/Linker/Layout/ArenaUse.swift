import Addressing
public import Journal
import ObjectFile

/// How much of the arena and of the loader's tables is used, over all branches of a journal: of what `init` made and of all that
/// the arena grows by.
public struct ArenaUse: Hashable, Sendable {
  public enum Part: String, Hashable, Sendable, CaseIterable {
    /// In bytes.
    case code, constants, data
    /// In pieces.
    case cells, variables
    /// Entries of the loader's and the unwinders' tables.
    case relocations, imports, unwindEntries
    /// In bytes.
    case importNames, libraryVersions, unwindRecords
  }

  public struct Room: Hashable, Sendable {
    public var part: Part
    public var used: UInt64
    public var capacity: UInt64

    /// Less than an eighth is left.
    public var isLow: Bool { capacity > 0 && capacity - min(used, capacity) < capacity / 8 }
  }

  /// Those that the image has, in the order of `Part`.
  public let rooms: [Room]

  /// - Throws: `LinkError` where the journal's arena is not of a kind that this linker knows.
  public init(of base: BaseImage, _ cursors: ArenaCursors) throws(LinkError) {
    self.init(of: base.arena, try ImageTables(base), cursors)
  }

  init(of arena: Arena, _ tables: ImageTables, _ cursors: ArenaCursors) {
    let start = arena.cursors
    func room(_ part: Part, _ range: AddressRange, _ cursor: VirtualAddress, each: UInt64 = 1) -> Room {
      Room(
        part: part, used: (cursor.rawValue - min(range.start.rawValue, cursor.rawValue)) / each,
        capacity: range.byteCount / each)
    }
    var rooms = [
      room(.code, arena.code, cursors.code), room(.constants, arena.constants, cursors.constants),
      room(.data, arena.data, cursors.data), room(.cells, arena.cells, cursors.cells, each: 8),
      room(.variables, arena.flags, cursors.flags),
    ]
    guard case .elf(let layout) = tables else {
      if case .machO(let unwind?) = tables {
        rooms.append(
          Room(part: .unwindEntries, used: UInt64(cursors.unwindEntries), capacity: UInt64(unwind.functionRoom)))
      }
      self.rooms = rooms
      return
    }
    // What the image itself has of the tables is not the arena's.
    func entries(_ part: Part, _ table: ELFTableRoom?, _ used: UInt32, from first: UInt32) {
      guard let table, table.capacity > first else { return }
      rooms.append(Room(part: part, used: UInt64(used - min(first, used)), capacity: UInt64(table.capacity - first)))
    }
    entries(.relocations, layout.relocations?.table, cursors.relocations, from: start.relocations)
    entries(.imports, layout.symbols?.symbols, cursors.dynamicSymbols, from: start.dynamicSymbols)
    entries(.unwindEntries, layout.unwind?.table, cursors.unwindEntries, from: start.unwindEntries)
    entries(.importNames, layout.symbols?.strings, cursors.dynamicStrings, from: start.dynamicStrings)
    entries(.libraryVersions, layout.symbols?.versions?.needs, cursors.versionNeeds, from: start.versionNeeds)
    entries(.unwindRecords, layout.unwind?.records, cursors.unwindBytes, from: start.unwindBytes)
    self.rooms = rooms
  }

  public var notes: [LinkNote] {
    rooms.filter(\.isLow).map { room in
      LinkNote(kind: .arenaLow, subject: "\(room.part.name): \(room.used) of \(room.capacity) are used")
    }
  }
}

extension ArenaUse.Part {
  public var name: String {
    switch self {
    case .code: "bytes of code"
    case .constants: "bytes of constants"
    case .data: "bytes of data"
    case .cells: "cells"
    case .variables: "new variables"
    case .relocations: "relocations"
    case .imports: "imports"
    case .unwindEntries: "entries of the unwind table"
    case .importNames: "bytes of imports' names"
    case .libraryVersions: "bytes of libraries' versions"
    case .unwindRecords: "bytes of unwind records"
    }
  }
}
