public import Addressing
public import Journal

/// Why an update cannot be taken back alone: what a later one has made of it, or made of what it brought.
public struct RevertConflict: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A later update has moved, rewritten, removed or added the atom again.
    case changedAgain
    /// A later update has written where the update wrote.
    case writtenAgain
    /// Where the atom's former body stood, a later update has placed other code: the arena was full.
    case roomReused
    /// A body that a later update placed refers to what the update brought.
    case refersTo
    /// A body that a later update placed may rely on registers that the update's body leaves alone and the one before does
    /// not (GCC's -fipa-ra).
    case reliesOnRegisters
  }

  public var kind: Kind
  /// The later update.
  public var update: UpdateNumber
  /// The atom of the update that is to be taken back; nil where bytes belong to none.
  public var atom: AtomIdentity?
  /// What the later update did to it.
  public var change: AtomChange.Kind?
  /// The atom of the later update that refers to it.
  public var dependent: AtomIdentity?
  public var address: VirtualAddress?

  public init(
    _ kind: Kind, update: UpdateNumber, atom: AtomIdentity? = nil, change: AtomChange.Kind? = nil,
    dependent: AtomIdentity? = nil, address: VirtualAddress? = nil
  ) {
    self.kind = kind
    self.update = update
    self.atom = atom
    self.change = change
    self.dependent = dependent
    self.address = address
  }
}

extension RevertConflict: CustomStringConvertible {
  public var description: String {
    let place = address.map { " at \($0)" } ?? ""
    let name = atom.map(\.label) ?? "what stands\(place)"
    return switch kind {
    case .changedAgain: "update \(update) has \(Self.word(change)) \(name)"
    case .writtenAgain: "update \(update) has written \(name) again\(atom == nil ? "" : place)"
    case .roomReused: "update \(update) has other code where the former body of \(name) stood\(place)"
    case .refersTo: "\(dependent.map(\.label) ?? "a datum") of update \(update) refers to \(name)"
    case .reliesOnRegisters:
      "\(dependent.map(\.label) ?? "code") of update \(update) calls \(name), and may rely on the registers that it leaves alone "
        + "(GCC without -fno-ipa-ra)"
    }
  }

  private static func word(_ change: AtomChange.Kind?) -> String {
    switch change {
    case .added?: "added back"
    case .moved?, nil: "moved"
    case .rewritten?: "rewritten"
    case .removed?: "removed"
    }
  }
}

extension AtomIdentity {
  fileprivate var label: String {
    if name.isEmpty { return "a constant" }
    return enclosingFunction.map { "\(name) of \($0)" } ?? name
  }
}
