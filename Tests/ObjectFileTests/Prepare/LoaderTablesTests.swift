import Addressing
import Foundation
import ObjectFile
import Testing

@Suite(.serialized) struct LoaderTablesTests {
  static let links = [
    "gcc -g -fuse-ld=bfd -pie", "gcc -g -fuse-ld=bfd -no-pie", "clang -g -fuse-ld=lld -pie",
    "gcc -g -fuse-ld=mold -pie",
    "gcc -g -fuse-ld=gold -pie", "gcc -g -fuse-ld=bfd -pie -Wl,--hash-style=sysv",
    "gcc -g -fuse-ld=bfd -pie -Wl,-z,now -Wl,-z,pack-relative-relocs",
  ].map { Link($0, source: cellProgram) }.filter(\.isAvailable)

  static let imports = [
    ELFImport(name: "puts", version: "GLIBC_2.2.5", library: "libc.so.6", kind: .function),
    ELFImport(name: "strlen", version: "GLIBC_2.2.5", library: "libc.so.6", kind: .function),
    ELFImport(name: "pthread_create", version: "GLIBC_2.34", library: "libc.so.6", kind: .function),
    ELFImport(name: "memcpy", version: "GLIBC_2.14", library: "libc.so.6"),
    ELFImport(name: "memcpy", version: "GLIBC_2.2.5", library: "libc.so.6"),
    ELFImport(name: "environ", version: "GLIBC_2.2.5", library: "libc.so.6", kind: .data),
    ELFImport(name: "__tls_get_addr", version: "GLIBC_2.3", library: "ld-linux-x86-64.so.2"),
    ELFImport(name: "getppid", version: nil, library: nil, kind: .function),
  ]

  @Test(arguments: links) func `the loader fills a cell of the arena with an imported symbol`(_ link: Link) throws {
    let specimen = try CellSpecimen(link)
    var tables = try specimen.tables()
    var edits: [FileEdit] = []
    for (index, wanted) in Self.imports.enumerated() {
      let (symbol, added) = try tables.symbol(for: wanted)
      edits += added
      edits += try tables.setRelocation(at: specimen.cell(index), to: .symbol(symbol, addend: 0))
      #expect(try tables.relocation(at: specimen.cell(index)) == .symbol(symbol, addend: 0))
    }
    let before = try MappedFile(copying: specimen.prepared).view.allBytes
    try specimen.apply(edits)
    for (index, wanted) in Self.imports.enumerated() {
      #expect(try specimen.readCell(index, "\(wanted.version == nil ? "dlsym" : "dlvsym")", wanted) == "equal\n")
    }
    #expect(try specimen.prepared(["main", "argument"]).status == 7)
    // True: the version of a library that only a needed library needs. The loader looks at all that are loaded.
    let foreign = "eu-elflint: section ] '.gnu.version_r': entry 0 references unknown dependency"
    let complaints = try specimen.newComplaints()
    #expect(complaints == "" || complaints == foreign)
    try expectReaderSees(Self.imports, specimen.prepared)

    try specimen.apply(edits.reversed().map(\.inverted))
    #expect(try MappedFile(copying: specimen.prepared).view.allBytes == before)
  }

