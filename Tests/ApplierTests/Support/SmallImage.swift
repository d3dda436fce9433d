import Addressing
import Journal

/// A prepared image small enough to be made by hand: an ELF header with a build-id note, code, constants, variables,
/// and an arena behind a gap. The file's bytes stand at other offsets than their addresses.
enum SmallImage {
  static let buildID: [UInt8] = Array(0xb0...0xc3)
  static let code = AddressRange(start: VirtualAddress(0x40_1000), byteCount: 0x2000)
  static let constants = AddressRange(start: VirtualAddress(0x40_3000), byteCount: 0x1000)
  static let variables = AddressRange(start: VirtualAddress(0x40_4000), byteCount: 0x1000)
  static let arenaCode = AddressRange(start: VirtualAddress(0x80_0000), byteCount: 0x8000)
  static let arenaConstants = AddressRange(start: VirtualAddress(0x80_8000), byteCount: 0x1000)
  static let arenaWritable = AddressRange(start: VirtualAddress(0x80_9000), byteCount: 0x4000)
  static let header = AddressRange(start: VirtualAddress(0x80_9000), byteCount: 0x1000)
  static let cells = AddressRange(start: VirtualAddress(0x80_a000), byteCount: 0x1000)
  static let flags = AddressRange(start: VirtualAddress(0x80_b000), byteCount: 0x100)
  static let data = AddressRange(start: VirtualAddress(0x80_b100), byteCount: 0x1f00)
  /// Bytes of the file that only a loader reads.
  static let tablesOffset: UInt64 = 0x800
  static let fileByteCount: UInt64 = 0x12000

  static let segments = [
    segment(0x40_0000, 0x1000, offset: 0, .read),
    segment(code, offset: 0x1000, [.read, .execute]),
    segment(constants, offset: 0x3000, .read),
    segment(variables, offset: 0x4000, [.read, .write]),
    segment(arenaCode, offset: 0x5000, [.read, .execute], isPartOfArena: true),
    segment(arenaConstants, offset: 0xd000, .read, isPartOfArena: true),
    segment(arenaWritable, offset: 0xe000, [.read, .write], isPartOfArena: true),
  ]

  static let cursors = ArenaCursors(
    code: arenaCode.start, constants: arenaConstants.start, cells: cells.start, data: data.start, flags: flags.start,
    relocations: 0, dynamicSymbols: 0, unwindEntries: 0, dynamicStrings: 0, versionNeeds: 0, unwindBytes: 0)

  static func base(switchesStacks: Bool = false) -> BaseImage {
    BaseImage(
      format: .elf, architecture: .x86_64, isPositionIndependent: true, identity: buildID, digest: digest(0),
      originalDigest: digest(1), preparedDigest: digest(2), originalPath: "small", preparedPath: "small.hot",
      originalByteCount: 0x5000, preparedByteCount: fileByteCount, segments: segments,
      arena: Arena(
        code: arenaCode, constants: arenaConstants, writable: arenaWritable, header: header, cells: cells,
        flags: flags, data: data, loaderTables: [], cursors: cursors), entryPoint: code.start,
      switchesStacks: switchesStacks)
  }

  /// The prepared file, as `init` writes it.
  static func file() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(fileByteCount))
    for (index, byte) in elfHead().enumerated() { bytes[index] = byte }
    var random = SplitMix(seed: 7)
    for offset in 0x1000..<0x5000 { bytes[offset] = UInt8(truncatingIfNeeded: random.next()) }
    let start = TargetHeader(base: base().digest, position: base().position).encoded()
    bytes.replaceSubrange(0xe000..<0xe000 + start.count, with: start)
    return bytes
  }

  /// A digest that no two numbers share.
  static func digest(_ number: UInt64) -> Digest {
    Digest(bytes: number.bytes + [UInt8](repeating: 0xd1, count: 24)) ?? .zero
  }

  static func offset(of address: VirtualAddress) -> Int {
    for segment in segments where segment.range.contains(address) {
      return Int(segment.fileOffset.rawValue + address.rawValue - segment.range.start.rawValue)
    }
    return -1
  }

  /// ELF header, one PT_LOAD for the first page and one PT_NOTE (gABI; the note's name is `GNU`, its type 3).
  private static func elfHead() -> [UInt8] {
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

  private static func segment(
    _ range: AddressRange, offset: UInt64, _ protection: PageProtection, isPartOfArena: Bool = false
  ) -> Segment {
    Segment(
      range: range, fileOffset: FileOffset(offset), fileByteCount: range.byteCount, protection: protection,
      isPartOfArena: isPartOfArena)
  }

  private static func segment(
    _ start: UInt64, _ byteCount: UInt64, offset: UInt64, _ protection: PageProtection
  ) -> Segment {
    segment(AddressRange(start: VirtualAddress(start), byteCount: byteCount), offset: offset, protection)
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
