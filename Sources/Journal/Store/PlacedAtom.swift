/// An atom and where it stands, or stood.
public struct PlacedAtom: Hashable, Sendable {
  public var identity: AtomIdentity
  public var kind: AtomKind
  public var placement: Placement
  /// The update that placed it there; `.base` for where the base image has it.
  public var update: UpdateNumber
  /// `AtomChange.typeDigest` of that update; nil for the base image's.
  public var typeDigest: String?
  /// SHA-256 of the body with its fixup fields zeroed (`Payload.masked`); nil for the base image's, and where the
  /// update wrote no body.
  public var content: Digest?
  /// `AtomChange.definer` of that update; nil for the base image's.
  public var definer: CompilationUnit?
  /// Whether it still is the atom's body at the update that was asked for.
  public var isCurrent: Bool
}
