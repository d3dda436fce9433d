import Addressing
import Journal
import ObjectFile

/// The prepared image as the journal keeps it, for what its debug information tells.
enum JournalImage {
  /// Nil where it cannot be read, or is no ELF image.
  static func file(of store: JournalStore) -> ELFFile? {
    var bytes: [UInt8] = []
    let whole = store.base.preparedByteCount
    while UInt64(bytes.count) < whole {
      let count = Int(min(whole - UInt64(bytes.count), 1 << 20))
      guard let part = try? store.baseFileBytes(at: FileOffset(UInt64(bytes.count)), count: count) else { return nil }
      bytes += part
    }
    return try? ELFFile(MappedFile(bytes: bytes, name: store.path))
  }

  /// Who compiled it; where nothing is known, a compiler that may do anything.
  static func compilers(of store: JournalStore) -> CompilerFacts {
    guard let file = file(of: store), let types = try? ImageTypes(file) else { return CompilerFacts([]) }
    let strings = (try? CompilerComments.strings(in: file)) ?? []
    return CompilerFacts(types.producers.isEmpty ? strings : types.producers)
  }
}
