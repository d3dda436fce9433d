import Addressing
import ObjectFile
import Testing

@Suite struct `Lines of the source` {
  private static let header = """
    static inline int inner(int x) {
      if (x > 3)
        return x * 7;
      return x + 1;
    }
    """

  private static let source = """
    #include "inner.h"
    int first(int x) {
      int sum = 0;
      for (int i = 0; i < x; i++)
        sum += inner(i);
      return sum;
    }

    int second(int x) {
      return first(x) - inner(x);
    }
    """

  private static func build(_ compiler: DWARFCompiler, _ steps: [[String]]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    _ = try folder.write(header, to: "inner.h")
    _ = try folder.write(source, to: "source.c")
    for step in steps { try Tool.run(step[0], Array(step.dropFirst()), in: folder.path) }
    return folder
  }

  @Test(.enabled(if: Tool.isInstalled("addr2line")), arguments: DWARFCompiler.all)
  func `every address of an image has the line that addr2line tells`(_ compiler: DWARFCompiler) throws {
    let compile = [compiler.program] + compiler.options + ["-fPIC", "-ffunction-sections", "-shared", "-nostdlib"]
    let folder = try Self.build(compiler, [compile + ["source.c", "-o", "library.so"]])
    let image = try ELFFile(MappedFile(path: folder.path + "/library.so"))
    let facts = try #require(try DWARFFacts(image))
    var lines = try #require(try DWARFLines(image))
    var addresses: [VirtualAddress] = []
    var files: Set<String> = []
    for function in facts.functions {
      guard case .address(let start) = function.location else { continue }
      addresses += (0..<function.byteCount).compactMap { start.advanced(by: $0) }
    }
    #expect(addresses.count > 20)
    let theirs = try Tool.run("addr2line", ["-e", "library.so"] + addresses.map(\.description), in: folder.path).lines
    var differing: [String] = []
    for (address, their) in zip(addresses, theirs) {
      // addr2line prints `file:line (discriminator 2)`, and `?` for code of no line.
      let number = their.split(separator: ":").last.flatMap { Int($0.prefix { $0.isNumber }) }
      let ours = try lines.line(at: address)
      if ours?.line != number { differing.append("\(address): \(their), not \(String(describing: ours))") }
      if let file = ours?.file { files.insert(file) }
    }
    #expect(differing == [])
    #expect(files == [folder.path + "/inner.h", folder.path + "/source.c"])
    #expect(try lines.line(at: VirtualAddress(0x10)) == nil)
    #expect(try lines.line(at: VirtualAddress(.max)) == nil)
  }

  @Test(arguments: DWARFCompiler.all.filter { $0.options.contains("-O0") })
  func `an object's lines are found by section and offset`(_ compiler: DWARFCompiler) throws {
    let compile = [compiler.program] + compiler.options + ["-ffunction-sections", "-c", "source.c", "-o", "object.o"]
    let folder = try Self.build(compiler, [compile])
    let object = try ELFFile(MappedFile(path: folder.path + "/object.o"))
    var lines = try #require(try DWARFLines(object))
    for (name, line) in [("first", 2), ("second", 9)] {
      let section = try #require(object.section(named: ".text." + name))
      let found = try lines.line(inSection: section.index, at: 0)
      #expect(found == SourceLine(file: folder.path + "/source.c", line: line))
      #expect(try lines.line(inSection: section.index, at: section.byteCount) == nil)
    }
    let data = try #require(object.section(named: ".debug_info"))
    #expect(try lines.line(inSection: data.index, at: 0) == nil)
  }

  @Test(arguments: DWARFCompiler.all)
  func `the changes of line in a range tell of each of its bytes what a question for it tells`(
    _ compiler: DWARFCompiler
  ) throws {
    let compile = [compiler.program] + compiler.options + ["-ffunction-sections", "-c", "source.c", "-o", "object.o"]
    let folder = try Self.build(compiler, [compile])
    let object = try ELFFile(MappedFile(path: folder.path + "/object.o"))
    var lines = try #require(try DWARFLines(object))
    for name in ["first", "second"] {
      let section = try #require(object.section(named: ".text." + name))
      for (start, count) in [(0, section.byteCount), (5, 9), (section.byteCount, 4), (2, 0), (1, .max)] {
        let changes = try lines.changes(inSection: section.index, from: start, byteCount: count)
        #expect(changes.allSatisfy { $0.offset >= start && $0.offset - start < count })
        for offset in start..<min(section.byteCount, start &+ min(count, 1 << 20)) {
          let told = changes.last { $0.offset <= offset }?.line
          #expect(try lines.line(inSection: section.index, at: offset) == told, "\(name)+\(offset)")
        }
      }
    }
  }

  @Test func `a file without debug information has no lines`() throws {
    let folder = try Self.build(.one, [["gcc", "-c", "source.c", "-o", "object.o"]])
    #expect(try DWARFLines(ELFFile(MappedFile(path: folder.path + "/object.o"))) == nil)
  }
}
