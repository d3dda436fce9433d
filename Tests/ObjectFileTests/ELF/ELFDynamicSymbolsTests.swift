import ObjectFile
import Testing

@Suite(.enabled(if: Tool.isInstalled("nm"), "nm judges, and is not installed"))
struct `Dynamic symbols are found as a loader finds them` {
  /// Every defined symbol that `nm` lists, as name, version and whether it is the default.
  private func definitions(_ path: String) throws -> [(name: String, version: String?, isDefault: Bool)] {
    try Tool.run("nm", ["-D", "--defined-only", path]).lines.compactMap { line in
      guard let word = line.split(separator: " ").last else { return nil }
      let parts = word.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
      guard let name = parts.first else { return nil }
      return (name, parts.count > 1 ? parts.last : nil, parts.count != 2)
    }
  }

  @Test(arguments: Specimen.all)
  func `every symbol under its version, and the default one without`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    guard let symbols = try file.dynamicSymbols() else { return }
    // A name that is also an absolute symbol stands for a version, which no symbol of that version has.
    let all = try definitions(await specimen.path()).filter { $0.name != $0.version }
    var missing: [String] = []
    for (name, version, isDefault) in all {
      let found = try symbols.symbol(named: name, version: version)
      let plain = try symbols.symbol(named: name)
      if found.map({ symbols.table.nameMatches($0, name) }) != true { missing.append("\(name) \(version ?? "")") }
      if isDefault, plain?.index != found?.index { missing.append("\(name) by default") }
    }
    #expect(missing == [])
    #expect(try symbols.symbol(named: "no such symbol anywhere") == nil)
    #expect(try symbols.symbol(named: "main", version: "NO_SUCH_VERSION") == nil)
  }

  @Test(arguments: Specimen.all.filter { $0.name.contains("lib") })
  func `a file without section headers gives the same symbols`(_ specimen: Specimen) async throws {
    let whole = try await specimen.file()
    var bytes = whole.view.allBytes
    bytes.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    bytes.replaceSubrange(60..<64, with: [UInt8](repeating: 0, count: 4))
    let stripped = try ELFFile(MappedFile(bytes: bytes, name: "without sections"))
    let ours = try #require(try stripped.dynamicSymbols())
    let theirs = try #require(try whole.dynamicSymbols())
    #expect(ours.table.count == theirs.table.count)
    expectSame(
      try ours.table.map {
        "\(try ours.table.name(of: $0)) \($0.value) \(ours.versions?.version(of: $0.index)?.name ?? "")"
      },
      try theirs.table.map {
        "\(try theirs.table.name(of: $0)) \($0.value) \(theirs.versions?.version(of: $0.index)?.name ?? "")"
      })
  }
}

struct `Hash tables that lie` {
  private let strings = (tag: UInt64(5), bytes: Array("\0f\0".utf8))
  private let symbols = (tag: UInt64(6), bytes: symbolRecord(info: 0) + symbolRecord(name: 1, section: 0xFFF1))

  private func image(_ hash: (tag: UInt64, bytes: [UInt8])) -> HandmadeDynamic {
    // The hash table comes last, so that the end of the file is near its own end.
    HandmadeDynamic(tables: [strings, symbols, hash], entries: [(10, 3)])
  }

  private func systemV(_ words: [UInt32]) -> HandmadeDynamic { image((4, words.flatMap(littleEndian))) }

  @Test func `the old table finds a symbol`() throws {
    let file = try systemV([1, 2, 1, 0, 0]).file()
    #expect(try file.dynamicSymbol(named: "f")?.index == 1)
    #expect(try file.dynamicSymbol(named: "g") == nil)
  }

  @Test func `a chain that runs in a circle is refused`() throws {
    let file = try systemV([1, 2, 1, 0, 1]).file()
    expectCode(.cyclicReference) { () throws(ObjectFileError) in _ = try file.dynamicSymbol(named: "g") }
  }

  @Test func `a chain that leaves the tables is refused`() throws {
    let file = try systemV([1, 2, 7, 0, 0]).file()
    expectCode(.badSymbolIndex) { () throws(ObjectFileError) in _ = try file.dynamicSymbol(named: "f") }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try systemV([.max, .max]).file().dynamicSymbols() }
  }

  @Test func `no buckets hold nothing`() throws {
    #expect(try systemV([0, 2, 0, 0]).file().dynamicSymbol(named: "f") == nil)
  }

  @Test func `the new table with a chain that leaves the tables is refused`() throws {
    let words: [UInt32] = [1, 1, 1, 6, .max, .max, 100, 0]
    expectCode(.truncated) { () throws(ObjectFileError) in
      _ = try image((0x6FFF_FEF5, words.flatMap(littleEndian))).file().dynamicSymbols()
    }
  }
}