  private func expectReaderSees(_ imports: [ELFImport], _ path: String) throws {
    let file = try ELFFile(MappedFile(path: path))
    let table = try #require(try file.symbolTable(.dynamic))
    let versions = try file.versions()
    for wanted in imports {
      #expect(
        table.contains {
          table.nameMatches($0, wanted.name) && !$0.isDefined
            && versions?.version(of: $0.index)?.name == wanted.version
        }, "\(wanted.name)")
    }
  }

  @Test(arguments: links + [Link("gcc -g -static-pie -DSTATIC", source: cellProgram)].filter(\.isAvailable))
  func `the loader fills a cell with an address of the image`(_ link: Link) throws {
    let specimen = try CellSpecimen(link)
    var tables = try specimen.tables()
    let target = try specimen.symbol("answer")
    let edits = try tables.setRelocation(at: specimen.cell(3), to: .relative(target))
    try specimen.apply(edits)
    #expect(try specimen.run("offset", 3) == "0x\(hex(target.rawValue))\n")
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
    // In the file as it is now, the record is there to be changed.
    var again = try specimen.tables(tables.counters)
    let other = try specimen.symbol("main")
    try specimen.apply(again.setRelocation(at: specimen.cell(3), to: .relative(other)))
    #expect(again.counters == tables.counters)
    #expect(try specimen.run("offset", 3) == "0x\(hex(other.rawValue))\n")
    try specimen.apply(again.setRelocation(at: specimen.cell(3), to: nil))
    #expect(try again.relocation(at: specimen.cell(3)) == nil)
    #expect(try specimen.run("word", 3) == "0x0\n")
  }

  @Test(arguments: links.filter { !$0.command.contains("-no-pie") })
  func `a pointer of the base image becomes an import, nothing, and itself again`(_ link: Link) throws {
    let specimen = try CellSpecimen(link)
    let pointer = try specimen.symbol("pointer")
    var tables = try specimen.tables()
    let original = try #require(try tables.relocation(at: pointer))
    #expect(original == .relative(try specimen.symbol("answer")))
    let (puts, added) = try tables.symbol(for: Self.imports[0])
    let bound = try tables.setRelocation(at: pointer, to: .symbol(puts, addend: 0))
    try specimen.apply(added + bound)
    #expect(try specimen.prepared(["call"]).output == "from the pointer\n")

    let file = try ELFFile(MappedFile(path: specimen.prepared))
    let word = try #require(file.fileOffset(of: pointer))
    let found = try file.bytes(at: pointer, count: 8).allBytes
    let zero = FileEdit(offset: word, before: found, after: [UInt8](repeating: 0, count: 8))
    let cleared = try tables.setRelocation(at: pointer, to: nil) + [zero]
    try specimen.apply(cleared)
    #expect(try specimen.prepared(["call"]).output == "null\n")
    try specimen.apply(cleared.reversed().map(\.inverted))
    try specimen.apply(bound.reversed().map(\.inverted))
    #expect(try specimen.prepared(["call"]).output == "answer\n")
    #expect(specimen.image.counters.relocations == tables.counters.relocations)
  }

  @Test(arguments: links) func `what other branches have used is passed over`(_ link: Link) throws {
    let specimen = try CellSpecimen(link)
    var counters = specimen.image.counters
    counters.relocations += 3
    counters.dynamicSymbols += 2
    counters.dynamicStrings += 21
    counters.versionNeeds += 33
    var tables = try specimen.tables(counters)
    var edits: [FileEdit] = []
    for (index, wanted) in Self.imports.enumerated() {
      let (symbol, added) = try tables.symbol(for: wanted)
      #expect(symbol >= counters.dynamicSymbols || added.isEmpty)
      edits += added
      edits += try tables.setRelocation(at: specimen.cell(index), to: .symbol(symbol, addend: 0))
    }
    try specimen.apply(edits)
    for (index, wanted) in Self.imports.enumerated() {
      #expect(try specimen.readCell(index, wanted.version == nil ? "dlsym" : "dlvsym", wanted) == "equal\n")
    }
    try expectReaderSees(Self.imports, specimen.prepared)
  }

  @Test func `a symbol that is imported already is used again`() throws {
    let specimen = try CellSpecimen(Link("gcc -g -pie", source: cellProgram))
    var tables = try specimen.tables()
    let printf = ELFImport(name: "printf", version: "GLIBC_2.2.5", library: "libc.so.6", kind: .function)
    #expect(try tables.symbol(for: printf).edits == [])
    let (first, _) = try tables.symbol(for: Self.imports[0])
    let (second, edits) = try tables.symbol(for: Self.imports[0])
    #expect(first == second)
    #expect(edits == [])
    #expect(try tables.symbol(for: Self.imports[4]).index != tables.symbol(for: Self.imports[3]).index)
  }

  @Test func `a table without room says which it is`() throws {
    var request = ELFArenaRequest.forTests
    (request.relocationRoom, request.symbolRoom) = (1, 1)
    let specimen = try CellSpecimen(Link("gcc -g -pie", source: cellProgram), request: request)
    var tables = try specimen.tables()
    _ = try tables.symbol(for: Self.imports[0])
    expectNoRoom("dynamic symbols") { try tables.symbol(for: Self.imports[1]).edits }
    _ = try tables.setRelocation(at: specimen.cell(0), to: .relative(specimen.cell(9)))
    expectNoRoom("dynamic relocations") {
      try tables.setRelocation(at: specimen.cell(1), to: .relative(specimen.cell(9)))
    }

    request = .forTests
    (request.stringRoom, request.versionNeedRoom) = (12, 8)
    let narrow = try CellSpecimen(Link("gcc -g -pie", source: cellProgram), request: request)
    tables = try narrow.tables()
    expectNoRoom("needed versions") { try tables.symbol(for: Self.imports[3]).edits }
    expectNoRoom("dynamic strings") { try tables.symbol(for: Self.imports[2]).edits }
    // What a refused symbol had taken already is given back.
    #expect(tables.counters == narrow.image.counters)
    let getpid = ELFImport(name: "getpid", version: nil, library: nil)
    let edits = try tables.symbol(for: getpid).edits
    #expect(edits.first?.after == Array("getpid".utf8) + [0])
  }

  private func expectNoRoom(_ table: String, _ body: () throws -> [FileEdit]) {
    let error = #expect(throws: ObjectFileError.self) { try body() }
    #expect(error?.code == .noRoom)
    #expect(error?.description.contains(table) == true, "\(error?.description ?? "")")
  }

  @Test func `a static executable has no place for imports and needs no relocations`() throws {
    let specimen = try PreparedSpecimen(["gcc", "-static", "-no-pie"], source: stateProgram)
    var tables = try specimen.tables()
    #expect(!tables.hasImports)
    #expect(!tables.hasRelocations)
    expectNoRoom("no dynamic loader") { try tables.symbol(for: Self.imports[0]).edits }
    expectNoRoom("DT_RELA") { try tables.setRelocation(at: VirtualAddress(8), to: .relative(VirtualAddress(9))) }
  }

  @Test func `a file that cannot be read is a named error`() throws {
    let specimen = try CellSpecimen(Link("gcc -g -pie", source: cellProgram))
    var tables = try ELFLoaderTables(layout: specimen.image.layout, counters: specimen.image.counters, fileName: "x") {
      _, _ in throw CancellationError()
    }
    let error = #expect(throws: ObjectFileError.self) { try tables.symbol(for: Self.imports[0]).edits }
    #expect(error?.code == .unreadable)
    var short = try ELFLoaderTables(layout: specimen.image.layout, counters: specimen.image.counters, fileName: "x") {
      _, _ in [1]
    }
    #expect(throws: ObjectFileError.self) { try short.setRelocation(at: specimen.cell(0), to: nil) }
  }
}

