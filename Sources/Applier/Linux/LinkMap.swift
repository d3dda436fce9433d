import Addressing

/// What the dynamic loader has loaded into a task, in its order: `r_debug` and `link_map` of <link.h>, which glibc and
/// musl lay out alike.
struct LinkMap {
  struct Entry {
    var module: LoadedModule
    var path: String
  }

  private(set) var entries: [Entry] = []
  /// How many of them the program was started with: their symbols are everyone's. What dlopen(3) added may be private.
  private(set) var startupCount = 0

  /// - Parameter dynamicSection: of the executable; its DT_DEBUG leads to the list.
  init(_ memory: any ReadableMemory, dynamicSection: RuntimeAddress, slide: Slide) throws(ApplyError) {
    let executable = try LoadedModule(memory, base: slide.rawValue, dynamicSection: dynamicSection)
    guard let debug = executable[.debug], debug != 0 else { return }
    var next = TaskBytes(try memory.read(RuntimeAddress(rawValue: debug &+ 8), 8)).word(at: 0) ?? 0
    var seen: Set<UInt64> = []
    while next != 0, seen.insert(next).inserted, entries.count < LoadedModule.maximalEntries {
      let record = TaskBytes(try memory.read(RuntimeAddress(rawValue: next), 32))
      guard let base = record.word(at: 0), let name = record.word(at: 8), let dynamic = record.word(at: 16),
        let following = record.word(at: 24)
      else { return }
      let module = try LoadedModule(memory, base: base, dynamicSection: RuntimeAddress(rawValue: dynamic))
      let path = LoadedModule.string(memory, RuntimeAddress(rawValue: name)) ?? ""
      entries.append(Entry(module: module, path: path))
      next = following
    }
    startupCount = Self.startupCount(entries)
  }

  struct Definition {
    var entry: Entry
    var symbol: LoadedModule.Symbol
  }

  /// The first in load order, as the loader binds a reference of the executable. Of what was loaded later, only the library
  /// that is asked for by name.
  func definition(_ name: String, version: String?, library: String?) throws(ApplyError) -> Definition? {
    for (index, entry) in entries.enumerated() {
      // The vDSO is in the list and in nobody's scope.
      if entry.path.hasPrefix("linux-vdso") { continue }
      if index >= startupCount && !entry.isCalled(library) { continue }
      if let symbol = try entry.module.symbol(name, version: version) {
        return Definition(entry: entry, symbol: symbol)
      }
    }
    return nil
  }

  /// Everything up to the last library that the executable needs, directly or through another: preloaded ones stand before.
  private static func startupCount(_ entries: [Entry]) -> Int {
    guard !entries.isEmpty else { return 0 }
    var reached: Set<Int> = [0]
    var pending = [0]
    while let index = pending.popLast() {
      let names = entries[index].module.needed.compactMap { entries[index].module.string($0) }
      for (other, entry) in entries.enumerated() where names.contains(where: { entry.isCalled($0) }) {
        if reached.insert(other).inserted { pending.append(other) }
      }
    }
    return (reached.max() ?? 0) + 1
  }
}

extension LinkMap.Entry {
  func isCalled(_ name: String?) -> Bool {
    guard let name else { return false }
    return module.soname == name || path == name || path.hasSuffix("/" + name)
  }
}
