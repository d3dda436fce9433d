import ObjectFile
import Testing

struct `An export trie` {
  @Test(arguments: FixupImage.allCases) func `of a real image agrees with llvm-objdump`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let exports = try #require(try file.exportTrie()).exports
    let base = try #require(file.segments.first { $0.name == "__TEXT" }).range.start.rawValue
    let ours = exports.map { export in
      guard case .offset(let offset) = export.place else { return export.name }
      let flags = export.flags.contains(.weakDefinition) ? " [weak_def]" : ""
      return "0x\(hex(base + offset).uppercased()) \(export.name)\(flags)"
    }
    let theirs = try Tool.run(try Tool.inToolchain("llvm-objdump"), ["--macho", "--exports-trie", file.name])
      .lines
      .filter { $0.hasPrefix("0x") }.map(\.collapsed)
    expectSame(ours.sorted(), theirs.map { $0.replacing(/^0x0+(?=.)/, with: "0x") }.sorted())
    #expect(!ours.isEmpty)
  }

  @Test(arguments: FixupImage.allCases) func `written anew says the same in as little room`(
    _ image: FixupImage
  ) async throws {
    let file = try await image.file()
    let original = try #require(try file.linkEditData(.exportsTrie) ?? (try file.loaderInfo()?.exports))
    let exports = try #require(try file.exportTrie()).exports
    let bytes = try MachOExportTrieBuilder.encode(exports.shuffled(), file: "image")
    let again = try MachOExportTrie(MappedFile(bytes: bytes, name: "trie").view)
    #expect(Set(again.exports) == Set(exports))
    // The order of nodes decides which of their offsets take a byte more.
    #expect(bytes.count <= original.count + 8)
    for export in exports {
      #expect(try again.export(named: export.name) == export)
      #expect(try again.export(named: export.name + "\u{1}") == nil)
    }
  }

  @Test func `keeps every kind of export, and thousands of them`() throws {
    var exports = [
      MachOExport(name: "", flags: .absolute, place: .offset(3)),
      MachOExport(name: "_a", flags: [.reexport], place: .reexport(library: 300, name: "_b")),
      MachOExport(name: "_ab", flags: [.reexport], place: .reexport(library: 1, name: "")),
      MachOExport(name: "_abc", flags: [.stubAndResolver], place: .resolver(stub: 0x4000, resolver: 1 << 40)),
      MachOExport(name: "_abd", flags: [.threadLocal], place: .offset(.max)),
      MachOExport(name: "_ä", flags: [.weakDefinition], place: .offset(0)),
    ]
    for index in 0..<5000 {
      exports.append(MachOExport(name: "_symbol\(String(index, radix: 3))", place: .offset(UInt64(index) * 16)))
    }
    // Each the beginning of the next: as deep as it is wide.
    for length in 3..<400 {
      exports.append(MachOExport(name: "_" + String(repeating: "z", count: length), place: .offset(UInt64(length))))
    }
    let bytes = try MachOExportTrieBuilder.encode(exports, file: "image")
    #expect(try MachOExportTrieBuilder.encode(exports.reversed(), file: "image") == bytes)
    let trie = try MachOExportTrie(MappedFile(bytes: bytes, name: "trie").view)
    #expect(Set(trie.exports) == Set(exports))
    #expect(try trie.export(named: "_abc")?.place == .resolver(stub: 0x4000, resolver: 1 << 40))
    #expect(try trie.export(named: "_symbol") == nil)
  }

  @Test func `refuses what cannot be written`() {
    let twice = [MachOExport(name: "_a", place: .offset(0)), MachOExport(name: "_a", place: .offset(1))]
    for exports in [twice, [MachOExport(name: "_\0", place: .offset(0))]] {
      let error = #expect(throws: ObjectFileError.self) { try MachOExportTrieBuilder.encode(exports, file: "image") }
      #expect(error?.code == .malformedExports)
    }
  }

  /// What each trie is, its bytes, and how it is refused.
  private static let damaged: [(String, [UInt8], ObjectFileError.Code)] = [
    ("a node that is its own child", [0, 1, 0x61, 0, 0], .malformedExports),
    ("two nodes that are each other's child", [0, 1, 0x61, 0, 5, 0, 1, 0x62, 0, 0], .malformedExports),
    ("two edges to one node", [0, 2, 0x61, 0, 8, 0x62, 0, 8, 2, 0, 7, 0], .malformedExports),
    ("a circle along edges without a letter", [0, 1, 0, 4, 0, 1, 0, 0], .malformedExports),
    ("a child outside", [0, 1, 0x61, 0, 0x7F], .malformedExports),
    ("flags that nobody knows", [3, 0x80, 1, 0, 0], .malformedExports),
    ("information that is cut off", [9, 0, 0], .truncated),
    ("an edge without end", [0, 1, 0x61], .badString),
    ("children that are missing", [0, 3, 0x61, 0, 4], .badString),
    ("an address without end", [2, 0, 0x80, 0], .truncated),
    ("a name that is no UTF-8", [0, 1, 0xFF, 0, 5, 2, 0, 0, 0], .badString),
  ]

  @Test(arguments: damaged.indices) func `that is damaged is refused`(_ index: Int) {
    let (name, bytes, code) = Self.damaged[index]
    let error = #expect(throws: ObjectFileError.self, "\(name)") {
      try MachOExportTrie(MappedFile(bytes: bytes, name: "trie").view)
    }
    #expect(error?.code == code, "\(name)")
  }
}
