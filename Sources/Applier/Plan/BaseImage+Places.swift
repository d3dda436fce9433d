import Addressing
import Journal

extension BaseImage {
  /// The address at which a byte of the prepared file is mapped.
  func address(of offset: FileOffset) -> VirtualAddress? {
    for segment in segments where segment.fileOffset <= offset {
      let distance = offset.rawValue - segment.fileOffset.rawValue
      if distance < segment.fileByteCount { return segment.range.start.advanced(by: distance) }
    }
    return nil
  }

  /// The arena's segment that only the loader and unwinders read.
  var loaderTables: AddressRange? {
    let known = [arena.code, arena.constants, arena.writable]
    return segments.first { segment in segment.isPartOfArena && !known.contains { $0.overlaps(segment.range) } }?.range
  }

  /// The arena's ranges as a task without them gets them mapped: the header's first, for once it is there the others
  /// are known to be ours.
  var arenaMappings: [ArenaMapping] {
    [
      ArenaMapping(range: arena.writable, protection: [.read, .write]),
      ArenaMapping(range: arena.code, protection: [.read, .execute]),
      ArenaMapping(range: arena.constants, protection: .read),
    ].filter { !$0.range.isEmpty }
  }
}

struct ArenaMapping {
  var range: AddressRange
  var protection: PageProtection
}
