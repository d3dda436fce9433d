/// One of the files from which a compiler made the objects of an image.
public struct CompilationUnit: Hashable, Sendable {
  /// As `AtomIdentity.unit`.
  public var name: String
  /// As `AtomIdentity.unitOrdinal`.
  public var ordinal: UInt32

  public init(name: String, ordinal: UInt32 = 0) {
    self.name = name
    self.ordinal = ordinal
  }
}
