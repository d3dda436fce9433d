import Addressing

extension LoadedModule {
  /// An entry of the dynamic symbol table (gABI, Symbol Table), 24 bytes.
  struct Symbol: Hashable, Sendable {
    static let byteCount: UInt64 = 24

    enum Kind: Hashable, Sendable {
      case ordinary
      case threadLocal
      case indirectFunction
    }

    var index: UInt32
    var kind: Kind
    var value: UInt64
    var isAbsolute: Bool
  }

  private static let maximalChain = 1 << 16

  /// The symbol as ld.so would match it (elf/dl-lookup.c, check_match): nil when this module does not have it.
  func symbol(_ name: String, version: String?) throws(ApplyError) -> Symbol? {
    var onlyVersioned: [Symbol] = []
    var found: Symbol?
    try forEachCandidate(name) { index throws(ApplyError) in
      guard let symbol = try self.symbol(at: index, named: name) else { return false }
      switch try match(index, version) {
      case .yes: found = symbol
      case .asOnlyVersion: onlyVersioned.append(symbol)
      case .no: break
      }
      return found != nil
    }
    return found ?? (onlyVersioned.count == 1 ? onlyVersioned.first : nil)
  }

  private func symbol(at index: UInt32, named name: String) throws(ApplyError) -> Symbol? {
    guard let table = address(.symbols) else { return nil }
    let entry = TaskBytes(try read(table, UInt64(index) &* Symbol.byteCount, Int(Symbol.byteCount)))
    guard let nameOffset: UInt32 = entry.integer(at: 0), let information: UInt8 = entry.integer(at: 4),
      let section: UInt16 = entry.integer(at: 6), let value = entry.word(at: 8), string(UInt64(nameOffset)) == name
    else { return nil }
    let isAbsolute = section == 0xfff1
    let isThreadLocal = information & 0xf == 6
    // Undefined with a value: the executable's PLT entry that stands for the function everywhere (psABI, "Function
    // Addresses"). Undefined without: a mere reference.
    guard value != 0 || isAbsolute || isThreadLocal && section != 0 else { return nil }
    guard information >> 4 != 0 else { return nil }
    switch information & 0xf {
    case 0, 1, 2, 5: return Symbol(index: index, kind: .ordinary, value: value, isAbsolute: isAbsolute)
    case 6: return Symbol(index: index, kind: .threadLocal, value: value, isAbsolute: isAbsolute)
    case 10: return Symbol(index: index, kind: .indirectFunction, value: value, isAbsolute: isAbsolute)
    default: return nil
    }
  }

  func read(_ table: RuntimeAddress, _ offset: UInt64, _ count: Int) throws(ApplyError) -> [UInt8] {
    try memory.read(RuntimeAddress(rawValue: table.rawValue &+ offset), count)
  }

  func word(_ table: RuntimeAddress, _ offset: UInt64) throws(ApplyError) -> UInt32 {
    TaskBytes(try read(table, offset, 4)).integer(at: 0) ?? 0
  }

  // MARK: Hash tables

  /// Indexes of symbols whose hash is the name's; `body` says when to stop.
  private func forEachCandidate(
    _ name: String, _ body: (UInt32) throws(ApplyError) -> Bool
  ) throws(ApplyError) {
    if let table = address(.gnuHash) {
      try forEachCandidate(gnuTable: table, Self.gnuHash(name), body)
    } else if let table = address(.hash) {
      try forEachCandidate(systemVTable: table, Self.systemVHash(name), body)
    }
  }

  /// Header of four words; Bloom filter; buckets; hashes of the symbols from `symbolOffset` on, the lowest bit of which
  /// ends a chain.
  private func forEachCandidate(
    gnuTable table: RuntimeAddress, _ hash: UInt32, _ body: (UInt32) throws(ApplyError) -> Bool
  ) throws(ApplyError) {
    let bucketCount = try word(table, 0)
    let symbolOffset = try word(table, 4)
    guard bucketCount > 0 else { return }
    let buckets = 16 + UInt64(try word(table, 8)) * 8
    var index = try word(table, buckets + UInt64(hash % bucketCount) * 4)
    guard index >= symbolOffset else { return }
    let chains = buckets + UInt64(bucketCount) * 4
    for _ in 0..<Self.maximalChain {
      let found = try word(table, chains + UInt64(index - symbolOffset) * 4)
      if found | 1 == hash | 1, try body(index) { return }
      guard found & 1 == 0, index < .max else { return }
      index += 1
    }
  }

