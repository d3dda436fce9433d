import Addressing
import Journal

/// A prepared image small enough to be made by hand: a header with an identity, code, constants, variables, and an arena
/// behind a gap. The file's bytes stand at other offsets than their addresses. All of it in pages of one size.
struct SmallLayout: Sendable {
  var format = BaseImage.Format.elf
  var architecture = BaseImage.Architecture.x86_64
  var page: UInt64 = 0x1000
  var identity = SmallImage.buildID

  /// For Apple silicon.
  static let machO = SmallLayout(
    format: .machO, architecture: .arm64, page: 0x4000, identity: Array(SmallImage.buildID.prefix(16)))

  var head: AddressRange { pages(1, from: 0) }
  var code: AddressRange { pages(2, from: 1) }
  var constants: AddressRange { pages(1, from: 3) }
  var variables: AddressRange { pages(1, from: 4) }
  var arenaCode: AddressRange { arenaPages(8, from: 0) }
  var arenaConstants: AddressRange { arenaPages(1, from: 8) }
  var arenaWritable: AddressRange { arenaPages(4, from: 9) }
  var header: AddressRange { arenaPages(1, from: 9) }
  var cells: AddressRange { arenaPages(1, from: 10) }
  var flags: AddressRange { AddressRange(start: arenaPages(1, from: 11).start, byteCount: 0x100) }
  var data: AddressRange { AddressRange(start: flags.end, byteCount: 2 * page - 0x100) }
  /// Bytes of the file that only a loader reads.
  var tablesOffset: UInt64 { 0x800 }
  var fileByteCount: UInt64 { 18 * page }
  var headerOffset: Int { Int(14 * page) }

  private func pages(_ count: UInt64, from first: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(0x40_0000 + first * page), byteCount: count * page)
  }

  private func arenaPages(_ count: UInt64, from first: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(0x80_0000 + first * page), byteCount: count * page)
  }

  var segments: [Segment] {
    [
      segment(head, page: 0, .read),
      segment(code, page: 1, [.read, .execute]),
      segment(constants, page: 3, .read),
      segment(variables, page: 4, [.read, .write]),
      segment(arenaCode, page: 5, [.read, .execute], isPartOfArena: true),
      segment(arenaConstants, page: 13, .read, isPartOfArena: true),
      segment(arenaWritable, page: 14, [.read, .write], isPartOfArena: true),
    ]
  }

  private func segment(
    _ range: AddressRange, page first: UInt64, _ protection: PageProtection, isPartOfArena: Bool = false
  ) -> Segment {
    Segment(
      range: range, fileOffset: FileOffset(first * page), fileByteCount: range.byteCount, protection: protection,
      isPartOfArena: isPartOfArena)
  }

  var cursors: ArenaCursors {
    ArenaCursors(
      code: arenaCode.start, constants: arenaConstants.start, cells: cells.start, data: data.start, flags: flags.start,
      relocations: 0, dynamicSymbols: 0, unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0)
  }

  func base(switchesStacks: Bool = false) -> BaseImage {
    let arena = Arena(
      code: arenaCode, constants: arenaConstants, writable: arenaWritable, header: header, cells: cells,
      flags: flags, data: data, loaderTables: [], cursors: cursors)
    return BaseImage(
      format: format, architecture: architecture, isPositionIndependent: true, identity: identity,
      digest: BaseDigest.digest(original: SmallImage.digest(1), arena: arena), originalDigest: SmallImage.digest(1),
      preparedDigest: SmallImage.digest(2),
      originalPath: "small", preparedPath: "small.hot", originalByteCount: 5 * page, preparedByteCount: fileByteCount,
      segments: segments, arena: arena, entryPoint: code.start, switchesStacks: switchesStacks)
  }

  /// The prepared file, as `init` writes it.
  func file() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(fileByteCount))
    for (index, byte) in (format == .elf ? SmallImage.elfHead() : machOHead()).enumerated() { bytes[index] = byte }
    var random = SplitMix(seed: 7)
    for offset in Int(page)..<Int(5 * page) { bytes[offset] = UInt8(truncatingIfNeeded: random.next()) }
    let start = TargetHeader(base: base().digest, position: base().position).encoded()
    bytes.replaceSubrange(headerOffset..<headerOffset + start.count, with: start)
    return bytes
  }

  func offset(of address: VirtualAddress) -> Int {
    for segment in segments where segment.range.contains(address) {
      return Int(segment.fileOffset.rawValue + address.rawValue - segment.range.start.rawValue)
    }
    return -1
  }

  /// mach_header_64, LC_SEGMENT_64 of `__TEXT` without sections, LC_UUID (mach-o/loader.h).
  private func machOHead() -> [UInt8] {
    let name = Array("__TEXT".utf8) + [UInt8](repeating: 0, count: 10)
    let text =
      UInt32(0x19).bytes + UInt32(72).bytes + name + head.start.rawValue.bytes + (5 * page).bytes + UInt64(0).bytes
      + (5 * page).bytes + UInt32(5).bytes + UInt32(5).bytes + UInt32(0).bytes + UInt32(0).bytes
    let uuid = UInt32(0x1b).bytes + UInt32(24).bytes + identity
    return UInt32(0xfeed_facf).bytes + UInt32(0x0100_000c).bytes + UInt32(0).bytes + UInt32(2).bytes + UInt32(2).bytes
      + UInt32(UInt32(text.count + uuid.count)).bytes + UInt32(0).bytes + UInt32(0).bytes + text + uuid
  }
}

