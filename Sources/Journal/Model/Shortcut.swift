/// What several updates come to, as one step: derived from them, with a digest of its own.
///
/// The updates after `from` up to `to` lie on one line. A target is taken along the shortcut only where they have been pruned;
/// as long as they are there, they are what is applied.
public struct Shortcut: Hashable, Sendable {
  /// What is kept of an update once it is pruned: all but its bytes, guards and lines.
  public struct Covered: Hashable, Sendable {
    public var digest: Digest
    /// How many operations it had.
    public var operationCount: Int
    /// Who recorded it when and why, which atoms it changed and where they stood, its types and cursors.
    public var skeleton: UpdateContent

    public init(digest: Digest, operationCount: Int, skeleton: UpdateContent) {
      self.digest = digest
      self.operationCount = operationCount
      self.skeleton = skeleton
    }
  }

  /// The digest of the update, or of the base image, that it leads from.
  public var from: Digest
  /// Oldest first; at least two.
  public var covered: [Covered]
  /// The net effect.
  public var content: UpdateContent

  public init(from: Digest, covered: [Covered], content: UpdateContent) {
    self.from = from
    self.covered = covered
    self.content = content
  }

  /// The digest of the update that it leads to.
  public var to: Digest { covered.last?.digest ?? from }
}

/// A shortcut as a journal lists it.
public struct ShortcutSummary: Hashable, Sendable {
  public var digest: Digest
  public var range: ShortcutRange
  /// Updates from the first covered one to the last.
  public var coveredCount: Int
  public var isPruned: Bool
}

/// From which update to which a shortcut leads.
public struct ShortcutRange: Hashable, Sendable {
  /// 0 for the base image.
  public var from: UpdateNumber
  public var to: UpdateNumber

  public init(from: UpdateNumber, to: UpdateNumber) {
    self.from = from
    self.to = to
  }
}

extension ShortcutRange: CustomStringConvertible {
  public var description: String { "\(from)..\(to)" }
}
