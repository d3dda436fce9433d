public import Addressing
public import Journal
public import ObjectFile

/// The journal's image as a core file shows it: where it was loaded, and which update the process stood at. Both come from the core,
/// as the process itself would have told them.
public struct CoreImage: Sendable {
  public let name: String
  public let slide: Slide
  public let standing: TargetStanding
  public let threads: [ELFCore.Thread]

  /// - Throws: `identityMismatch` where the process ran another image, or the core does not show which.
  public init(_ core: ELFCore, base: BaseImage) throws(ApplyError) {
    name = core.name
    guard let entry = core.entryPoint else {
      throw ApplyError(.taskMemoryMalformed, target: core.name, detail: "it tells no entry point (NT_AUXV)")
    }
    slide = Slide(of: base.entryPoint, at: entry)
    threads = core.threads
    let memory = CoreMemory(core: core, slide: slide, base: base)
    do throws(ApplyError) {
      let header = try memory.header()
      if let header, header.base != base.digest, memory.identity() == base.identity {
        throw ApplyError(.foreignBase, expected: base.digest.bytes, found: header.base.bytes)
      }
      guard header?.base == base.digest || memory.identity() == base.identity else {
        throw ApplyError(.identityMismatch, expected: base.identity, found: memory.identity() ?? [])
      }
      standing =
        header.map { header in
          header.intent.map { .torn(header.position, $0) } ?? .at(header.position)
        } ?? .at(base.position)
    } catch { throw error.named(core.name) }
  }
}

/// Reads what a core has of the image's memory, and, of pages that the process only mapped and never wrote, what the file has that
/// they were mapped from, as long as that file still is the image.
private struct CoreMemory {
  let core: ELFCore
  let slide: Slide
  let base: BaseImage

  func header() throws(ApplyError) -> TargetHeader? {
    let start = base.arena.header.start
    guard let bytes = bytes(at: start, count: TargetHeader.byteCount) else { return nil }
    do {
      return try TargetHeader.decode(bytes)
    } catch {
      // In a process of another image, or of the one that is not prepared, there is something else at these addresses.
      if !bytes.starts(with: TargetHeader.magic) { return nil }
      throw ApplyError(.taskMemoryMalformed, address: start, cause: error)
    }
  }

  /// The build-id in the image's first pages, which a core holds (coredump_filter, bit 4: ELF headers); where the image has none,
  /// the digest of its first segment.
  func identity() -> [UInt8]? {
    guard let first = base.segments.first(where: { !$0.isPartOfArena }) else { return nil }
    let pageByteCount: UInt64 = 4096
    var bytes: [UInt8] = []
    var offset: UInt64 = 0
    while offset < min(first.fileByteCount, 16 * pageByteCount) {
      let count = min(pageByteCount, first.fileByteCount - offset)
      guard let start = first.range.start.advanced(by: offset), let page = self.bytes(at: start, count: Int(count))
      else { break }
      bytes += page
      offset += count
    }
    if let found = BuildIDNote.find(in: bytes) { return found }
    guard let whole = self.bytes(at: first.range.start, count: Int(clamping: first.fileByteCount)) else { return nil }
    return Digest.sha256(of: whole).bytes
  }

  private func bytes(at start: VirtualAddress, count: Int) -> [UInt8]? {
    let runtime = RuntimeAddress(start, slide: slide)
    if let bytes = core.bytes(at: runtime, count: count) { return bytes }
    guard let part = core.mappedFile(at: runtime),
      let offset = part.fileOffset.advanced(by: runtime.rawValue - part.start.rawValue),
      UInt64(count) <= part.end.rawValue - runtime.rawValue, let mapped = try? MappedFile(path: part.path),
      let file = try? ELFFile(mapped), file.buildID == base.identity
    else { return nil }
    return try? file.view.slice(offset.rawValue, UInt64(count)).allBytes
  }
}

/// A GNU build-id note where nothing says where the notes are (gABI, Note Section; NT_GNU_BUILD_ID is 3).
private enum BuildIDNote {
  static func find(in bytes: [UInt8]) -> [UInt8]? {
    let tail: [UInt8] = [3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]
    var offset = 0
    while offset + 16 <= bytes.count {
      // Notes are aligned to 4 bytes: the name's length is 4, that of a build-id at most 64.
      if bytes[offset..<offset + 4] == [4, 0, 0, 0], bytes[offset + 8..<offset + 16].elementsEqual(tail),
        bytes[offset + 5..<offset + 8] == [0, 0, 0], (1...64).contains(bytes[offset + 4]),
        offset + 16 + Int(bytes[offset + 4]) <= bytes.count
      {
        return Array(bytes[offset + 16..<offset + 16 + Int(bytes[offset + 4])])
      }
      offset += 4
    }
    return nil
  }
}
