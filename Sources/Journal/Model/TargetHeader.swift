/// The first page of the arena's writable segment: which update a target stands at.
///
/// It is never an operation: whoever applies an update writes it. Layout, little-endian, 192 bytes used:
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 8 | magic `HCSJ\r\n\x1a\n` |
/// | 8 | 4 | layout version, 1 |
/// | 12 | 4 | reserved, 0 |
/// | 16 | 32 | `BaseImage.digest` |
/// | 48 | 32 | position: digest of the update that is applied; the base digest when none is |
/// | 80 | 8 | position: its number |
/// | 88 | 8 | intent: 0 none, 1 forward, 2 backward; 256 more where the process is held on the way |
/// | 96 | 32 | intent: digest of the update to be reached |
/// | 128 | 8 | intent: its number |
/// | 136 | 56 | reserved, 0 |
public struct TargetHeader: Hashable, Sendable {
  public static let byteCount = 192
  public static let magic: [UInt8] = [0x48, 0x43, 0x53, 0x4a, 0x0d, 0x0a, 0x1a, 0x0a]
  public static let version: UInt32 = 1

  public struct Position: Hashable, Sendable {
    public var digest: Digest
    public var number: UpdateNumber

    public init(digest: Digest, number: UpdateNumber) {
      self.digest = digest
      self.number = number
    }
  }

  /// What an applier was about to do: found set, the one before it died half-way.
  public struct Intent: Hashable, Sendable {
    public var direction: Direction
    public var destination: Position
    /// Whether the process is to stay in a job-control stop until it has been settled, for what it holds on the way must not
    /// run.
    public var isHeld: Bool

    public init(direction: Direction, destination: Position, isHeld: Bool = false) {
      self.direction = direction
      self.destination = destination
      self.isHeld = isHeld
    }
  }

  public var base: Digest
  public var position: Position
  public var intent: Intent?

  public init(base: Digest, position: Position, intent: Intent? = nil) {
    self.base = base
    self.position = position
    self.intent = intent
  }
}
