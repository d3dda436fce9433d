/// What a listing shows of an update, without its operations.
public struct UpdateSummary: Hashable, Sendable {
  public var number: UpdateNumber
  public var digest: Digest
  /// The base image's digest for a first update.
  public var parent: Digest
  public var parentNumber: UpdateNumber
  /// Milliseconds since 1970-01-01 UTC.
  public var time: Int64
  public var author: String
  public var message: String
  public var sourceRevision: String?
  public var operationCount: Int
  public var atomCount: Int
  /// The shortcut that stands for it since it was pruned; nil while its bytes are there.
  public var pruned: ShortcutRange?

  /// Whether a target can stand at it: at a pruned one only where the shortcut leads to it.
  public var isPosition: Bool { pruned.map { $0.to == number } ?? true }
}
