import Addressing
import Journal
import ObjectFile

/// How much room `init` makes for updates, in bytes and entries. Untouched room costs neither disk nor memory.
public struct ArenaRoom: Hashable, Sendable {
  public var codeByteCount: UInt64
  public var constantByteCount: UInt64
  public var dataByteCount: UInt64
  public var cellCount: UInt64
  public var variableCount: UInt64

  public init(
    codeByteCount: UInt64, constantByteCount: UInt64, dataByteCount: UInt64, cellCount: UInt64, variableCount: UInt64
  ) {
    self.codeByteCount = codeByteCount
    self.constantByteCount = constantByteCount
    self.dataByteCount = dataByteCount
    self.cellCount = cellCount
    self.variableCount = variableCount
  }

  /// For some thousand updates of a few functions each.
  public static let standard = ArenaRoom(codeByteCount: 16 << 20)

  /// The rest in proportion to the code.
  public init(codeByteCount: UInt64) {
    self.init(
      codeByteCount: codeByteCount, constantByteCount: codeByteCount / 2, dataByteCount: codeByteCount / 4,
      cellCount: max(16, codeByteCount / 256), variableCount: max(16, codeByteCount / 1024))
  }

  /// - Parameter architecture: of the image. A branch of arm64 reaches 128 MiB, and a function of one or two
  ///   instructions has no room for a stub of more than that: the arena must be as near as the heap leaves it, which in
  ///   a process of the unprepared image is refused by name where the heap is in the way.
  func request(for architecture: BaseImage.Architecture) -> ELFArenaRequest {
    ELFArenaRequest(
      codeByteCount: codeByteCount, constantByteCount: constantByteCount, cellByteCount: cellCount * 8,
      flagByteCount: variableCount, dataByteCount: dataByteCount,
      // A record for each cell, and as many for pointers in constants and data.
      relocationRoom: UInt32(clamping: cellCount * 2), symbolRoom: 4096, stringRoom: 128 << 10,
      versionNeedRoom: 16 << 10, unwindEntryRoom: UInt32(clamping: cellCount),
      unwindByteRoom: UInt32(clamping: max(8 << 20, codeByteCount / 2)),
      gap: gap(for: architecture))
  }

  private func gap(for architecture: BaseImage.Architecture) -> UInt64 {
    architecture == .arm64 ? 0x400_0000 : ELFArenaRequest.defaultGap
  }

  /// The same for a Mach-O image, whose tables count otherwise.
  func machORequest(for architecture: BaseImage.Architecture) -> MachOArenaRequest {
    MachOArenaRequest(
      codeByteCount: codeByteCount, constantByteCount: constantByteCount, cellByteCount: cellCount * 8,
      flagByteCount: variableCount, dataByteCount: dataByteCount,
      // A word apart from others takes up to four bytes of opcodes; cells stand side by side.
      rebaseRoom: Int(clamping: cellCount * 4), importRoom: 4096, nameRoom: 128 << 10, gap: gap(for: architecture))
  }
}
