import Foundation
import ObjectFile
import Testing

/// Debug information is the same whichever format the object has: clang's for a Mac against its for Linux.
struct `Debug information of Mach-O objects` {
  private static let source = """
    struct inner { int count; long size; };
    enum colour { red, green = 4 };
    struct outer { struct inner inner; enum colour colour; struct outer *next; };
    static struct outer first;
    int total = 3;
    __attribute__((noinline)) int add(int left, struct inner *right) {
      static int calls;
      calls++;
      return left + right->count;
    }
    int sum(struct outer *list) {
      int result = 0;
      for (; list; list = list->next)
        result += add(result, &list->inner);
      return result + first.inner.count;
    }

    """

  struct Form: Sendable, CustomTestStringConvertible {
    var options: [String]
    var testDescription: String { options.joined(separator: " ") }

    static let all = ["arm64", "x86_64"].flatMap { machine in
      [["-gdwarf-4", "-O0"], ["-gdwarf-5", "-O0"], ["-gdwarf-5", "-O2"]].map { Form(options: [machine] + $0) }
    }
  }

  private static func compiled(_ form: Form) throws -> (machO: MachOFile, elf: ELFFile, folder: TemporaryFolder) {
    let folder = try TemporaryFolder()
    _ = try folder.write(source, to: "source.c")
    let clang = try Tool.inToolchain("clang")
    let machine = form.options[0]
    for (target, name) in [
      ("\(machine)-apple-macos12", "machO.o"), ("\(machine == "arm64" ? "aarch64" : machine)-linux-gnu", "elf.o"),
    ] {
      try Tool.run(
        clang, ["-target", target, "-ffreestanding"] + form.options.dropFirst() + ["-c", "source.c", "-o", name],
        in: folder.path)
    }
    return (
      try MachOFile(MappedFile(copying: folder.path + "/machO.o")),
      try ELFFile(MappedFile(copying: folder.path + "/elf.o")),
      folder
    )
  }

  @Test(arguments: Form.all) func `types, prototypes and variables are those of an ELF object`(_ form: Form) throws {
    let (machO, elf, _) = try Self.compiled(form)
    let (facts, others) = (try #require(try DWARFFacts(machO)), try #require(try DWARFFacts(elf)))
    #expect(facts.types.map(\.name).contains("struct outer"))
    #expect(facts.types.map(\.layout) == others.types.map(\.layout))
    #expect(facts.functions.map(\.prototype) == others.functions.map(\.prototype))
    #expect(facts.variables.map(\.type) == others.variables.map(\.type))
    #expect(facts.variables.map(\.enclosingFunction) == others.variables.map(\.enclosingFunction))
    // Each stands where the symbol table has it.
    let table = try #require(try machO.symbolTable())
    for function in facts.functions {
      let symbol = try #require(table.first { table.nameMatches($0, "_" + function.name) })
      let section = try machO.section(ordinal: try #require(symbol.sectionOrdinal))
      #expect(
        function.location == .section(index: section.index, offset: symbol.value - section.address.rawValue),
        "\(function.name)")
    }
    let total = try #require(facts.variable("total"))
    let symbol = try #require(table.first { table.nameMatches($0, "_total") })
    let section = try machO.section(ordinal: try #require(symbol.sectionOrdinal))
    #expect(total.location == .section(index: section.index, offset: symbol.value - section.address.rawValue))
  }

  @Test(arguments: Form.all) func `lines are found by section and offset`(_ form: Form) throws {
    let (machO, _, folder) = try Self.compiled(form)
    var lines = try #require(try DWARFLines(machO))
    let table = try #require(try machO.symbolTable())
    for (name, own) in [("_add", 6...9), ("_sum", 11...15)] {
      let symbol = try #require(table.first { table.nameMatches($0, name) })
      let section = try machO.section(ordinal: try #require(symbol.sectionOrdinal))
      let found = try lines.line(inSection: section.index, at: symbol.value - section.address.rawValue)
      #expect(found?.file == folder.path + "/source.c")
      #expect(found.map { own.contains($0.line) } == true)
    }
  }

  @Test func `an object without debug information tells nothing`() throws {
    let (machO, _, _) = try Self.compiled(Form(options: ["arm64", "-g0"]))
    #expect(try DWARFFacts(machO) == nil)
    #expect(try DWARFLines(machO) == nil)
  }
}
