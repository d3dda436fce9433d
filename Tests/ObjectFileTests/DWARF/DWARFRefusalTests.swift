import ObjectFile
import Testing

@Suite struct `Debug information that is not read` {
  private let source = "struct s { int a; } s; int use(void) { return s.a; }"

  @Test func `a file without any says so`() throws {
    let object = try DWARFCompiler(program: "gcc", options: []).object(source)
    #expect(try DWARFFacts.presence(in: object) == .absent)
    #expect(try DWARFFacts(object) == nil)
  }

  @Test func `compressed sections count as none, by name`() throws {
    let object = try DWARFCompiler(program: "gcc", options: ["-g", "-gz=zlib"]).object(
      source
        + String(
          repeating: "\nint unused_function_with_a_name(void);", count: 20))
    #expect(try DWARFFacts.presence(in: object) == .compressed)
    #expect(try DWARFFacts(object) == nil)
    #expect(try DWARFLines(object) == nil)
  }

  @Test(arguments: ["gcc", "clang"].filter(Tool.isInstalled), ["-gdwarf-4", "-gdwarf-5"])
  func `what was split off into another file counts as none, by name`(_ program: String, _ version: String) throws {
    let object = try DWARFCompiler(program: program, options: [version, "-gsplit-dwarf"]).object(source)
    #expect(try DWARFFacts.presence(in: object) == .split)
    #expect(try DWARFFacts(object) == nil)
    #expect(try DWARFLines(object) == nil)
  }

  @Test(arguments: ["gcc", "clang"].filter(Tool.isInstalled))
  func `lines without types are no facts, but lines`(_ program: String) throws {
    let object = try DWARFCompiler(program: program, options: ["-g1"]).object(source)
    #expect(try DWARFFacts.presence(in: object) == .linesOnly)
    #expect(try DWARFFacts(object) == nil)
    var lines = try #require(try DWARFLines(object))
    let text = try #require(object.section(named: ".text.use"))
    #expect(try lines.line(inSection: text.index, at: 0)?.line == 1)
  }

  @Test func `a unit without types beside one with them has no functions`() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write(source, to: "one.c")
    _ = try folder.write("int other(int x) { return x; }", to: "other.c")
    try Tool.run("gcc", ["-g1", "-c", "one.c"], in: folder.path)
    try Tool.run("gcc", ["-g", "-c", "other.c"], in: folder.path)
    try Tool.run("ld", ["-r", "one.o", "other.o", "-o", "both.o"], in: folder.path)
    let facts = try #require(try DWARFFacts(ELFFile(MappedFile(path: folder.path + "/both.o"))))
    #expect(facts.units.map(\.name) == ["one.c", "other.c"])
    #expect(facts.functions.map(\.name) == ["other"])
    #expect(facts.variables.isEmpty)
  }

  @Test(arguments: ["gcc", "clang"].filter(Tool.isInstalled))
  func `64-bit DWARF is refused`(_ program: String) throws {
    let object = try DWARFCompiler(program: program, options: ["-gdwarf-5", "-gdwarf64"]).object(source)
    let error = #expect(throws: ObjectFileError.self) { try DWARFFacts(object) }
    #expect(error?.code == .unsupportedDWARF)
    #expect(error?.description.contains("64-bit DWARF") == true)
  }

  @Test func `a version of the future and addresses of 4 bytes are refused`() throws {
    for (version, size, words) in [(UInt16(6), UInt8(8), "version 6"), (4, 4, "addresses of 4 bytes")] {
      var unit = HandmadeDWARF()
      unit.version = version
      unit.addressByteCount = size
      unit.end()
      let error = #expect(throws: ObjectFileError.self) { try unit.facts() }
      #expect(error?.code == .unsupportedDWARF)
      #expect(error?.description.contains(words) == true)
    }
  }

  @Test func `a relocation that debug information does not have is refused by its number`() throws {
    var elf = HandmadeELF(sections: HandmadeDWARF().sections)
    elf.sections.append(HandmadeELF.Section(name: ".strtab", type: 3, bytes: [0]))
    elf.sections.append(
      HandmadeELF.Section(
        name: ".symtab", type: 2, bytes: symbolRecord() + symbolRecord(section: 1), link: 3, entrySize: 24))
    elf.sections.append(
      HandmadeELF.Section(
        name: ".rela.debug_info", type: 4, bytes: relocationRecord(offset: 0, type: 42, symbol: 1, addend: 0), link: 4,
        info: 1, entrySize: 24))
    let error = #expect(throws: ObjectFileError.self) { try DWARFFacts(elf.file()) }
    #expect(error?.code == .unsupportedRelocation)
    #expect(error?.description.contains("type 42") == true)
  }
}