  /// Counts of buckets and chains, buckets, chains (gABI, Hash Table).
  private func forEachCandidate(
    systemVTable table: RuntimeAddress, _ hash: UInt32, _ body: (UInt32) throws(ApplyError) -> Bool
  ) throws(ApplyError) {
    let bucketCount = try word(table, 0)
    guard bucketCount > 0 else { return }
    let chains = 8 + UInt64(bucketCount) * 4
    var index = try word(table, 8 + UInt64(hash % bucketCount) * 4)
    for _ in 0..<Self.maximalChain where index != 0 {
      if try body(index) { return }
      index = try word(table, chains + UInt64(index) * 4)
    }
  }

  static func gnuHash(_ name: String) -> UInt32 {
    name.utf8.reduce(5381) { $0 &* 33 &+ UInt32($1) }
  }

  static func systemVHash(_ name: String) -> UInt32 {
    name.utf8.reduce(0) { hash, byte in
      let shifted = hash << 4 &+ UInt32(byte)
      let high = shifted & 0xf000_0000
      return (shifted ^ high >> 24) & ~high
    }
  }

  // MARK: Versions

  private enum Match {
    case yes
    /// Good for a reference without a version, if no other version of the name is there.
    case asOnlyVersion
    case no
  }

  private func match(_ index: UInt32, _ version: String?) throws(ApplyError) -> Match {
    guard let table = address(.symbolVersions) else { return .yes }
    let entry: UInt16 = TaskBytes(try read(table, UInt64(index) * 2, 2)).integer(at: 0) ?? 0
    let (number, isHidden) = (entry & 0x7fff, entry & 0x8000 != 0)
    guard let version else {
      // 0 and 1 are local and global; 2 is the module's first version, which glibc takes for the base as well.
      return number < 3 ? .yes : isHidden ? .no : .asOnlyVersion
    }
    guard let found = try versionName(number) else { return isHidden ? .no : .yes }
    return found == version ? .yes : .no
  }

  /// The version's name; nil for one that the module does not define or need.
  private func versionName(_ number: UInt16) throws(ApplyError) -> String? {
    if number < 2 { return nil }
    if let name = try definedVersion(number) { return name }
    return try neededVersion(number)
  }

  private func definedVersion(_ number: UInt16) throws(ApplyError) -> String? {
    guard var entry = address(.versionDefinitions) else { return nil }
    for _ in 0..<Self.maximalEntries {
      let record = TaskBytes(try memory.read(entry, 20))
      guard let found: UInt16 = record.integer(at: 4), let names: UInt32 = record.integer(at: 12),
        let next: UInt32 = record.integer(at: 16)
      else { return nil }
      if found == number { return string(UInt64(try word(entry, UInt64(names)))) }
      if next == 0 { return nil }
      entry = RuntimeAddress(rawValue: entry.rawValue &+ UInt64(next))
    }
    return nil
  }

  private func neededVersion(_ number: UInt16) throws(ApplyError) -> String? {
    guard var library = address(.versionNeeds) else { return nil }
    for _ in 0..<Self.maximalEntries {
      let record = TaskBytes(try memory.read(library, 16))
      guard let first: UInt32 = record.integer(at: 8), let next: UInt32 = record.integer(at: 12) else { return nil }
      if let name = try neededVersion(number, from: RuntimeAddress(rawValue: library.rawValue &+ UInt64(first))) {
        return name
      }
      if next == 0 { return nil }
      library = RuntimeAddress(rawValue: library.rawValue &+ UInt64(next))
    }
    return nil
  }

  private func neededVersion(_ number: UInt16, from start: RuntimeAddress) throws(ApplyError) -> String? {
    var entry = start
    for _ in 0..<Self.maximalEntries {
      let record = TaskBytes(try memory.read(entry, 16))
      guard let found: UInt16 = record.integer(at: 6), let name: UInt32 = record.integer(at: 8),
        let next: UInt32 = record.integer(at: 12)
      else { return nil }
      if found == number { return string(UInt64(name)) }
      if next == 0 { return nil }
      entry = RuntimeAddress(rawValue: entry.rawValue &+ UInt64(next))
    }
    return nil
  }
}
