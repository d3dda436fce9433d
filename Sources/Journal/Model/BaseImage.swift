public import Addressing

/// What a journal knows of the image it belongs to: update 0.
public struct BaseImage: Hashable, Sendable {
  public enum Format: UInt8, Hashable, Sendable, CaseIterable {
    case elf = 1
    case machO = 2
  }

  public enum Architecture: UInt8, Hashable, Sendable, CaseIterable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case x86_64 = 1
    case arm64 = 2
  }

  public var format: Format
  public var architecture: Architecture
  /// Whether a loader may slide it (ELF: `ET_DYN`).
  public var isPositionIndependent: Bool
  /// The ELF build-id or Mach-O UUID; where the image has none, the SHA-256 digest of its first loaded segment.
  public var identity: [UInt8]
  /// The root of the digest chain, over the original file's digest and the arena (`BaseDigest.digest`): the parent of
  /// every first update, and the base that a target's header names.
  public var digest: Digest
  /// SHA-256 of the original file and of the prepared one.
  public var originalDigest: Digest
  public var preparedDigest: Digest
  /// Absolute paths when the journal was made: for messages and as a default, never as identity.
  public var originalPath: String
  public var preparedPath: String
  /// Byte counts of the two files.
  public var originalByteCount: UInt64
  public var preparedByteCount: UInt64
  /// The mapped segments of the prepared image, ascending by address.
  public var segments: [Segment]
  public var arena: Arena
  /// The first instruction that runs after the dynamic loader: `e_entry`.
  public var entryPoint: VirtualAddress
  /// Set when the image imports `makecontext` or `swapcontext`: stacks that a stack check cannot see.
  public var switchesStacks: Bool

  /// Whether `init` has made a prepared image, for updates that are linked. An image that is observed has none: its
  /// journal's base is the original, and its arena holds the header page and the flags of new variables, in tasks only.
  public var isPrepared: Bool { !arena.code.isEmpty }

  /// What the arena takes when its own room is full, ascending: part of its ranges from the start, and of the file only once an
  /// update has made it longer by all of them. Empty where the arena does not grow.
  public var growth: [Segment] {
    guard isPrepared else { return [] }
    return segments.filter { $0.isPartOfArena && $0.fileOffset.rawValue >= preparedByteCount }
  }

  /// What an image without build-id or UUID is known by: a segment that no program writes.
  public var identitySegment: Segment? {
    let own = segments.filter { !$0.isPartOfArena }
    return isPrepared ? own.first : own.first { $0.protection.contains(.execute) }
  }

  /// Where the prepared file holds the byte of an address; nil where it holds none.
  public func fileOffset(of address: VirtualAddress) -> FileOffset? {
    guard let segment = segments.first(where: { $0.range.contains(address) }) else { return nil }
    let offset = address.rawValue - segment.range.start.rawValue
    return offset < segment.fileByteCount ? segment.fileOffset.advanced(by: offset) : nil
  }

  public init(
    format: Format, architecture: Architecture, isPositionIndependent: Bool, identity: [UInt8], digest: Digest,
    originalDigest: Digest, preparedDigest: Digest, originalPath: String, preparedPath: String,
    originalByteCount: UInt64, preparedByteCount: UInt64, segments: [Segment], arena: Arena,
    entryPoint: VirtualAddress, switchesStacks: Bool
  ) {
    self.format = format
    self.architecture = architecture
    self.isPositionIndependent = isPositionIndependent
    self.identity = identity
    self.digest = digest
    self.originalDigest = originalDigest
    self.preparedDigest = preparedDigest
    self.originalPath = originalPath
    self.preparedPath = preparedPath
    self.originalByteCount = originalByteCount
    self.preparedByteCount = preparedByteCount
    self.segments = segments
    self.arena = arena
    self.entryPoint = entryPoint
    self.switchesStacks = switchesStacks
  }
}

/// A mapped unit of an image: where it is in memory, where in the file.
public struct Segment: Hashable, Sendable {
  public var range: AddressRange
  public var fileOffset: FileOffset
  /// Bytes that the file holds; the rest of `range` is zero.
  public var fileByteCount: UInt64
  public var protection: PageProtection
  /// Added by `init`: what the linker places in.
  public var isPartOfArena: Bool

  /// Where its bytes end in the file.
  public var fileEnd: UInt64 { fileOffset.rawValue &+ fileByteCount }

  public init(
    range: AddressRange, fileOffset: FileOffset, fileByteCount: UInt64, protection: PageProtection,
    isPartOfArena: Bool
  ) {
    self.range = range
    self.fileOffset = fileOffset
    self.fileByteCount = fileByteCount
    self.protection = protection
    self.isPartOfArena = isPartOfArena
  }
}

/// The room beside the base image. All ranges are whole pages but for the parts of the writable segment.
public struct Arena: Hashable, Sendable {
  /// Execute and read.
  public var code: AddressRange
  /// Read only.
  public var constants: AddressRange
  /// Read and write: the header page, the cells, the flags and the data, in this order.
  public var writable: AddressRange
  public var header: AddressRange
  public var cells: AddressRange
  /// One byte for each new variable: whether its room is in use (`InitialRoom.new`).
  public var flags: AddressRange
  public var data: AddressRange
  /// What the linker needs of the loader's tables, as `ObjectFile` wrote it; opaque here.
  public var loaderTables: [UInt8]
  /// The cursors before the first update.
  public var cursors: ArenaCursors

  public init(
    code: AddressRange, constants: AddressRange, writable: AddressRange, header: AddressRange, cells: AddressRange,
    flags: AddressRange, data: AddressRange, loaderTables: [UInt8], cursors: ArenaCursors
  ) {
    self.code = code
    self.constants = constants
    self.writable = writable
    self.header = header
    self.cells = cells
    self.flags = flags
    self.data = data
    self.loaderTables = loaderTables
    self.cursors = cursors
  }
}
