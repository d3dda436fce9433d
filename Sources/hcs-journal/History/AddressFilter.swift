/// Finds addresses in text, as backtraces, sanitizers, profilers and debuggers write them: `0x55d0c2a01149`, `[0x1149]`, bare digits
/// of an address' length, `(+0x1149)` of an image that does not slide.
enum AddressFilter {
  struct Match: Equatable {
    let range: Range<Int>
    let address: UInt64
  }

  /// So many digits make a bare word an address: perf prints them so, and no English word of these letters is as long.
  private static let bareDigitCount = 8

  static func addresses(in line: [UInt8]) -> [Match] {
    var matches: [Match] = []
    var index = 0
    while index < line.count {
      guard isWord(line[index]) else {
        index += 1
        continue
      }
      let start = index
      while index < line.count, isWord(line[index]) { index += 1 }
      // `function+0x1c` tells an offset in the function, which is no address.
      let follows = start > 0 ? line[start - 1] : 0
      let isOffset =
        follows == UInt8(ascii: "+") && start > 1 && (isWord(line[start - 2]) || line[start - 2] == UInt8(ascii: ">"))
      if !isOffset, let address = address(line[start..<index]) {
        matches.append(Match(range: start..<index, address: address))
      }
    }
    return matches
  }

  private static func address(_ word: ArraySlice<UInt8>) -> UInt64? {
    let isPrefixed = word.starts(with: Array("0x".utf8)) || word.starts(with: Array("0X".utf8))
    let digits = isPrefixed ? word.dropFirst(2) : word
    guard !digits.isEmpty, digits.count <= 16, isPrefixed || digits.count >= bareDigitCount else { return nil }
    return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}
