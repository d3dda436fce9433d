/// How a pointer stands in unwind information: DW_EH_PE (LSB Core, DWARF Exception Header Encoding). The low four bits
/// are its form, the next three what it counts from, the highest that it is the address of the pointer.
public struct UnwindPointerEncoding: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let absolute = Self(rawValue: 0x00)
  /// A signed 4-byte distance from the field.
  public static let relative32 = Self(rawValue: 0x1b)
  /// The same, to a word that holds the address.
  public static let indirectRelative32 = Self(rawValue: 0x9b)
  public static let omitted = Self(rawValue: 0xff)

  /// In bytes; nil for forms of no fixed length, which no compiler uses here.
  public var byteCount: Int? {
    switch rawValue & 0x0f {
    case 0x00, 0x04, 0x0c: 8
    case 0x02, 0x0a: 2
    case 0x03, 0x0b: 4
    default: nil
    }
  }

  private var isSigned: Bool { rawValue & 0x08 != 0 }

  /// Whether the field counts from its own place; nil where it counts from anything else than that or 0.
  var isRelativeToField: Bool? {
    switch rawValue & 0x70 {
    case 0x00: false
    case 0x10: true
    default: nil
    }
  }

  public var isIndirect: Bool { self != .omitted && rawValue & 0x80 != 0 }

  /// The address that a field at `place` holds, an indirection not followed; nil for a null pointer and for encodings
  /// that are not handled.
  ///
  /// - Parameter bytes: of the field, as many as `byteCount`.
  public func address(_ bytes: some Collection<UInt8>, at place: UInt64) -> UInt64? {
    guard let byteCount, bytes.count == byteCount, let isRelativeToField else { return nil }
    var value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if value == 0 { return nil }
    let unused = UInt64(64 - 8 * byteCount)
    if isSigned { value = UInt64(bitPattern: Int64(bitPattern: value << unused) >> Int64(unused)) }
    return isRelativeToField ? place &+ value : value
  }

  /// A length: the form alone counts, without sign.
  func length(_ bytes: some Collection<UInt8>) -> UInt64? {
    guard let byteCount, bytes.count == byteCount else { return nil }
    return bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  }
}
