import ObjectFile
import Testing

struct `Mergeable sections` {
  private func object(_ bytes: [UInt8], flags: UInt64 = 0x32, entrySize: UInt64 = 1) -> HandmadeELF {
    HandmadeELF(sections: [.init(name: ".rodata", type: 1, flags: flags, bytes: bytes, entrySize: entrySize)])
  }

  @Test func `a reference into the middle of a string finds the whole string`() throws {
    let file = try object(Array("one\0two\0\0".utf8)).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    let piece = try merged.piece(containing: 6)
    #expect(piece.offset == 4 && piece.bytes.text == "two\0")
    #expect(try merged.piece(containing: 3).bytes.text == "one\0")
    #expect(try merged.piece(containing: 8).bytes.allBytes == [0])
    #expect(try file.mergedString(in: file.sections[1], at: 6).text == "o\0")
  }

  @Test func `wide characters end in a wide zero`() throws {
    let file = try object([0x61, 0, 0, 0x62, 0, 0, 0x63, 0, 0, 0], entrySize: 2).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    #expect(try merged.piece(containing: 2).bytes.allBytes == [0x61, 0, 0, 0x62, 0, 0])
    #expect(try merged.piece(containing: 7).offset == 6)
  }

  @Test func `constants are pieces of one size`() throws {
    let file = try object(Array(0..<16), flags: 0x12, entrySize: 8).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    #expect(try merged.piece(containing: 9).bytes.allBytes == Array(8..<16))
  }

  @Test func `a section that cannot be cut into entries is an ordinary one`() throws {
    for (flags, entrySize) in [(0x32, 0), (0x32, 3), (0x2, 1)] as [(UInt64, UInt64)] {
      let file = try object([1, 2, 3, 0], flags: flags, entrySize: entrySize).file()
      #expect(try file.mergedContents(of: file.sections[1]) == nil)
    }
  }

  @Test func `offsets outside and strings without an end are refused`() throws {
    let file = try object(Array("one\0two".utf8)).file()
    let merged = try #require(try file.mergedContents(of: file.sections[1]))
    expectCode(.badString) { () throws(ObjectFileError) in _ = try merged.piece(containing: 5) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try merged.piece(containing: 7) }
    expectCode(.truncated) { () throws(ObjectFileError) in _ = try merged.piece(containing: .max) }
  }
}

/// What compilers put into such sections.
struct `Merged strings of real compilers` {
  @Test(
    .enabled(if: Tool.isInstalled("readelf"), "readelf judges, and is not installed"),
    arguments: Specimen.objects.filter { $0.name.hasPrefix("gcc") || $0.name.hasPrefix("clang -") })
  func `are cut where readelf cuts them`(_ specimen: Specimen) async throws {
    let file = try await specimen.file()
    let path = try await specimen.path()
    let sections = file.sections.filter { $0.flags.contains([.mergeable, .strings]) && $0.entrySize == 1 }
    #expect(!sections.isEmpty)
    for section in sections where file.nameHasPrefix(section, ".rodata") {
      let merged = try #require(try file.mergedContents(of: section))
      var ours: [String] = []
      var at: UInt64 = 0
      while at < UInt64(merged.view.count) {
        let piece = try merged.piece(containing: at)
        ours.append("\(hex(piece.offset)) \(piece.bytes.text.dropLast())".collapsed)
        at = piece.offset + UInt64(piece.bytes.count)
      }
      let theirs = try Tool.run("readelf", ["-p", "\(section.index)", path]).lines.filter { $0.hasPrefix("  [") }
      expectSame(ours, theirs.map { $0.filter { !"[]".contains($0) }.collapsed }, file.name(of: section))
    }
  }

  @Test(.enabled(if: Tool.isInstalled("gcc"), "gcc compiles, and is not installed"))
  func `compressed debug information is refused by name, the rest is read`() throws {
    let folder = try TemporaryFolder()
    // Short sections stay as they are: the compressed form must be smaller.
    let source = (0..<200).map { "struct type_\($0) { int member_\($0); } variable_\($0);\n" }.joined()
    _ = try folder.write(source, to: "many.c")
    try Tool.run("gcc", ["-c", "-g", "-gz=zlib", "many.c"], in: folder.path)
    let file = try ELFFile(MappedFile(path: folder.path + "/many.o"))
    let information = try #require(file.section(named: ".debug_info"))
    let error = expectCode(.compressedSection) { () throws(ObjectFileError) in _ = try file.contents(of: information) }
    #expect(error?.section == ".debug_info" && error?.description.contains("--decompress-debug-sections") == true)
    #expect(try file.symbolTable(.static).map { $0.count > 200 } == true)
  }
}
