public import Addressing

/// What a journal keeps of the base image beside `BaseImage`.
public struct BaseContent {
  /// The bytes of the prepared file at an offset, exactly as many as asked for. Holes are zeroes.
  public typealias Reader = (_ offset: FileOffset, _ byteCount: Int) throws -> [UInt8]

  /// A shared library that the image was linked against, as it was found when the journal was made.
  public struct Library: Hashable, Sendable {
    /// `DT_SONAME`, or the name in `DT_NEEDED`.
    public var soname: String
    public var path: String?
    public var buildID: [UInt8]?

    public init(soname: String, path: String?, buildID: [UInt8]?) {
      self.soname = soname
      self.path = path
      self.buildID = buildID
    }
  }

  public var readPreparedImage: Reader
  /// In any order; aliases are symbols of one address.
  public var symbols: [BaseSymbol]
  public var imports: [BaseImport]
  public var types: [TypeLayout]
  public var libraries: [Library]

  public init(
    symbols: [BaseSymbol], imports: [BaseImport], types: [TypeLayout], libraries: [Library],
    readPreparedImage: @escaping Reader
  ) {
    self.symbols = symbols
    self.imports = imports
    self.types = types
    self.libraries = libraries
    self.readPreparedImage = readPreparedImage
  }
}
