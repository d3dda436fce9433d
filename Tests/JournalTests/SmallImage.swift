import Addressing
import Foundation
import Journal

/// A made-up image of a few pages with an arena, and journals of it.
enum SmallImage {
  static let codeStart: UInt64 = 0x40_0000
  static let dataStart: UInt64 = 0x41_0000
  static let arenaCode: UInt64 = 0x100_0000
  static let arenaConstants: UInt64 = 0x110_0000
  static let arenaWritable: UInt64 = 0x120_0000
  static let fileByteCount: UInt64 = 0x1_6000

  static let cursors = ArenaCursors(
    code: VirtualAddress(arenaCode), constants: VirtualAddress(arenaConstants),
    cells: VirtualAddress(arenaWritable + 0x1000), data: VirtualAddress(arenaWritable + 0x3000),
    flags: VirtualAddress(arenaWritable + 0x2000), relocations: 0, dynamicSymbols: 4, unwindEntries: 0,
    dynamicStrings: 32, versionNeeds: 1, unwindBytes: 0)

  static func range(_ start: UInt64, _ count: UInt64) -> AddressRange {
    AddressRange(start: VirtualAddress(start), byteCount: count)
  }

  static let arena = Arena(
    code: range(arenaCode, 0x1_0000), constants: range(arenaConstants, 0x1000),
    writable: range(arenaWritable, 0x4000), header: range(arenaWritable, 0x1000),
    cells: range(arenaWritable + 0x1000, 0x1000), flags: range(arenaWritable + 0x2000, 0x1000),
    data: range(arenaWritable + 0x3000, 0x1000), loaderTables: [1, 2, 3], cursors: cursors)

  static let segments = [
    Segment(
      range: range(codeStart, 0x1000), fileOffset: FileOffset(0), fileByteCount: 0x1000,
      protection: [.read, .execute], isPartOfArena: false),
    Segment(
      range: range(dataStart, 0x2000), fileOffset: FileOffset(0x1000), fileByteCount: 0x800,
      protection: [.read, .write], isPartOfArena: false),
    Segment(
      range: range(arenaCode, 0x1_0000), fileOffset: FileOffset(0x2000), fileByteCount: 0x1_0000,
      protection: [.read, .execute], isPartOfArena: true),
    Segment(
      range: range(arenaWritable, 0x4000), fileOffset: FileOffset(0x1_2000), fileByteCount: 0x4000,
      protection: [.read, .write], isPartOfArena: true),
  ]

  /// The prepared file: code and data that vary, an arena of zeroes.
  static let file: [UInt8] = {
    var random = SeededGenerator(seed: 7)
    var bytes = (0..<0x1800).map { _ in UInt8.random(in: 0...255, using: &random) }
    bytes += [UInt8](repeating: 0, count: Int(fileByteCount) - bytes.count)
    return bytes
  }()

  static let base: BaseImage = {
    let original = Digest.sha256(of: Array(file.prefix(0x1800)))
    return BaseImage(
      format: .elf, architecture: .x86_64, isPositionIndependent: true, identity: Array(1...20),
      digest: BaseDigest.digest(original: original, arena: arena), originalDigest: original,
      preparedDigest: Digest.sha256(of: file), originalPath: "/usr/bin/small", preparedPath: "/usr/bin/small.hot",
      originalByteCount: 0x1800, preparedByteCount: fileByteCount, segments: segments, arena: arena,
      entryPoint: VirtualAddress(codeStart + 0x10), switchesStacks: false)
  }()

  static func function(_ name: String, _ offset: UInt64, _ count: UInt64, unit: String? = nil) -> BaseSymbol {
    BaseSymbol(
      name: name, address: VirtualAddress(codeStart + offset), byteCount: count, kind: .function,
      binding: unit == nil ? .global : .local, unit: unit, typeDigest: "void(void)")
  }

  static let symbols = [
    function("main", 0x100, 0x80), function("step", 0x180, 0x40), function("step_alias", 0x180, 0x40),
    function("helper", 0x200, 0x30, unit: "a.c"), function("helper", 0x240, 0x30, unit: "b.c"),
    BaseSymbol(
      name: "counter", address: VirtualAddress(dataStart + 8), byteCount: 8, kind: .data, binding: .global),
    BaseSymbol(
      name: "errno_copy", address: VirtualAddress(UInt64(bitPattern: -16)), byteCount: 4, kind: .threadLocal,
      binding: .global),
  ]

  static var content: BaseContent {
    BaseContent(
      symbols: symbols,
      imports: [
        BaseImport(
          symbol: ImportedSymbol(name: "puts", version: "GLIBC_2.2.5", library: "libc.so.6"),
          slot: VirtualAddress(dataStart + 0x100), kind: .jumpSlot)
      ],
      types: [TypeLayout(name: "struct conn", byteCount: 16, layout: "0 int fd; 8 ptr next")],
      libraries: [BaseContent.Library(soname: "libc.so.6", path: "/lib/libc.so.6", buildID: [1, 2])],
      readPreparedImage: { offset, count in Array(file[Int(offset.rawValue)..<Int(offset.rawValue) + count]) })
  }
}

/// A folder that is gone when the test is.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "hcs-journal-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

/// SplitMix64: the same numbers everywhere, for ever.
struct SeededGenerator: RandomNumberGenerator {
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
