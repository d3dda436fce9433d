import Addressing
import Journal

/// One atom as the image has it before and after.
struct AtomPair {
  var identity: AtomIdentity
  var before: ObservedSymbol?
  var after: ObservedSymbol?

  var isFunction: Bool { (after ?? before)?.kind == .function }
  var stays: Bool { before?.range.start == after?.range.start }
}

enum AtomPairs {
  /// Atoms are known by their names, which are unique in what Zig writes; where one is not, by name and address, so
  /// that no move is claimed that cannot be known.
  static func of(_ before: ObservedImage, _ after: ObservedImage) -> [AtomPair] {
    let old = atoms(before)
    let new = atoms(after)
    var pairs: [AtomPair] = []
    for name in Set(old.keys).union(new.keys).sorted() {
      let (former, latter) = (old[name] ?? [], new[name] ?? [])
      if former.count <= 1, latter.count <= 1 {
        pairs.append(
          AtomPair(identity: AtomIdentity(name: name), before: former.first, after: latter.first))
        continue
      }
      for start in Set((former + latter).map(\.range.start)).sorted() {
        pairs.append(
          AtomPair(
            identity: AtomIdentity(name: name, variant: "\(start)"),
            before: former.first { $0.range.start == start }, after: latter.first { $0.range.start == start }))
      }
    }
    return pairs
  }

  private static func atoms(_ image: ObservedImage) -> [String: [ObservedSymbol]] {
    Dictionary(grouping: image.symbols.filter { $0.kind != .trampoline }, by: \.name)
  }
}
