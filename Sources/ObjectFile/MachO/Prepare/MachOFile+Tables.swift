public import Addressing

extension MachOFile {
  /// An image of which only headers and `__LINKEDIT` are read; all else is zero.
  ///
  /// - Parameters:
  ///   - name: for messages.
  ///   - read: bytes of the file, exactly as many as asked for.
  public init(
    tablesOf name: String, byteCount: UInt64, read: (_ offset: FileOffset, _ count: Int) throws -> [UInt8]
  ) throws(ObjectFileError) {
    var bytes = [UInt8](repeating: 0, count: Int(clamping: byteCount))
    /// At most so much is asked for at once.
    let step = 1 << 20
    func fill(_ range: Range<UInt64>) throws(ObjectFileError) {
      var at = range.lowerBound
      let end = min(range.upperBound, UInt64(bytes.count))
      while at < end {
        let count = Int(min(UInt64(step), end - at))
        do {
          bytes.replaceSubrange(Int(at)..<Int(at) + count, with: try read(FileOffset(at), count))
        } catch {
          throw ObjectFileError(.unreadable, file: name, offset: FileOffset(at), cause: error, format: .machO)
        }
        at += UInt64(count)
      }
      guard UInt64(bytes.count) == byteCount else {
        throw ObjectFileError(.truncated, file: name, offset: FileOffset(at), format: .machO)
      }
    }
    try fill(0..<UInt64(MachOHeader.byteCount))
    // `sizeofcmds`
    let commandByteCount = bytes.count < MachOHeader.byteCount ? 0 : TableBytes(bytes).load(UInt32.self, at: 20)
    try fill(0..<UInt64(MachOHeader.byteCount) + UInt64(commandByteCount))
    let commands = try MachOFile(MappedFile(bytes: bytes, name: name))
    for segment in commands.segments where segment.name == MachOAdoptableImage.linkEditName {
      let start = segment.fileOffset.rawValue
      try fill(start..<start + min(segment.fileByteCount, UInt64(bytes.count)))
    }
    try self.init(MappedFile(bytes: bytes, name: name))
  }
}
