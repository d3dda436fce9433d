/// Bytes of a file that nothing maps where they stand, or that only a loader reads: what was there and what is.
///
/// `before` and `after` have equal length. An edit never grows a file.
public struct FileEdit: Hashable, Sendable {
  public var offset: FileOffset
  public var before: [UInt8]
  public var after: [UInt8]

  /// - Precondition: `before` and `after` are equally long.
  public init(offset: FileOffset, before: [UInt8], after: [UInt8]) {
    precondition(before.count == after.count, "a file edit replaces bytes one for one")
    self.offset = offset
    self.before = before
    self.after = after
  }

  /// The edit that takes `after` back to `before`.
  public var inverted: FileEdit { FileEdit(offset: offset, before: after, after: before) }
}
