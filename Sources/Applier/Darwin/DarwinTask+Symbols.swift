public import Addressing
public import Journal
import ObjectFile

extension DarwinTask {
  /// Two-level, as dyld binds: in the library that the import names and in what that re-exports; in all libraries where it
  /// names none.
  public func address(of symbol: ImportedSymbol) throws(ApplyError) -> RuntimeAddress {
    try requireAttached()
    var libraries = try LoadedLibraries(self)
    let found: LoadedLibraries.Definition?
    do throws(ObjectFileError) {
      found = try libraries.definition(symbol.name, in: symbol.library)
    } catch {
      throw ApplyError(.taskMemoryMalformed, target: name, symbol: symbol.name, cause: error)
    }
    if let failure = libraries.failure { throw failure }
    guard let found else {
      throw ApplyError(
        .importNotFound, target: name, symbol: symbol.name, detail: symbol.library.map { "expected in \($0)" })
    }
    switch found.kind {
    case .ordinary: return RuntimeAddress(rawValue: found.address &+ UInt64(bitPattern: symbol.addend))
    case .threadLocal:
      throw ApplyError(.importIsThreadLocal, target: name, symbol: symbol.name, detail: found.library)
    case .resolved:
      throw ApplyError(
        .importNotFound, target: name, symbol: symbol.name,
        detail: "\(found.library) finds it by a function that would have to be called")
    }
  }
}

/// The images that the dynamic loader says it has loaded (mach-o/dyld_images.h), as the task's memory has them.
private struct LoadedLibraries {
  struct Definition {
    enum Kind {
      case ordinary
      case threadLocal
      case resolved
    }

    var address: UInt64
    var kind: Kind
    var library: String
  }

  private struct Library {
    var start: UInt64
    var commands: MachOTaskCommands
    var trie: MachOExportTrie
  }

  private static let maximalCount: UInt32 = 1 << 16
  private static let maximalCommandBytes: UInt32 = 1 << 20
  private static let maximalTrieBytes: UInt32 = 1 << 26
  /// Libraries re-export one another in a few steps; a circle ends here.
  private static let maximalDepth = 16

  private let task: DarwinTask
  private let starts: [UInt64]
  private var libraries: [UInt64: Library] = [:]
  /// The first read that failed: a library that cannot be read may be the one that has the symbol.
  private(set) var failure: ApplyError?

  init(_ task: DarwinTask) throws(ApplyError) {
    self.task = task
    let place: RuntimeRange?
    do throws(MachFailure) { place = try task.calls.loaderInfo(task.port) } catch { throw task.error(error) }
    guard let place else { throw task.malformed("the dynamic loader has not begun") }
    // uint32_t version, uint32_t infoArrayCount, const struct dyld_image_info* infoArray.
    let head = TaskBytes(try task.read(place.start, 16))
    guard let count: UInt32 = head.integer(at: 4), let list = head.word(at: 8), count <= Self.maximalCount else {
      throw task.malformed("the dynamic loader's list of images", at: place.start)
    }
    guard list != 0 || count == 0 else {
      throw ApplyError(
        .taskCallFailed, target: task.name, detail: "the dynamic loader is at work on its list of images")
    }
    // const struct mach_header*, const char*, uintptr_t for each.
    let entries = TaskBytes(try task.read(RuntimeAddress(rawValue: list), 24 * Int(count)))
    starts = (0..<Int(count)).compactMap { entries.word(at: 24 * $0) }
  }

  mutating func definition(_ name: String, in installName: String?) throws(ObjectFileError) -> Definition? {
    for start in starts {
      guard let library = try library(at: start) else { continue }
      if let installName, library.commands.installName != installName { continue }
      if let found = try definition(name, library, depth: 0) { return found }
    }
    return nil
  }

  private mutating func definition(
    _ name: String, _ library: Library, depth: Int
  ) throws(ObjectFileError) -> Definition? {
    guard depth < Self.maximalDepth else { return nil }
    let label = library.commands.installName ?? "an image"
    if let export = try library.trie.export(named: name) {
      switch export.place {
      case .offset(let offset):
        let address = export.flags.contains(.absolute) ? offset : library.start &+ offset
        return Definition(
          address: address, kind: export.flags.contains(.threadLocal) ? .threadLocal : .ordinary, library: label)
      case .resolver(let stub, _):
        return Definition(address: library.start &+ stub, kind: .resolved, library: label)
      case .reexport(let ordinal, let other):
        guard ordinal > 0, ordinal <= UInt64(library.commands.libraries.count) else { return nil }
        let next = library.commands.libraries[Int(ordinal) - 1]
        return try definition(other.isEmpty ? name : other, inLibraryNamed: next.name, depth: depth + 1)
      }
    }
    for next in library.commands.libraries where next.isReexported {
      if let found = try definition(name, inLibraryNamed: next.name, depth: depth + 1) { return found }
    }
    return nil
  }

  private mutating func definition(
    _ name: String, inLibraryNamed installName: String, depth: Int
  ) throws(ObjectFileError) -> Definition? {
    for start in starts {
      guard let library = try library(at: start), library.commands.installName == installName else { continue }
      return try definition(name, library, depth: depth)
    }
    return nil
  }

  /// Nil where no library stands there, or where it exports nothing.
  private mutating func library(at start: UInt64) throws(ObjectFileError) -> Library? {
    if let known = libraries[start] { return known }
    let found: (commands: MachOTaskCommands, trie: [UInt8])?
    do throws(ApplyError) {
      found = try read(at: start)
    } catch {
      failure = failure ?? error
      return nil
    }
    guard let found else { return nil }
    let trie = MappedFile(bytes: found.trie, name: found.commands.installName ?? "an image")
    let library = Library(start: start, commands: found.commands, trie: try MachOExportTrie(trie.view))
    libraries[start] = library
    return library
  }

  private func read(at start: UInt64) throws(ApplyError) -> (commands: MachOTaskCommands, trie: [UInt8])? {
    let header = TaskBytes(try task.read(RuntimeAddress(rawValue: start), MachOTaskImage.Constant.headerByteCount))
    guard header.integer(at: 0) == MachOTaskImage.Constant.magic64, let byteCount: UInt32 = header.integer(at: 20),
      byteCount <= Self.maximalCommandBytes
    else { return nil }
    let behind = RuntimeAddress(rawValue: start &+ UInt64(MachOTaskImage.Constant.headerByteCount))
    let commands = MachOTaskCommands(TaskBytes(try task.read(behind, Int(byteCount))))
    guard let place = commands.exportTrie, place.byteCount > 0, place.byteCount <= Self.maximalTrieBytes,
      let text = commands.segment("__TEXT"), let tables = commands.segment("__LINKEDIT")
    else { return nil }
    // Of a library in the shared cache this is the cache's own table.
    let address = start &- text.address &+ tables.address &- tables.fileOffset &+ UInt64(place.offset)
    return (commands, try task.read(RuntimeAddress(rawValue: address), Int(place.byteCount)))
  }
}