/// A program that tells what the loader put in a cell of the arena.
struct CellSpecimen {
  private let specimen: PreparedSpecimen

  init(_ link: Link, request: ELFArenaRequest = .forTests) throws {
    specimen = try PreparedSpecimen(link.command, source: link.source, request: request)
  }

  var image: ELFPreparedImage { specimen.image }
  var prepared: String { specimen.prepared }
  func tables(_ counters: ELFTableCounters? = nil) throws -> ELFLoaderTables { try specimen.tables(counters) }
  func apply(_ edits: [FileEdit]) throws { try specimen.apply(edits) }
  func symbol(_ name: String) throws -> VirtualAddress { try specimen.symbol(name) }
  func newComplaints() throws -> String { try specimen.newComplaints() }

  func cell(_ index: Int) -> VirtualAddress {
    VirtualAddress(image.layout.cells.range.start.rawValue + UInt64(index) * 8)
  }

  func prepared(_ arguments: [String]) throws -> Launch { try Launch(prepared, arguments) }

  func run(_ verb: String, _ index: Int, _ arguments: [String] = []) throws -> String {
    let addresses = ["0x" + hex(try symbol("main").rawValue), "0x" + hex(cell(index).rawValue)]
    return try Launch(prepared, [verb] + addresses + arguments).output
  }

  func readCell(_ index: Int, _ verb: String, _ wanted: ELFImport) throws -> String {
    try run(verb, index, [wanted.name, wanted.version ?? ""])
  }
}

let cellProgram = """
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  int answer(const char *text) { printf("answer%c", 10); return 0; }
  int (*pointer)(const char *) = answer;
  int main(int argc, char **argv) {
    if (!strcmp(argv[1], "main")) return 7;
    if (!strcmp(argv[1], "call")) {
      if (!pointer) printf("null%c", 10); else pointer("from the pointer");
      return 0;
    }
    unsigned long slide = (unsigned long)main - strtoul(argv[2], 0, 16);
    void *word = *(void **)(strtoul(argv[3], 0, 16) + slide);
    if (!strcmp(argv[1], "offset")) printf("0x%lx%c", (unsigned long)word - slide, 10);
    if (!strcmp(argv[1], "word")) printf("0x%lx%c", (unsigned long)word, 10);
  #ifndef STATIC
    void *found = 0;
    if (!strcmp(argv[1], "dlsym")) found = dlsym(RTLD_DEFAULT, argv[4]);
    if (!strcmp(argv[1], "dlvsym")) found = dlvsym(RTLD_DEFAULT, argv[4], argv[5]);
    if (found) printf(found == word ? "equal%c" : "different%c", 10);
  #endif
    return 0;
  }
  """
