import Addressing
import Foundation
import ObjectFile
import Testing

/// A way to link an executable.
struct Link: Sendable, CustomTestStringConvertible {
  let command: [String]
  let source: String

  init(_ command: String, source: String = stateProgram) {
    self.command = command.split(separator: " ").map(String.init)
    self.source = source
  }

  var testDescription: String { command.joined(separator: " ") }

  var isAvailable: Bool {
    command.allSatisfy { word in
      guard word.hasPrefix("-fuse-ld=") else { return true }
      let linker = word.dropFirst("-fuse-ld=".count)
      return Tool.isInstalled(linker == "mold" ? "mold" : "ld.\(linker)")
    } && Tool.isInstalled(command[0])
  }

  static let all: [Link] = (layouts + features + cxx).filter(\.isAvailable)

  static let layouts = ["bfd", "gold", "lld", "mold"].flatMap { linker in
    [
      Link("gcc -O1 -g -fuse-ld=\(linker) -fPIE -pie"),
      Link("clang -O1 -g -fuse-ld=\(linker) -fno-pie -no-pie"),
      Link("gcc -O1 -g -fuse-ld=\(linker) -fno-pie -no-pie -static"),
    ]
      + (linker == "gold" ? [] : [Link("clang -O1 -g -fuse-ld=\(linker) -fPIE -static-pie")])
  }

  static let features = [
    Link("gcc -g -fuse-ld=bfd -pie -Wl,-z,now,-z,relro"),
    Link("clang -g -fuse-ld=lld -pie -Wl,-z,lazy"),
    Link("gcc -g -fuse-ld=bfd -pie -Wl,-z,pack-relative-relocs"),
    Link("gcc -g -fuse-ld=bfd -pie -Wl,--hash-style=sysv"),
    Link("gcc -g -fuse-ld=mold -pie -Wl,--hash-style=both"),
    Link("clang -g -fuse-ld=lld -pie -Wl,--hash-style=both"),
    Link("gcc -g -fuse-ld=bfd -pie -Wl,-z,noseparate-code"),
    Link("gcc -g -fuse-ld=bfd -pie -Wl,-z,separate-code"),
    Link("gcc -g -fuse-ld=bfd -pie -Wl,-z,max-page-size=0x200000"),
    Link("gcc -g -fuse-ld=gold -pie -Wl,--export-dynamic"),
    Link("gcc -fuse-ld=bfd -pie -s"),
    Link("gcc -fuse-ld=bfd -pie -Wl,-z,nocombreloc"),
    Link("clang -g -fuse-ld=lld -no-pie -Wl,-z,separate-loadable-segments -Wl,--export-dynamic"),
  ]

  static let cxx =
    ["bfd", "gold", "lld", "mold"].flatMap {
      [
        Link("g++ -O1 -g -fuse-ld=\($0) -pie", source: throwingProgram),
        Link("clang++ -O1 -g -fuse-ld=\($0) -no-pie", source: throwingProgram),
      ]
    } + [Link("g++ -O1 -g -fuse-ld=bfd -static", source: throwingProgram)]
}

@Suite(.serialized) struct PreparedImageTests {
  @Test(arguments: Link.all) func `a prepared executable does what the original does`(_ link: Link) async throws {
    let specimen = try await PreparedShelf.shared.specimen(link)
    let expected = try Launch.distinctEnds(of: specimen.original, count: 1)
    #expect(expected.contains("status 7"))
    #expect(try Launch.distinctEnds(of: specimen.prepared, count: 20) == expected)
    #expect(try Launch.distinctEnds(of: specimen.prepared, count: 20, prefix: "setarch -R") == expected)
  }

  @Test(arguments: Link.all) func `readers of ELF files find nothing wrong in a prepared executable`(
    _ link: Link
  ) async throws {
    let specimen = try await PreparedShelf.shared.specimen(link)
    let complaints = try specimen.newComplaints()
    #expect(complaints == "")
  }