/// The layout of an ELF image for x86-64.
enum SmallImage {
  static let buildID: [UInt8] = Array(0xb0...0xc3)
  static let layout = SmallLayout()
  static let code = layout.code
  static let constants = layout.constants
  static let variables = layout.variables
  static let arenaCode = layout.arenaCode
  static let arenaConstants = layout.arenaConstants
  static let header = layout.header
  static let cells = layout.cells
  static let segments = layout.segments
  static let cursors = layout.cursors
  static let fileByteCount = layout.fileByteCount

  static func base(switchesStacks: Bool = false) -> BaseImage { layout.base(switchesStacks: switchesStacks) }
  static func file() -> [UInt8] { layout.file() }

  /// A digest that no two numbers share.
  static func digest(_ number: UInt64) -> Digest {
    Digest(bytes: number.bytes + [UInt8](repeating: 0xd1, count: 24)) ?? .zero
  }

  /// ELF header, one PT_LOAD for the first page and one PT_NOTE (gABI; the note's name is `GNU`, its type 3).
  fileprivate static func elfHead() -> [UInt8] {
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    bytes += UInt16(3).bytes + UInt16(62).bytes + UInt32(1).bytes
    bytes += code.start.rawValue.bytes + UInt64(64).bytes + UInt64(0).bytes
    bytes += UInt32(0).bytes + UInt16(64).bytes + UInt16(56).bytes + UInt16(2).bytes
    bytes += UInt16(64).bytes + UInt16(0).bytes + UInt16(0).bytes
    let note =
      UInt32(4).bytes + UInt32(UInt32(buildID.count)).bytes + UInt32(3).bytes + [0x47, 0x4e, 0x55, 0] + buildID
    let noteOffset: UInt64 = 64 + 2 * 56
    bytes += programHeader(type: 1, offset: 0, address: 0x40_0000, byteCount: 0x1000, alignment: 0x1000)
    bytes += programHeader(
      type: 4, offset: noteOffset, address: 0x40_0000 + noteOffset, byteCount: UInt64(note.count), alignment: 4)
    return bytes + note
  }

  private static func programHeader(
    type: UInt32, offset: UInt64, address: UInt64, byteCount: UInt64, alignment: UInt64
  ) -> [UInt8] {
    type.bytes + UInt32(4).bytes + offset.bytes + address.bytes + address.bytes + byteCount.bytes + byteCount.bytes
      + alignment.bytes
  }
}

extension FixedWidthInteger {
  /// Little-endian.
  var bytes: [UInt8] { (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}

/// A generator of numbers that gives the same ones for the same seed.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
