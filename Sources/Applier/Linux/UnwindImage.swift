import Addressing
import ObjectFile

/// What an unwinder needs to know of an image in a task: what is loaded of it, and where its `.eh_frame_hdr` stands.
struct UnwindImage: Hashable, Sendable {
  private let segments: [RuntimeRange]
  private let table: RuntimeAddress?

  init(_ headers: [ProgramHeader], slide: UInt64) {
    segments = headers.filter { $0.type == SegmentType.load }.compactMap {
      RuntimeRange(start: RuntimeAddress(rawValue: $0.address &+ slide), byteCount: $0.byteCount)
    }
    table = headers.first { $0.type == SegmentType.unwindTable }.map {
      RuntimeAddress(rawValue: $0.address &+ slide)
    }
  }

  func contains(_ address: UInt64) -> Bool {
    segments.contains { $0.contains(RuntimeAddress(rawValue: address)) }
  }

  /// The address of the FDE that may be the function's: the last one in the table that begins at `address` or before.
  ///
  /// Of the forms that `.eh_frame_hdr` could have, the one that all linkers write (`ELFPreparation`).
  func candidate(for address: UInt64, in pages: TaskPages) -> UInt64? {
    guard let header = table?.rawValue, pages.integer(UInt32.self, at: header) == 0x3b03_1b01,
      let count = pages.integer(UInt32.self, at: header &+ 8)
    else { return nil }
    var low: UInt64 = 0
    var high = UInt64(count)
    while low < high {
      let middle = low + (high - low) / 2
      guard let start = pages.integer(Int32.self, at: header &+ 12 &+ middle * 8) else { return nil }
      if header &+ UInt64(bitPattern: Int64(start)) <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, let record = pages.integer(Int32.self, at: header &+ 16 &+ (low - 1) * 8) else { return nil }
    return header &+ UInt64(bitPattern: Int64(record))
  }
}

/// The images of a task, found by the program counters that lie in them.
///
/// The executable is known by the auxiliary vector. Libraries, the loader and the vDSO are known by the ELF header at the
/// start of their first mapping: that holds for what dlmopen(3) has loaded as well, and asks no list that the program
/// could be changing.
final class UnwindImages {
  private static let mostMappingsOfImage = 16
  private static let mostProgramHeaders = 64

  private let executable: UnwindImage
  private let mappings: [MapsLine]
  private let pages: TaskPages
  private var found: [UnwindImage] = []

  init(executable: UnwindImage, mappings: [MapsLine], pages: TaskPages) {
    self.executable = executable
    self.mappings = mappings
    self.pages = pages
  }

  func image(holding address: UInt64) -> UnwindImage? {
    if executable.contains(address) { return executable }
    if let known = found.first(where: { $0.contains(address) }) { return known }
    guard let index = mappings.firstIndex(where: { $0.range.contains(RuntimeAddress(rawValue: address)) }),
      mappings[index].protection.contains(.execute)
    else { return nil }
    // Its first mapping is at most a few before, under the same name.
    for earlier in mappings[...index].reversed().prefix(Self.mostMappingsOfImage) {
      guard earlier.name == mappings[index].name else { return nil }
      guard let image = image(at: earlier.range.start.rawValue), image.contains(address) else { continue }
      found.append(image)
      return image
    }
    return nil
  }

  /// - Parameter start: of a mapping. ELF header: `e_phoff` at 32, `e_phentsize` and `e_phnum` at 54 (gABI).
  private func image(at start: UInt64) -> UnwindImage? {
    guard let header = pages.bytes(start, 64), header.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]),
      let offset = TaskBytes(header).word(at: 32), let size: UInt16 = TaskBytes(header).integer(at: 54),
      let count: UInt16 = TaskBytes(header).integer(at: 56), Int(size) == ProgramHeader.byteCount,
      Int(count) <= Self.mostProgramHeaders,
      let bytes = pages.bytes(start &+ offset, Int(count) * ProgramHeader.byteCount)
    else { return nil }
    let table = TaskBytes(bytes)
    let headers = (0..<Int(count)).compactMap { ProgramHeader(table, at: $0 * ProgramHeader.byteCount) }
    // The segment that the header itself is in tells the slide.
    guard let first = headers.first(where: { $0.type == SegmentType.load && $0.fileOffset == 0 }) else { return nil }
    return UnwindImage(headers, slide: start &- (first.address & ~0xfff))
  }
}
