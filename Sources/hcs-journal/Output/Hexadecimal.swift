extension Collection<UInt8> {
  /// Two digits a byte, without anything in between.
  var hexadecimal: String { map(Self.digits).joined() }

  /// The first bytes as people read them: `55 48 89 e5 …`.
  func hexadecimalPreview(_ count: Int) -> String {
    prefix(count).map(Self.digits).joined(separator: " ") + (self.count > count ? " …" : "")
  }

  private static func digits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}
