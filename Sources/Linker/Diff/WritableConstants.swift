import Addressing
import Journal
import ObjectFile

/// The base image's constants that stand in a segment which is left writable, for that of Mach-O that a linker does not close
/// once the loader has fixed them up.
struct WritableConstants {
  private let ranges: [AddressRange]

  init(_ store: JournalStore) throws(LinkError) {
    guard store.base.format == .machO else {
      ranges = []
      return
    }
    do throws(ObjectFileError) {
      let file = try MachOFile(tablesOf: store.base.preparedPath, byteCount: store.base.preparedByteCount) {
        try store.baseFileBytes(at: $0, count: $1)
      }
      ranges = file.sections.filter(\.holdsConstants).map(\.range)
    } catch {
      throw LinkError(.objectFile, cause: error)
    }
  }

  func contains(_ address: VirtualAddress) -> Bool { ranges.contains { $0.contains(address) } }
}
