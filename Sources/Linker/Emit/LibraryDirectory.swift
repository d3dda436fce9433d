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
  private var described: DescribedLibraries?

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

  private func imported(_ name: String) throws(LinkError) -> LibrarySymbol? {
    let imports = try fromJournal { () throws(JournalError) in try store.baseImports(named: name) }
    if let known = imports.first {
      var symbol = known.symbol
      symbol.addend = 0
      return LibrarySymbol(symbol: symbol, isFunction: true, isThreadLocal: false)
    }
    let descriptions = if let described { described } else { try DescribedLibraries(store) }
    described = descriptions
    guard let found = descriptions.export(named: name) else { return nil }
    return LibrarySymbol(
      symbol: ImportedSymbol(name: name, version: nil, library: found.library), isFunction: true,
      isThreadLocal: found.kind == .threadLocal)
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

/// The libraries of a Mach-O image by what described them when it was adopted, in the order in which binds count them.
private struct DescribedLibraries {
  private let libraries: [(name: String, description: MachOLibraryDescription)]

  init(_ store: JournalStore) throws(LinkError) {
    let known = try fromJournal { () throws(JournalError) in try store.libraries() }
    var result: [(name: String, description: MachOLibraryDescription)] = []
    for library in known {
      guard let path = library.path else { continue }
      do throws(ObjectFileError) {
        let machine: MachOMachine = store.base.architecture == .arm64 ? .arm64 : .x86_64
        result.append((library.soname, try MachOLibraryDescription(path: path, machine: machine)))
      } catch {
        throw LinkError(.objectFile, object: path, cause: error)
      }
    }
    libraries = result
  }

  /// - Returns: the library that the image loads, whichever of those behind it has the symbol.
  func export(named name: String) -> (library: String, kind: MachOLibraryStub.Export)? {
    for library in libraries {
      if let kind = export(named: name, of: library.name, in: [library.description], depth: 0) {
        return (library.name, kind)
      }
    }
    return nil
  }

  /// Libraries pass each other's exports on in a few steps; a circle ends here.
  private static let maximalDepth = 8

  private func export(
    named name: String, of library: String, in descriptions: [MachOLibraryDescription], depth: Int
  ) -> MachOLibraryStub.Export? {
    guard depth < Self.maximalDepth else { return nil }
    for description in descriptions where description.names.contains(library) {
      if let kind = try? description.export(named: name, of: library) { return kind }
      for next in description.reexports(of: library) {
        let known = [description] + libraries.map(\.description)
        if let kind = export(named: name, of: next, in: known, depth: depth + 1) { return kind }
      }
      return nil
    }
    return nil
  }
}
