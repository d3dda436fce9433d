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
  /// How much more code there is room for once the arena has grown; of constants and data in proportion. 0 where it does not grow.
  /// Counts of cells, variables and entries are for all of it.
  public var growthByteCount: UInt64
  /// Whether somebody asked for that: an image whose arena cannot grow is refused then.
  public private(set) var mustGrow = false

  public init(
    codeByteCount: UInt64, constantByteCount: UInt64, dataByteCount: UInt64, cellCount: UInt64, variableCount: UInt64,
    growthByteCount: UInt64 = 0
  ) {
    self.codeByteCount = codeByteCount
    self.constantByteCount = constantByteCount
    self.dataByteCount = dataByteCount
    self.cellCount = cellCount
    self.variableCount = variableCount
    self.growthByteCount = growthByteCount
  }

  /// For some thousand updates of a few functions each.
  public static let standard = ArenaRoom(codeByteCount: 16 << 20)

  /// Twice as much again, and some thousand functions at least.
  public static func standardGrowth(ofCode byteCount: UInt64) -> UInt64 { max(2 * byteCount, 8 << 20) }

  /// The rest in proportion to the code.
  ///
  /// - Parameter growthByteCount: nil for the standard one; less where less can be reached.
  public init(codeByteCount: UInt64, growthByteCount: UInt64? = nil) {
    let growth = growthByteCount ?? Self.standardGrowth(ofCode: codeByteCount)
    let all = codeByteCount + growth
    self.init(
      codeByteCount: codeByteCount, constantByteCount: codeByteCount / 2, dataByteCount: codeByteCount / 4,
      cellCount: max(16, all / 256), variableCount: max(16, all / 1024), growthByteCount: growth)
    mustGrow = (growthByteCount ?? 0) > 0
  }

  /// The same, growing by half as much; nil where that would not be worth it.
  var growingLess: ArenaRoom? {
    guard growthByteCount > 0 else { return nil }
    let half = growthByteCount / 2
    return ArenaRoom(codeByteCount: codeByteCount, growthByteCount: half < 1 << 16 ? 0 : half)
  }

  /// - Parameter architecture: of the image. A branch of arm64 reaches 128 MiB, and a function of one or two
  ///   instructions has no room for a stub of more than that: the arena must be as near as the heap leaves it, which in
  ///   a process of the unprepared image is refused by name where the heap is in the way.
  func request(for architecture: BaseImage.Architecture) -> ELFArenaRequest {
    let growth = growthByteCount
    return ELFArenaRequest(
      codeByteCount: codeByteCount, constantByteCount: constantByteCount, cellByteCount: cellCount * 8,
      flagByteCount: variableCount, dataByteCount: dataByteCount,
      // A record for each cell, and as many for pointers in constants and data.
      relocationRoom: UInt32(clamping: cellCount * 2), symbolRoom: 4096, stringRoom: 128 << 10,
      versionNeedRoom: 16 << 10, unwindEntryRoom: UInt32(clamping: cellCount),
      unwindByteRoom: UInt32(clamping: max(8 << 20, codeByteCount / 2, (codeByteCount + growth) / 3)),
      gap: gap(for: architecture),
      growth: growth == 0
        ? nil : .init(codeByteCount: growth, constantByteCount: growth / 2, dataByteCount: growth / 4))
  }

  /// The arena as it can be reached from everywhere in an ELF image.
  func prepare(_ file: ELFFile, for architecture: BaseImage.Architecture) throws(ObjectFileError) -> ELFPreparedImage {
    var room = self
    while true {
      do throws(ObjectFileError) {
        let image = try ELFPreparedImage(preparing: file, request: room.request(for: architecture))
        let reached = file.segments.first(of: .load).map { image.layout.lastCode.rawValue &- $0.range.start.rawValue }
        guard architecture == .arm64, reached ?? 0 > Self.branchReach, let less = room.growingLess else { return image }
        room = less
      } catch {
        guard error.code == .outOfReach, let less = room.growingLess else { throw error }
        room = less
      }
    }
  }

  /// Of arm64's `b` and `bl`: 26 bits of words, signed.
  private static let branchReach: UInt64 = 128 << 20

  private func gap(for architecture: BaseImage.Architecture) -> UInt64 {
    architecture == .arm64 ? 0x400_0000 : ELFArenaRequest.defaultGap
  }

  /// The same for a Mach-O image, whose tables count otherwise.
  func machORequest(for architecture: BaseImage.Architecture) -> MachOArenaRequest {
    // It does not grow, so that there is no room for more than that.
    if growthByteCount > 0 {
      return ArenaRoom(codeByteCount: codeByteCount, growthByteCount: 0).machORequest(for: architecture)
    }
    return MachOArenaRequest(
      codeByteCount: codeByteCount, constantByteCount: constantByteCount, cellByteCount: cellCount * 8,
      flagByteCount: variableCount, dataByteCount: dataByteCount,
      // A word apart from others takes up to four bytes of opcodes; cells stand side by side.
      rebaseRoom: Int(clamping: cellCount * 4), importRoom: 4096, nameRoom: 128 << 10,
      unwindRoom: UInt32(clamping: cellCount), exceptionTableRoom: UInt32(clamping: cellCount / 4),
      gap: gap(for: architecture))
  }
}