  @Test(arguments: Link.all) func `the reader finds every moved table where the loader does`(_ link: Link) async throws
  {
    let specimen = try await PreparedShelf.shared.specimen(link)
    let old = try ELFFile(MappedFile(path: specimen.original))
    let new = try ELFFile(MappedFile(path: specimen.prepared))
    let layout = specimen.image.layout

    let names = { (file: ELFFile) in
      try file.symbolTable(.dynamic).map { table in try table.map { try table.name(of: $0) } }
    }
    #expect(try names(new) == names(old))
    #expect(try new.versions()?.needed == old.versions()?.needed)
    #expect(try relocatedWords(new) == relocatedWords(old))
    #expect(new.section(named: ".hcsj.code")?.address == layout.code.range.start)
    #expect(try new.dynamicRelocations()?.relative.isEmpty ?? true)
    for part in [layout.tables, layout.code, layout.constants, layout.writable] {
      #expect(new.fileOffset(of: part.range.start) == part.fileOffset)
    }
    #expect(layout.code.range.start.rawValue - imageEnd(old) >= ELFArenaRequest.defaultGap)
    // An old kernel, and qemu-user, take the address of the program headers to be that far from their offset.
    let first = try #require(old.segments.first(of: .load))
    #expect(
      layout.tables.range.start.rawValue - layout.tables.fileOffset.rawValue
        == first.range.start.rawValue - first.fileOffset.rawValue)
  }

  private func imageEnd(_ file: ELFFile) -> UInt64 {
    file.segments.filter { $0.type == .load }.map(\.range.end.rawValue).max() ?? 0
  }

  private func relocatedWords(_ file: ELFFile) throws -> Set<String> {
    guard let tables = try file.dynamicRelocations() else { return [] }
    let records = tables.table.map { "\($0.offset) \($0.type) \($0.symbolIndex) \($0.addend)" }
    let relative = try tables.relative.map {
      "\($0.rawValue) 8 0 \(try file.bytes(at: $0, count: 8).load(Int64.self, at: 0))"
    }
    return Set(records + relative)
  }

  @Test(.enabled(if: Tool.isInstalled("gdb")), arguments: ["-fPIE -pie", "-fno-pie -no-pie", "-static -no-pie"])
  func `a debugger runs a prepared executable and finds its functions and frames`(_ kind: String) throws {
    let link = Link("gcc -O0 -g \(kind)")
    let specimen = try PreparedSpecimen(link.command, source: link.source)
    for randomization in ["on", "off"] {
      let commands = [
        "set disable-randomization \(randomization)", "break compare", "run", "backtrace", "continue 1000",
      ]
      let output = try Launch(
        "/usr/bin/env",
        ["gdb", "-nx", "-batch"] + commands.flatMap { ["-ex", $0] } + ["--args", specimen.prepared, "an-argument"]
      )
      .output
      #expect(output.contains("compare (a="), "\(output)")
      #expect(output.contains("in main (") && output.contains("program.c:"), "\(output)")
      #expect(output.contains("exited with code 07"), "\(output)")
    }
  }

  @Test func `what was written is what the image says, holes and all`() throws {
    let link = Link("gcc -O0 -g -pie")
    let specimen = try PreparedSpecimen(link.command, source: link.source)
    let written = try MappedFile(path: specimen.prepared).view.allBytes
    let image = specimen.image
    #expect(UInt64(written.count) == image.byteCount)
    #expect(image.bytes(at: FileOffset(0), count: written.count) == written)
    #expect(image.bytes(at: FileOffset(100), count: 5000) == Array(written[100..<5100]))
    #expect(image.bytes(at: FileOffset(image.byteCount - 1), count: 100).count == 1)
    #expect(image.bytes(at: FileOffset(image.byteCount), count: 1) == [])
    var end = 0
    for range in image.filledRanges {
      #expect(written[end..<Int(range.lowerBound)].allSatisfy { $0 == 0 })
      end = Int(range.upperBound)
    }
    #expect(written[end...].allSatisfy { $0 == 0 })
    let attributes = try FileManager.default.attributesOfItem(atPath: specimen.prepared)
    #expect(attributes[.posixPermissions] as? Int == 0o755)
  }

  @Test func `the header page holds what the caller puts there`() throws {
    let specimen = try PreparedSpecimen(Link("gcc -pie").command, source: stateProgram)
    let image = specimen.image.withHeader([9, 9]).withHeader([1, 2, 3])
    #expect(image.bytes(at: image.layout.header.fileOffset, count: 4) == [1, 2, 3, 0])
    let path = specimen.folder.path + "/with-header"
    try image.write(toNewFile: path, permissionsOf: specimen.original)
    let file = try ELFFile(MappedFile(path: path))
    #expect(try file.bytes(at: image.layout.header.range.start, count: 4).allBytes == [1, 2, 3, 0])
    #expect(try Launch(path, ["x"]).status == 7)
  }

  @Test func `an existing file is not overwritten`() throws {
    let specimen = try PreparedSpecimen(Link("gcc -pie").command, source: stateProgram)
    let error = #expect(throws: ObjectFileError.self) {
      try specimen.image.write(toNewFile: specimen.original, permissionsOf: specimen.original)
    }
    #expect(error?.code == .unwritable)
    #expect(try Launch(specimen.original, ["x"]).status == 7)
  }
}

let stateProgram = """
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  static int counter = 3;
  static __thread int remembered = 5;
  char large[1 << 20];
  int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
  int (*comparison)(const void *, const void *) = compare;
  static const char *const words[] = { "alpha", "beta" };
  int main(int argc, char **argv) {
    int a[] = { 3, 1, 2 };
    qsort(a, 3, sizeof *a, comparison);
    large[777777] = 1;
    char *heap = malloc(300000);
    memset(heap, 1, 300000);
    printf("%d %d %d %d %d %s %s\\n", a[0], a[1], a[2], counter, remembered, words[argc & 1], argv[argc - 1] + heap[5]);
    free(heap);
    return 7;
  }
  """

let throwingProgram = """
  #include <cstdio>
  #include <stdexcept>
  #include <string>
  struct Base { virtual ~Base() {} virtual int f(int n) { throw std::runtime_error("number " + std::to_string(n)); } };
  struct Local { ~Local() { std::printf("unwound "); } };
  int main() {
    Base *base = new Base;
    for (int i = 0; i < 3; i++) {
      try { Local local; base->f(i); } catch (std::exception &e) { std::printf("%s\\n", e.what()); }
    }
    delete base;
    return 7;
  }
  """
