import ObjectFile

/// A dynamic image put together by hand: one segment maps the whole file at 0, so that addresses are file offsets.
struct HandmadeDynamic {
  /// Tables that the dynamic section points to, each as (tag of its address, bytes).
  var tables: [(tag: UInt64, bytes: [UInt8])] = []
  /// Entries whose values are no addresses.
  var entries: [(tag: UInt64, value: UInt64)] = []

  /// Two segments come first, then the tables, then the dynamic section; there are no section headers.
  var bytes: [UInt8] {
    var body: [UInt8] = []
    var dynamic: [UInt8] = []
    let bodyOffset = UInt64(64 + 2 * 56)
    for table in tables {
      dynamic += littleEndian(table.tag) + littleEndian(bodyOffset + UInt64(body.count))
      body += table.bytes
      body += [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
    }
    for entry in entries { dynamic += littleEndian(entry.tag) + littleEndian(entry.value) }
    dynamic += littleEndian(UInt64(0)) + littleEndian(UInt64(0))
    let dynamicOffset = bodyOffset + UInt64(body.count)
    let byteCount = dynamicOffset + UInt64(dynamic.count)
    var image = HandmadeELF(type: 3)
    image.segments = [
      .init(type: 1, flags: 6, fileOffset: 0, address: 0, fileByteCount: byteCount, memoryByteCount: byteCount),
      .init(
        type: 2, flags: 6, fileOffset: dynamicOffset, address: dynamicOffset,
        fileByteCount: UInt64(dynamic.count), memoryByteCount: UInt64(dynamic.count)),
    ]
    image.patch(40, UInt64(0))
    image.patch(60, UInt32(0))
    return Array(image.bytes.prefix(Int(bodyOffset))) + body + dynamic
  }

  func file() throws(ObjectFileError) -> ELFFile { try ELFFile(MappedFile(bytes: bytes, name: "dynamic")) }
}
