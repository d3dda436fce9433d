/// A type as text, and the named types that the text speaks of.
struct DWARFTypeText {
  var bytes: [UInt8] = []
  /// Indexes of `DWARFNames`, each once.
  var names: [Int32] = []
  var byteCount: UInt64?

  init(_ text: String = "", byteCount: UInt64? = nil) {
    bytes = Array(text.utf8)
    self.byteCount = byteCount
  }

  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  mutating func append(_ text: UnsafeRawBufferPointer) { bytes.append(contentsOf: text) }

  mutating func append(decimal value: UInt64) {
    if value < 10 {
      bytes.append(UInt8(ascii: "0") + UInt8(value))
    } else {
      bytes.append(contentsOf: String(value).utf8)
    }
  }

  mutating func append(_ other: DWARFTypeText) {
    bytes.append(contentsOf: other.bytes)
    for name in other.names { mention(name) }
  }

  mutating func mention(_ name: Int32) {
    if !names.contains(name) { names.append(name) }
  }

  /// `#` and 16 digits.
  mutating func append(_ digest: DWARFLayoutDigest) {
    bytes.append(UInt8(ascii: "#"))
    for shift in stride(from: 60, through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: digest.rawValue >> UInt64(shift)) & 15
      bytes.append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
    }
  }

  var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// Stands for a text where the text itself would be too long: FNV-1a, 64 bits. Not proof against someone who looks for
/// two layouts of one digest; such a person owns both objects anyway.
struct DWARFLayoutDigest: Hashable {
  var rawValue: UInt64

  init(of text: DWARFTypeText) {
    rawValue = text.bytes.withUnsafeBufferPointer { bytes in
      bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
  }
}

/// The names of types that texts speak of, each kept once.
struct DWARFNames {
  private(set) var all: [String] = []
  private var indexes: [[UInt8]: Int32] = [:]

  mutating func index(of name: [UInt8]) -> Int32 {
    if let index = indexes[name] { return index }
    let index = Int32(all.count)
    all.append(String(decoding: name, as: UTF8.self))
    indexes[name] = index
    return index
  }
}
