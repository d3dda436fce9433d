import ObjectFile

/// An ELF file put together by hand, every field of which a test may set wrongly.
///
/// The layout is: header, program headers, section contents in order, section headers.
struct HandmadeELF {
  struct Section {
    var name: String
    var type: UInt32
    var flags: UInt64 = 0
    var address: UInt64 = 0
    var bytes: [UInt8] = []
    /// In place of the count of `bytes`.
    var byteCount: UInt64?
    /// In place of where the bytes stand.
    var fileOffset: UInt64?
    var link: UInt32 = 0
    var info: UInt32 = 0
    var alignment: UInt64 = 1
    var entrySize: UInt64 = 0
  }

  struct Segment {
    var type: UInt32
    var flags: UInt32 = 4
    var fileOffset: UInt64
    var address: UInt64
    var fileByteCount: UInt64
    var memoryByteCount: UInt64
  }

  var type: UInt16 = 1
  var sections: [Section] = []
  var segments: [Segment] = []
  /// Bytes of the finished file to overwrite.
  var patches: [(offset: Int, bytes: [UInt8])] = []

  mutating func patch<T: FixedWidthInteger>(_ offset: Int, _ value: T) {
    patches.append((offset, littleEndian(value)))
  }

  /// The finished file. Section 0 and the section of names, the last, are added.
  var bytes: [UInt8] {
    var names: [UInt8] = [0]
    var all = [Section(name: "", type: 0, alignment: 0)] + sections
    all.append(Section(name: ".shstrtab", type: 3))
    var nameOffsets: [UInt32] = []
    for section in all {
      nameOffsets.append(section.name.isEmpty ? 0 : UInt32(names.count))
      if !section.name.isEmpty { names += Array(section.name.utf8) + [0] }
    }
    all[all.count - 1].bytes = names

    var body: [UInt8] = []
    for segment in segments { body += segment.encoded }
    var offsets: [UInt64] = []
    for section in all {
      offsets.append(UInt64(64 + body.count))
      body += section.bytes
    }
    let sectionHeaderOffset = UInt64(64 + body.count)
    for (index, section) in all.enumerated() {
      body += section.encoded(nameOffset: nameOffsets[index], fileOffset: index == 0 ? 0 : offsets[index])
    }
    var file = header(sectionHeaderOffset: sectionHeaderOffset, sectionCount: all.count) + body
    for patch in patches { file.replaceSubrange(patch.offset..<patch.offset + patch.bytes.count, with: patch.bytes) }
    return file
  }

  func file() throws(ObjectFileError) -> ELFFile { try ELFFile(MappedFile(bytes: bytes, name: "handmade")) }

  private func header(sectionHeaderOffset: UInt64, sectionCount: Int) -> [UInt8] {
    var result: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    result += littleEndian(type) + littleEndian(UInt16(62)) + littleEndian(UInt32(1)) + littleEndian(UInt64(0x1000))
    result += littleEndian(UInt64(segments.isEmpty ? 0 : 64)) + littleEndian(sectionHeaderOffset)
    result += littleEndian(UInt32(0)) + littleEndian(UInt16(64)) + littleEndian(UInt16(56))
    result += littleEndian(UInt16(segments.count)) + littleEndian(UInt16(64))
    result += littleEndian(UInt16(sectionCount)) + littleEndian(UInt16(sectionCount - 1))
    return result
  }
}

extension HandmadeELF.Section {
  fileprivate func encoded(nameOffset: UInt32, fileOffset: UInt64) -> [UInt8] {
    var result = littleEndian(nameOffset) + littleEndian(type) + littleEndian(flags) + littleEndian(address)
    result += littleEndian(self.fileOffset ?? fileOffset) + littleEndian(byteCount ?? UInt64(bytes.count))
    result += littleEndian(link) + littleEndian(info) + littleEndian(alignment) + littleEndian(entrySize)
    return result
  }
}

extension HandmadeELF.Segment {
  fileprivate var encoded: [UInt8] {
    var result = littleEndian(type) + littleEndian(flags) + littleEndian(fileOffset) + littleEndian(address)
    result += littleEndian(address) + littleEndian(fileByteCount) + littleEndian(memoryByteCount)
    return result + littleEndian(UInt64(0x1000))
  }
}

func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

/// A symbol table's record.
func symbolRecord(
  name: UInt32 = 0, info: UInt8 = 0x12, other: UInt8 = 0, section: UInt16 = 0, value: UInt64 = 0, size: UInt64 = 0
) -> [UInt8] {
  littleEndian(name) + [info, other] + littleEndian(section) + littleEndian(value) + littleEndian(size)
}

/// A RELA record.
func relocationRecord(offset: UInt64, type: UInt32, symbol: UInt32, addend: Int64) -> [UInt8] {
  littleEndian(offset) + littleEndian(type) + littleEndian(symbol) + littleEndian(addend)
}
