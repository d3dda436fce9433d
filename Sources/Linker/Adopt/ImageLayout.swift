import Addressing
import Journal
import ObjectFile

extension Digest {
  /// SHA-256 of a file that is read piece by piece; an empty piece ends it.
  static func sha256(of read: (_ offset: Int, _ maximumByteCount: Int) -> [UInt8]) -> Digest {
    var offset = 0
    return sha256(pieces: {
      let piece = read(offset, 1 << 20)
      offset += piece.count
      return piece.isEmpty ? nil : piece
    })
  }
}

extension ByteView {
  func piece(at offset: Int, ofAtMost maximum: Int) -> [UInt8] {
    guard offset < count else { return [] }
    return (try? bytes(at: offset, count: min(maximum, count - offset))) ?? []
  }
}

extension Arena {
  init(_ prepared: ELFPreparedImage) {
    let layout = prepared.layout
    let counters = prepared.counters
    let growth = layout.growth
    self.init(
      code: layout.code.range.joined(growth?.code.range),
      constants: layout.constants.range.joined(growth?.constants.range),
      writable: layout.writable.range.joined(growth?.data.range), header: layout.header.range,
      cells: layout.cells.range, flags: layout.flags.range, data: layout.data.range.joined(growth?.data.range),
      loaderTables: layout.encoded,
      cursors: ArenaCursors(
        code: layout.code.range.start, constants: layout.constants.range.start, cells: layout.cells.range.start,
        data: layout.data.range.start, flags: layout.flags.range.start, relocations: counters.relocations,
        dynamicSymbols: counters.dynamicSymbols, unwindEntries: counters.unwindEntries,
        dynamicStrings: counters.dynamicStrings, versionNeeds: counters.versionNeeds,
        unwindBytes: counters.unwindBytes))
  }
}

extension AddressRange {
  /// With the range that begins where it ends.
  fileprivate func joined(_ next: AddressRange?) -> AddressRange {
    AddressRange(start: start, byteCount: byteCount + (next?.byteCount ?? 0))
  }
}

/// The mapped segments of a prepared image.
enum ImageSegments {
  static func of(_ file: ELFFile, _ layout: ELFArenaLayout) -> [Segment] {
    let relocated = file.segments.first(of: .readOnlyAfterRelocation)?.range
    let base = file.segments.filter { $0.type == .load }.flatMap { split($0, at: relocated) }
    var parts: [(ELFArenaLayout.Part, PageProtection)] = [
      (layout.tables, .read), (layout.code, [.read, .execute]), (layout.constants, .read),
      (layout.writable, [.read, .write]),
    ]
    if let growth = layout.growth {
      parts.append((growth.code, [.read, .execute]))
      parts.append((growth.constants, .read))
      parts.append((growth.data, [.read, .write]))
    }
    let arena = parts.map { part, protection in
      Segment(
        range: part.range, fileOffset: part.fileOffset, fileByteCount: part.range.byteCount, protection: protection,
        isPartOfArena: true)
    }
    return (base + arena).sorted { $0.range.start < $1.range.start }
  }

  /// What the loader makes read-only after it has relocated it (PT_GNU_RELRO) stands apart: writes there need the
  /// protection changed. The loader protects whole pages only, from the start of the range (ld.so, _dl_protect_relro).
  private static func split(_ segment: ELFSegment, at relocated: AddressRange?) -> [Segment] {
    let whole = Segment(
      range: segment.range, fileOffset: segment.fileOffset, fileByteCount: segment.fileByteCount,
      protection: segment.protection, isPartOfArena: false)
    guard let relocated, segment.range.overlaps(relocated), segment.protection.contains(.write) else { return [whole] }
    let start = max(relocated.start, segment.range.start)
    let end = min(relocated.end.alignedDown(to: 4096), segment.range.end)
    guard start < end else { return [whole] }
    return [
      part(whole, from: segment.range.start, to: start, segment.protection),
      part(whole, from: start, to: end, segment.protection.subtracting(.write)),
      part(whole, from: end, to: segment.range.end, segment.protection),
    ].filter { !$0.range.isEmpty }
  }

  private static func part(
    _ segment: Segment, from start: VirtualAddress, to end: VirtualAddress, _ protection: PageProtection
  ) -> Segment {
    let skipped = start.rawValue - segment.range.start.rawValue
    let byteCount = end.rawValue - start.rawValue
    return Segment(
      range: AddressRange(start: start, byteCount: byteCount),
      fileOffset: FileOffset(segment.fileOffset.rawValue + skipped),
      fileByteCount: min(byteCount, segment.fileByteCount - min(segment.fileByteCount, skipped)),
      protection: protection, isPartOfArena: false)
  }
}

extension ELFMachine {
  /// Nil for a machine that the linker does not know.
  var architecture: BaseImage.Architecture? {
    switch self {
    case .x86_64: .x86_64
    case .aarch64: .arm64
    default: nil
    }
  }
}

extension MachOMachine {
  var architecture: BaseImage.Architecture {
    switch self {
    case .x86_64: .x86_64
    case .arm64: .arm64
    }
  }
}

extension BaseImage.Architecture {
  /// For messages.
  var name: String {
    switch self {
    case .x86_64: "x86-64"
    case .arm64: "arm64"
    }
  }
}

enum ImageIdentity {
  /// The build-id; for an image without one the digest of its first loaded segment, as far as the file has it.
  static func of(_ file: ELFFile) throws(ObjectFileError) -> [UInt8] {
    if let buildID = file.buildID { return buildID }
    guard let first = file.segments.first(of: .load) else { return [] }
    let view = try file.view.slice(first.fileOffset.rawValue, first.fileByteCount)
    return Digest.sha256(of: try view.bytes(at: 0, count: view.count)).bytes
  }
}
