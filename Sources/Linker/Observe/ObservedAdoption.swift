import Addressing
import Foundation
import Journal

extension ImageAdoption {
  /// Makes the journal of an image that another incremental linker will rewrite. Nothing is prepared: the journal's base
  /// is the image itself.
  public static func adopt(observedImageAt path: String, journalPath: String) throws(LinkError) -> Outcome {
    if FileManager.default.fileExists(atPath: journalPath) { throw LinkError(.fileExists, object: journalPath) }
    let (file, digest) = try ImageReading.settled(at: path)
    let image = try ImageReading.image(file)
    if image.symbols.isEmpty { throw LinkError(.imageWithoutSymbols, object: path) }
    let base = try ObservedBase(image, digest: digest, path: path).base
    let content = BaseContent(
      symbols: image.symbols.map(BaseSymbol.init), imports: [], types: [], libraries: []
    ) { offset, count in
      let start = Int(clamping: offset.rawValue)
      return Array(image.file.dropFirst(start).prefix(count))
    }
    do throws(JournalError) {
      let store = try JournalStore.create(at: journalPath, base: base, content: content)
      return Outcome(store: store, notes: [], symbolCount: content.symbols.count)
    } catch {
      throw LinkError(.journal, object: path, cause: error)
    }
  }
}

/// What a journal keeps of an image that is observed.
private struct ObservedBase {
  /// Beyond the end of the image, where neither its own growth nor the heap of a process comes so soon.
  private static let distance: UInt64 = 1536 << 20
  private static let flagPages: UInt64 = 16

  let base: BaseImage

  init(_ image: ObservedImage, digest: Digest, path: String) throws(LinkError) {
    let segments = Self.segments(of: image)
    let arena = try Self.arena(behind: segments, image)
    let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
    var base = BaseImage(
      format: image.format, architecture: image.architecture, isPositionIndependent: image.isPositionIndependent,
      identity: image.identity, digest: BaseDigest.digest(original: digest, arena: arena), originalDigest: digest,
      preparedDigest: digest, originalPath: absolute, preparedPath: absolute,
      originalByteCount: UInt64(image.file.count), preparedByteCount: UInt64(image.file.count), segments: segments,
      arena: arena, entryPoint: image.entryPoint, switchesStacks: image.switchesStacks)
    if base.identity.isEmpty, let segment = base.identitySegment {
      let start = Int(clamping: segment.fileOffset.rawValue)
      let bytes = image.file.dropFirst(start).prefix(Int(clamping: segment.fileByteCount))
      base.identity = Digest.sha256(of: Array(bytes)).bytes
    }
    self.base = base
  }

  /// Whole pages, as the kernel maps them: what stands behind a segment in its last page of the file is in memory too,
  /// but for one that is longer in memory, whose rest the kernel clears (fs/binfmt_elf.c, padzero).
  private static func segments(of image: ObservedImage) -> [Segment] {
    image.segments.map { segment in
      let pages = segment.pages(of: image.pageByteCount)
      let skipped = segment.range.start.rawValue - pages.start.rawValue
      let offset = segment.fileOffset.rawValue - min(skipped, segment.fileOffset.rawValue)
      let isShort = segment.fileByteCount < segment.range.byteCount
      let wanted = isShort ? segment.fileByteCount + skipped : pages.byteCount
      let inFile = UInt64(image.file.count) - min(offset, UInt64(image.file.count))
      return Segment(
        range: pages, fileOffset: FileOffset(offset), fileByteCount: min(wanted, inFile),
        protection: segment.protection, isPartOfArena: false)
    }
  }

  private static func arena(behind segments: [Segment], _ image: ObservedImage) throws(LinkError) -> Arena {
    let page = image.pageByteCount
    guard let end = segments.map(\.range.end).max(), let start = end.advanced(by: distance)?.alignedUp(to: page),
      let writable = AddressRange(validating: start, byteCount: page * (1 + flagPages))
    else { throw LinkError(.notAnImage, object: image.name, detail: "it reaches to the end of the address space") }
    let header = AddressRange(start: start, byteCount: page)
    let flags = AddressRange(start: header.end, byteCount: page * flagPages)
    let nothing = AddressRange(start: flags.end, byteCount: 0)
    return Arena(
      code: nothing, constants: nothing, writable: writable, header: header, cells: nothing, flags: flags,
      data: nothing, loaderTables: [],
      cursors: ArenaCursors(
        code: nothing.start, constants: nothing.start, cells: nothing.start, data: nothing.start, flags: flags.start,
        relocations: 0, dynamicSymbols: 0, unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0))
  }
}

extension BaseSymbol {
  init(_ symbol: ObservedSymbol) {
    self.init(
      name: symbol.name, address: symbol.range.start, byteCount: symbol.range.byteCount,
      kind: symbol.kind == .data ? .data : .function, binding: symbol.isGlobal ? .global : .local)
  }
}
