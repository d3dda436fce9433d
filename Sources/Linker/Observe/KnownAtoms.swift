import Addressing
import Journal

/// Makes up for symbols that an image has lost.
///
/// Zig 0.10 lets the last function of an ELF image grow over its own symbol table (seen on x86_64-linux): the program is
/// right, and most of its names are gone. What the journal knows stands where it stood, until the image says otherwise.
struct KnownAtoms {
  let store: JournalStore
  let parent: Digest

  /// Completes the images that an update is observed from.
  func complete(_ before: inout ObservedImage, _ after: inout ObservedImage) throws {
    let lost = Set(after.symbols.map(\.name)).subtracting(before.symbols.map(\.name))
    if before.hasDamagedSymbols { try add(lost, to: &before) }
    guard after.hasDamagedSymbols else { return }
    let names = Set(after.symbols.map(\.name))
    let functions = before.symbols.filter { $0.kind == .function }
    let missing = functions.filter { !names.contains($0.name) }
    // A few names that go are functions that were removed.
    guard missing.count * 2 > functions.count else { return }
    after.symbols += before.symbols.filter { !names.contains($0.name) }
    after.settleSymbols()
  }

  /// Names that are in the journal, and that the image before does not tell.
  private func add(_ names: Set<String>, to image: inout ObservedImage) throws {
    let placed = try store.placements(named: names, at: parent, includingRemoved: true)
    let base = try store.baseSymbols(named: names)
    for name in names.sorted() {
      if let atom = placed[name]?.first {
        guard atom.isCurrent else { continue }
        image.addSymbol(name, atom.placement.body, isFunction: atom.kind == .function, isGlobal: false)
      } else if let symbol = base[name]?.first,
        let range = AddressRange(validating: symbol.address, byteCount: symbol.byteCount)
      {
        image.addSymbol(name, range, isFunction: symbol.kind == .function, isGlobal: symbol.binding == .global)
      }
    }
    image.settleSymbols()
  }
}
