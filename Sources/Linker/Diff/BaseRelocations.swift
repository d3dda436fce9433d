import Addressing
import Journal
import ObjectFile

/// The relative relocation records of the prepared image, sorted by place: found by bisection, read from the journal a
/// few at a time.
struct BaseRelocations: BasePointers {
  private let store: JournalStore
  private let room: ELFRelocationRoom?

  init(store: JournalStore, tables: ELFArenaLayout) {
    self.store = store
    room = tables.relocations
  }

  func target(at address: VirtualAddress) throws(LinkError) -> VirtualAddress? {
    guard let room else { return nil }
    let index = try (0..<room.sortedCount).partitioningIndex { (index) throws(LinkError) in
      try entry(index, in: room).place >= address.rawValue
    }
    guard index < room.sortedCount, case let found = try entry(index, in: room), found.place == address.rawValue else {
      return nil
    }
    return VirtualAddress(found.addend)
  }

  // Elf64_Rela: r_offset, r_info, r_addend, 8 bytes each (gABI, Relocation).
  private func entry(
    _ index: UInt32, in room: ELFRelocationRoom
  ) throws(LinkError) -> (place: UInt64, addend: UInt64) {
    let offset = FileOffset(room.table.fileOffset.rawValue + UInt64(index) * UInt64(room.table.entryByteCount))
    let bytes = try fromJournal { () throws(JournalError) in try store.baseFileBytes(at: offset, count: 24) }
    guard let place = bytes.littleEndian64(at: 0), let addend = bytes.littleEndian64(at: 16) else {
      throw LinkError(.noLoaderRoom, detail: "the prepared image ends within its relocation table")
    }
    return (place, addend)
  }
}
