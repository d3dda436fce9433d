import Addressing
import Journal

/// An image as a whole, whatever its format: what an update is observed from is two of these.
struct ObservedImage {
  /// Where the image came from, for messages.
  var name: String
  var format: BaseImage.Format
  var architecture: BaseImage.Architecture
  /// Whether a loader may slide it.
  var isPositionIndependent: Bool
  var entryPoint: VirtualAddress
  /// Build-id or UUID; empty where it has none.
  var identity: [UInt8]
  /// The whole file.
  var file: [UInt8]
  /// Ascending by address.
  var segments: [ObservedSegment]
  /// Ascending by address; those without a size, and those that stand in no segment, are left out.
  var symbols: [ObservedSymbol]
  /// Tables of pointers that a linker keeps: the GOT.
  var cells: [AddressRange]
  /// Parts of writable segments that no program writes.
  var constants: [AddressRange]
  /// The words that a loader adds its slide to, with what they point at; nil for an image that does not slide, whose
  /// pointers must be told by what they hold.
  var rebased: [VirtualAddress: VirtualAddress]?
  /// The words that a loader fills with addresses of other images' symbols; what the file holds there is the loader's business.
  var bound: [VirtualAddress: ImportedSymbol] = [:]
  var pageByteCount: UInt64
  /// Where symbols have no sizes each reaches to the next one: a neighbour that comes or goes changes it.
  var hasDerivedSizes = false
  /// The symbol table holds records that are neither empty nor symbols.
  var hasDamagedSymbols = false
  var switchesStacks = false
}

/// A mapped unit.
struct ObservedSegment {
  /// As the image says, and beyond it to the end of the last symbol that begins in its last page: linkers that work in
  /// place are late to write it.
  var range: AddressRange
  var fileOffset: FileOffset
  /// Bytes of `range` that the file holds; the rest is zeroes.
  var fileByteCount: UInt64
  var protection: PageProtection

  /// Whole pages, as a loader maps them.
  func pages(of byteCount: UInt64) -> AddressRange {
    let start = range.start.alignedDown(to: byteCount)
    let end = range.end.alignedUp(to: byteCount) ?? range.end
    return AddressRange(start: start, byteCount: end.rawValue - start.rawValue)
  }
}

struct ObservedSymbol: Hashable {
  enum Kind: Hashable {
    case function
    case data
    /// A jump that the linker leaves at a function's old address.
    case trampoline
  }

  /// Of a trampoline: the function's.
  var name: String
  var range: AddressRange
  var kind: Kind
  var isGlobal: Bool
}

extension ObservedImage {
  func segment(containing address: VirtualAddress) -> ObservedSegment? {
    segments.first { $0.range.contains(address) }
  }

  func isExecutable(_ address: VirtualAddress) -> Bool {
    segment(containing: address)?.protection.contains(.execute) ?? false
  }

  /// Whether the program may write there.
  func isVariable(_ range: AddressRange) -> Bool {
    guard let segment = segment(containing: range.start), segment.protection.contains(.write) else { return false }
    return !(constants + cells).contains { $0.overlaps(range) }
  }

  /// What is mapped at the addresses, as the file has it: of one segment; zeroes where nothing is.
  func bytes(_ range: AddressRange) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(clamping: range.byteCount))
    for segment in segments where segment.range.overlaps(range) {
      let start = max(segment.range.start, range.start)
      let offset = start.rawValue - segment.range.start.rawValue
      let end = min(range.end.rawValue - segment.range.start.rawValue, segment.fileByteCount)
      guard offset < end, let first = Int(exactly: segment.fileOffset.rawValue + offset) else { continue }
      let last = min(file.count, first + Int(end - offset))
      guard first < last else { continue }
      let place = Int(start.rawValue - range.start.rawValue)
      bytes.replaceSubrange(place..<place + last - first, with: file[first..<last])
    }
    return bytes
  }

  /// The 8 bytes at an address.
  func word(_ address: VirtualAddress) -> UInt64 {
    bytes(AddressRange(start: address, byteCount: 8)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Where the file holds a range that a segment maps from it.
  func fileOffset(of range: AddressRange) -> FileOffset? {
    for segment in segments where segment.pages(of: pageByteCount).contains(range) {
      let offset = segment.fileOffset.rawValue &+ range.start.rawValue &- segment.range.start.rawValue
      // What the last page of a segment holds beyond it stands behind it in the file, but not where the segment is
      // longer in memory.
      guard
        segment.fileByteCount == segment.range.byteCount
          || range.end.rawValue - segment.range.start.rawValue <= segment.fileByteCount
      else { return nil }
      return FileOffset(offset)
    }
    return nil
  }

  /// The symbol that an address lies in: a function before anything else.
  func symbol(containing address: VirtualAddress) -> ObservedSymbol? {
    // Symbols that a linker has not taken out yet overlap newer ones: the last that begins is the innermost.
    let candidates = symbols.prefix(upTo: firstSymbol(behind: address)).reversed().prefix(16)
    return candidates.first { $0.range.contains(address) && $0.kind != .trampoline }
  }

  /// Index of the first symbol that begins behind an address.
  private func firstSymbol(behind address: VirtualAddress) -> Int {
    symbols.partitioningIndex { $0.range.start > address }
  }
}
