import Addressing
import Journal
import ObjectFile

/// A symbol that one of the image's libraries exports.
struct LibrarySymbol: Hashable {
  let symbol: ImportedSymbol
  let isFunction: Bool
  let isThreadLocal: Bool
}

/// Looks symbols up in the libraries that the image loads, as they lie on disk, in load order.
final class LibraryDirectory {
  private let store: JournalStore
  private var files: [(soname: String, file: ELFFile)]?

  init(store: JournalStore) { self.store = store }

  /// Nil where no library exports it. A library that cannot be read is passed over: it cannot be loaded either.
  func symbol(named name: String) throws(LinkError) -> LibrarySymbol? {
    if store.base.format == .machO { return try imported(name) }
    for (soname, file) in try opened() {
      guard let found = try? file.dynamicSymbol(named: name), found.isDefined else { continue }
      let version = (try? file.versions())??.version(of: found.index)?.name
      return LibrarySymbol(
        symbol: ImportedSymbol(name: name, version: version, library: soname),
        isFunction: found.kind == .function || found.kind == .indirectFunction || found.kind == .none,
        isThreadLocal: found.kind == .threadLocal)
    }
    return nil
  }

  /// Libraries of Mach-O are not on the disk (they are in the shared cache of macOS): what the image does not import is
  /// not known.
  private func imported(_ name: String) throws(LinkError) -> LibrarySymbol? {
    let imports = try fromJournal { () throws(JournalError) in try store.baseImports(named: name) }
    return imports.first.map {
      var symbol = $0.symbol
      symbol.addend = 0
      return LibrarySymbol(symbol: symbol, isFunction: true, isThreadLocal: false)
    }
  }

  private func opened() throws(LinkError) -> [(soname: String, file: ELFFile)] {
    if let files { return files }
    let libraries = try fromJournal { () throws(JournalError) in try store.libraries() }
    let opened = libraries.compactMap { library -> (soname: String, file: ELFFile)? in
      guard let path = library.path, let mapped = try? MappedFile(path: path), let file = try? ELFFile(mapped) else {
        return nil
      }
      return (library.soname, file)
    }
    files = opened
    return opened
  }
}
