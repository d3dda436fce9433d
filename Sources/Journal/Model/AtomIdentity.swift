/// What makes an atom the same atom from one update to the next. Addresses are not part of it.
public struct AtomIdentity: Hashable, Sendable {
  /// The symbol's name as in the object file. For a static local: the source name, without the compiler's numeric
  /// suffix (`n`, not `n.0`), for that suffix changes when another is inserted. For an anonymous constant: empty.
  public var name: String
  /// The compilation unit of a local symbol: the `STT_FILE` name. Nil for a global symbol.
  public var unit: String?
  /// Tells units of one name apart: the ordinal of the `STT_FILE` symbol in the base image. 0 where there is one.
  public var unitOrdinal: UInt32
  /// The function in which a static local is declared.
  public var enclosingFunction: String?
  /// Tells atoms of one name apart that must not replace each other: the digest of a changed prototype, or of the
  /// content of a compiler-made clone or anonymous constant; nil for all others.
  public var variant: String?

  public init(
    name: String, unit: String? = nil, unitOrdinal: UInt32 = 0, enclosingFunction: String? = nil,
    variant: String? = nil
  ) {
    self.name = name
    self.unit = unit
    self.unitOrdinal = unitOrdinal
    self.enclosingFunction = enclosingFunction
    self.variant = variant
  }
}

/// What an atom is to a running program.
public enum AtomKind: UInt8, Hashable, Sendable, CaseIterable {
  case function = 1
  /// Never written by the program: `.rodata`, and `.data.rel.ro` once the loader is done.
  case constant = 2
  /// Has a value of its own in every task.
  case variable = 3
  /// An import's cell and call stub.
  case importStub = 4
}
