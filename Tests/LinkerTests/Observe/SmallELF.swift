import Addressing
import ObjectFile

@testable import Linker

/// A static ELF image put together by hand, as an incremental linker might have written it: code, cells and data in
/// segments of their own, each at a file offset of its choice.
struct SmallELF {
  struct Part {
    var name: String
    var address: UInt64
    var offset: Int
    var bytes: [UInt8]
    /// PF_X 1, PF_W 2, PF_R 4.
    var flags: UInt32
  }

  struct Symbol {
    var name: String
    var address: UInt64
    var byteCount: UInt64
    var isFunction = true
    /// Index of the part that holds it.
    var part: Int
  }

  var parts: [Part]
  var symbols: [Symbol]
  /// Records of the symbol table that are not in use and hold whatever stood there.
  var damagedRecords: [[UInt8]] = []
  var byteCount = 0x8000

  static let code: UInt64 = 0x40_1000
  static let cells: UInt64 = 0x40_4000
  static let data: UInt64 = 0x40_8000

  /// `bar` and a caller through a cell, and one variable.
  static func base() -> SmallELF {
    SmallELF(
      parts: [
        Part(name: ".text", address: code, offset: 0x1000, bytes: [UInt8](repeating: 0, count: 0x200), flags: 5),
        Part(name: ".got", address: cells, offset: 0x3000, bytes: [UInt8](repeating: 0, count: 0x40), flags: 4),
        Part(name: ".data", address: data, offset: 0x4000, bytes: [UInt8](repeating: 0, count: 0x40), flags: 6),
      ], symbols: []
    )
    .with("bar", at: 0, [0x55, 0xb8, 7, 0, 0, 0, 0x5d, 0xc3])
    .with("addToBar", at: 0x20, [0xff, 0x14, 0x25, 0, 0x40, 0x40, 0, 0x83, 0xc0, 5, 0xc3])
    .withCell(0, code)
    .withVariable("count", at: 0, 5)
  }

  func with(_ name: String, at offset: Int, _ bytes: [UInt8]) -> SmallELF {
    var image = self
    image.symbols.removeAll { $0.name == name }
    image.parts[0].bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    image.symbols.append(
      Symbol(name: name, address: Self.code + UInt64(offset), byteCount: UInt64(bytes.count), part: 0))
    return image
  }

  func withCell(_ index: Int, _ word: UInt64) -> SmallELF {
    var image = self
    image.parts[1].bytes.replaceSubrange(8 * index..<8 * index + 8, with: Self.bytes(word, 8))
    return image
  }

  func withVariable(_ name: String, at offset: Int, _ word: UInt64) -> SmallELF {
    var image = self
    image.symbols.removeAll { $0.name == name }
    image.parts[2].bytes.replaceSubrange(offset..<offset + 8, with: Self.bytes(word, 8))
    image.symbols.append(
      Symbol(name: name, address: Self.data + UInt64(offset), byteCount: 8, isFunction: false, part: 2))
    return image
  }

  static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
  }

  var file: [UInt8] {
    var file = [UInt8](repeating: 0, count: byteCount)
    func put(_ bytes: [UInt8], _ offset: Int) { file.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    var names: [UInt8] = [0]
    func name(_ text: String) -> UInt64 {
      defer { names += Array(text.utf8) + [0] }
      return UInt64(names.count)
    }
    var table = [UInt8](repeating: 0, count: 24)
    for symbol in symbols {
      table +=
        Self.bytes(name(symbol.name), 4) + [symbol.isFunction ? 2 : 1, 0] + Self.bytes(UInt64(symbol.part + 1), 2)
        + Self.bytes(symbol.address, 8) + Self.bytes(symbol.byteCount, 8)
    }
    table += damagedRecords.flatMap { $0 }
    var sections: [[UInt64]] = [[UInt64](repeating: 0, count: 10)]
    for part in parts {
      let flags: UInt64 = 2 | (part.flags & 1 != 0 ? 4 : 0) | (part.flags & 2 != 0 ? 1 : 0)
      sections.append(
        [name(part.name), 1, flags, part.address, UInt64(part.offset), UInt64(part.bytes.count), 0, 0, 8, 0])
    }
    let (tableOffset, namesOffset, headers) = (0x5000, 0x6000, 0x7000)
    let strings = UInt64(parts.count + 2)
    sections.append([name(".symtab"), 2, 0, 0, UInt64(tableOffset), UInt64(table.count), strings, 1, 8, 24])
    let own = name(".strtab")
    sections.append([own, 3, 0, 0, UInt64(namesOffset), UInt64(names.count), 0, 0, 1, 0])
    for part in parts { put(part.bytes, part.offset) }
    put(table, tableOffset)
    put(names, namesOffset)
    for (index, section) in sections.enumerated() {
      let widths = [4, 4, 8, 8, 8, 8, 4, 4, 8, 8]
      put(zip(section, widths).flatMap { Self.bytes($0, $1) }, headers + 64 * index)
    }
    put([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0)
    let header: [(UInt64, Int)] = [
      (2, 2), (62, 2), (1, 4), (Self.code, 8), (64, 8), (UInt64(headers), 8), (0, 4), (64, 2), (56, 2),
      (UInt64(parts.count), 2), (64, 2), (UInt64(sections.count), 2), (strings, 2),
    ]
    put(header.flatMap { Self.bytes($0.0, $0.1) }, 16)
    for (index, part) in parts.enumerated() {
      let fields: [(UInt64, Int)] = [
        (1, 4), (UInt64(part.flags), 4), (UInt64(part.offset), 8), (part.address, 8), (part.address, 8),
        (UInt64(part.bytes.count), 8), (UInt64(part.bytes.count), 8), (0x1000, 8),
      ]
      put(fields.flatMap { Self.bytes($0.0, $0.1) }, 64 + 56 * index)
    }
    return file
  }
}
