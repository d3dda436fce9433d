public import Addressing

/// Which lines of the source the bodies of an update were made from, as the objects' debug information told when it was
/// recorded: the objects are gone by the time somebody asks.
public struct SourceMap: Hashable, Sendable {
  /// As the compiler was given them, from the compilation directory on; each once.
  public var files: [String]
  /// Ascending by address; a body without line information is left out.
  public var bodies: [BodyLines]

  public init(files: [String] = [], bodies: [BodyLines] = []) {
    self.files = files
    self.bodies = bodies
  }

  public static let empty = SourceMap()

  public var isEmpty: Bool { bodies.isEmpty }

  /// The line of the code at an address; nil where no body of this update holds it, or where the compiler made the code for
  /// no line.
  public func line(at address: VirtualAddress) -> SourcePlace? {
    guard let body = bodies.last(where: { $0.start <= address }),
      let row = body.row(at: address.rawValue - body.start.rawValue), row.line > 0, files.indices.contains(row.file)
    else { return nil }
    return SourcePlace(file: files[row.file], line: row.line)
  }
}

/// A line of a source file.
public struct SourcePlace: Hashable, Sendable {
  public var file: String
  /// From 1.
  public var line: UInt32

  public init(file: String, line: UInt32) {
    self.file = file
    self.line = line
  }
}

/// The lines of one body: a function's new code.
public struct BodyLines: Hashable, Sendable {
  /// From this offset on the code is of this line, up to the next row.
  public struct Row: Hashable, Sendable {
    /// In bytes from the start of the body.
    public var offset: UInt32
    /// An index into `SourceMap.files`.
    public var file: Int
    /// 0 where the code belongs to no line, or the information ends.
    public var line: UInt32

    public init(offset: UInt32, file: Int, line: UInt32) {
      self.offset = offset
      self.file = file
      self.line = line
    }
  }

  public var start: VirtualAddress
  public var byteCount: UInt32
  /// Ascending by offset, each offset once, all within the body; never empty.
  public var rows: [Row]

  public init(start: VirtualAddress, byteCount: UInt32, rows: [Row]) {
    self.start = start
    self.byteCount = byteCount
    self.rows = rows
  }

  func row(at offset: UInt64) -> Row? {
    offset < UInt64(byteCount) ? rows.last { UInt64($0.offset) <= offset } : nil
  }
}
