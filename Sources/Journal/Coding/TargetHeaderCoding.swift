extension TargetHeader {
  fileprivate static let heldFlag: UInt64 = 256

  /// The 192 bytes of the layout.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.append(raw: Self.magic)
    writer.append(littleEndian: UInt64(Self.version), byteCount: 8)
    writer.append(raw: base.bytes)
    writer.append(raw: position.digest.bytes)
    writer.append(littleEndian: UInt64(bitPattern: position.number.rawValue), byteCount: 8)
    let held = intent?.isHeld == true ? Self.heldFlag : 0
    writer.append(littleEndian: UInt64(intent?.direction.rawValue ?? 0) | held, byteCount: 8)
    writer.append(raw: (intent?.destination.digest ?? .zero).bytes)
    writer.append(littleEndian: UInt64(bitPattern: intent?.destination.number.rawValue ?? 0), byteCount: 8)
    writer.append(raw: [UInt8](repeating: 0, count: Self.byteCount - writer.bytes.count))
    return writer.bytes
  }

  /// Nil for a header that was never written: zeroes throughout.
  ///
  /// - Parameter bytes: the start of the header page; what follows the first 192 bytes is not looked at.
  public static func decode(_ bytes: [UInt8]) throws(JournalError) -> TargetHeader? {
    let bytes = Array(bytes.prefix(byteCount))
    var reader = ByteReader(bytes, refusingWith: .malformedTargetHeader)
    guard bytes.count == byteCount else { throw reader.refusal("the bytes end too early") }
    if bytes.allSatisfy({ $0 == 0 }) { return nil }
    guard try reader.raw(magic.count) == magic else { throw reader.refusal("the magic is missing") }
    let version = try reader.littleEndian(byteCount: 4)
    guard version == UInt64(Self.version) else {
      throw JournalError(.unsupportedTargetHeader, detail: "layout version \(version)")
    }
    guard try reader.littleEndian(byteCount: 4) == 0 else { throw reader.refusal("reserved bytes are set") }
    let base = try reader.digest()
    let position = try reader.headerPosition()
    let intent = try reader.headerIntent()
    guard try reader.raw(reader.remainingCount).allSatisfy({ $0 == 0 }) else {
      throw reader.refusal("reserved bytes are set")
    }
    return TargetHeader(base: base, position: position, intent: intent)
  }
}

extension ByteReader {
  mutating func digest() throws(JournalError) -> Digest {
    guard let digest = Digest(bytes: try raw(Digest.byteCount)) else { throw refusal("a digest is cut short") }
    return digest
  }

  fileprivate mutating func headerPosition() throws(JournalError) -> TargetHeader.Position {
    let digest = try digest()
    let number = Int64(bitPattern: try littleEndian(byteCount: 8))
    guard number >= 0 else { throw refusal("an update's number is negative") }
    return TargetHeader.Position(digest: digest, number: UpdateNumber(number))
  }

  fileprivate mutating func headerIntent() throws(JournalError) -> TargetHeader.Intent? {
    let raw = try littleEndian(byteCount: 8)
    let destination = try headerPosition()
    guard raw != 0 else {
      guard destination.digest == .zero, destination.number == .base else {
        throw refusal("a destination without an intent")
      }
      return nil
    }
    guard let narrow = UInt8(exactly: raw & ~TargetHeader.heldFlag), let direction = Direction(rawValue: narrow) else {
      throw refusal("unknown intent \(raw)")
    }
    return TargetHeader.Intent(
      direction: direction, destination: destination, isHeld: raw & TargetHeader.heldFlag != 0)
  }
}
