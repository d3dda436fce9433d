import Addressing

/// What integers can be read from by their place in a file: its bytes, or a buffer of what has been changed.
protocol FileSource {
  var fileName: String { get }

  /// Little-endian.
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: FileOffset
  ) throws(ObjectFileError) -> Value
}

extension PatchBuffer: FileSource {
  /// A buffer over a file that is there in whole.
  init(_ file: ByteView) {
    self.init(byteCount: UInt64(file.count), fileName: file.fileName) { offset, count in
      try file.bytes(at: Int(clamping: offset.rawValue), count: count)
    }
  }
}

/// A part of a file.
struct FileWindow: FileSource {
  private let view: ByteView

  init(_ view: ByteView) { self.view = view }

  var fileName: String { view.fileName }

  func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, at offset: FileOffset
  ) throws(ObjectFileError) -> Value {
    let (at, isBefore) = offset.rawValue.subtractingReportingOverflow(view.fileOffset.rawValue)
    return try view.load(type, at: isBefore ? -1 : Int(clamping: at))
  }
}

extension TableBytes {
  /// A little-endian integer.
  static func encoded(_ value: some FixedWidthInteger) -> [UInt8] {
    var table = TableBytes()
    table.append(value)
    return table.bytes
  }
}
