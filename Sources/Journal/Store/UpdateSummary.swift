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
}
