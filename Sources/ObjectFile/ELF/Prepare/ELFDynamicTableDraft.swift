import Addressing

/// The dynamic section of an image being prepared. It stays where it is and as long as it is: the loader, the debugger
/// and start-up code of static executables find it by its address.
struct ELFDynamicTableDraft {
  private var entries: [(tag: ELFDynamicTag, value: UInt64)]
  private let capacity: Int
  let fileOffset: FileOffset

  /// Nil for an empty dynamic section.
  init?(_ dynamic: ELFDynamic) {
    guard dynamic.capacity > 0 else { return nil }
    entries = dynamic.map { ($0.tag, $0.value) }
    capacity = dynamic.capacity
    fileOffset = dynamic[0].fileOffset
  }

  /// Entries that can be added; one DT_NULL must remain.
  var spareCount: Int { capacity - 1 - entries.count }

  func has(_ tag: ELFDynamicTag) -> Bool { entries.contains { $0.tag == tag } }

  /// - Precondition: the tag is there, or `spareCount` is not 0.
  mutating func set(_ tag: ELFDynamicTag, _ value: UInt64) {
    if let index = entries.firstIndex(where: { $0.tag == tag }) {
      entries[index].value = value
    } else {
      precondition(spareCount > 0, "no spare dynamic entry")
      entries.append((tag, value))
    }
  }

  mutating func remove(_ tag: ELFDynamicTag) { entries.removeAll { $0.tag == tag } }

  /// Where the value of a tag stands, once no tag is added or removed any more.
  func valueOffset(_ tag: ELFDynamicTag) -> FileOffset? {
    entries.firstIndex { $0.tag == tag }.map {
      FileOffset(fileOffset.rawValue + UInt64($0 * ELFDynamic.entryByteCount + 8))
    }
  }

  var bytes: [UInt8] {
    var table = TableBytes()
    for entry in entries {
      table.append(entry.tag.rawValue)
      table.append(entry.value)
    }
    table.append(zeros: capacity * ELFDynamic.entryByteCount - table.count)
    return table.bytes
  }
}
