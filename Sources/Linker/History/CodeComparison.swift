import Addressing
public import Journal

/// One line of a disassembly.
public struct CodeLine: Hashable, Sendable {
  /// In bytes from the start of the body.
  public var offset: UInt64
  /// Mnemonic and operands, addresses by name where they have one.
  public var text: String
  /// What the line is compared by: what follows from the place alone is left out.
  var key: String
  /// Where a branch within the body leads.
  var innerTarget: UInt64?
}

/// Two bodies, instruction by instruction, side by side.
public struct CodeComparison: Sendable {
  public struct Row: Hashable, Sendable {
    /// Nil where an instruction has come or gone.
    public var before: CodeLine?
    public var after: CodeLine?
    public var isChanged: Bool
  }

  public private(set) var rows: [Row] = []

  /// - Parameters:
  ///   - before: where the function stood at `from`; nil where it did not exist. The same for `after` at `to`.
  /// - Throws: `journal` where the bodies cannot be read, `disassembly` where the library cannot be used.
  public init(
    of before: PlacedAtom?, at from: Digest, and after: PlacedAtom?, at to: Digest, in store: JournalStore
  ) throws(LinkError) {
    let old = try before.map { (placed) throws(LinkError) in try CodeListing(placed, at: from, in: store).lines } ?? []
    let new = try after.map { (placed) throws(LinkError) in try CodeListing(placed, at: to, in: store).lines } ?? []
    align(old, new)
    markInnerBranches()
  }

  /// Rows of what is equal in order, and between them what went beside what came.
  private mutating func align(_ old: [CodeLine], _ new: [CodeLine]) {
    let difference = new.map(\.key).difference(from: old.map(\.key))
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
      let goes = left < old.count && removed.contains(left)
      let comes = right < new.count && inserted.contains(right)
      rows.append(
        Row(
          before: goes || !comes ? (left < old.count ? old[left] : nil) : nil,
          after: comes || !goes ? (right < new.count ? new[right] : nil) : nil, isChanged: goes || comes))
      if goes || !comes { left += 1 }
      if comes || !goes { right += 1 }
    }
  }

  /// A branch within the body has changed if it leads to another instruction, and not if that merely stands elsewhere.
  private mutating func markInnerBranches() {
    var counterparts: [UInt64: UInt64] = [:]
    for case (let before?, let after?) in rows.map({ ($0.before, $0.after) }) {
      counterparts[before.offset] = after.offset
    }
    for index in rows.indices where !rows[index].isChanged {
      guard let old = rows[index].before?.innerTarget, let new = rows[index].after?.innerTarget else { continue }
      rows[index].isChanged = counterparts[old] != new
    }
  }
}
