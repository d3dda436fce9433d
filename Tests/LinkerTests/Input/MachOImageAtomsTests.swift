import Addressing
import Foundation
import Journal
import Testing

@testable import Linker

/// What of a Mach-O image of C++ is the same as in its objects, though the image does not show it at once.
@Suite struct MachOImageAtomsTests {
  /// A constant that nameless ones follow, an inline function that the loader binds, exception tables with numbers, what only the
  /// linker defines.
  private static let source = """
    struct Wide { long words[6]; };
    extern "C" {
    extern const int table[3];
    extern char __dso_handle;
    }
    const int table[3] = {EDIT == 2 ? 9 : 1, 2, EDIT == 1 ? 30 : 3};
    inline __attribute__((noinline)) int twice(int n) { return n * 2; }
    #if EDIT != 3
    extern "C" int first(int n) { try { return twice(n) / n; } catch (int code) { return code; } }
    #endif
    extern "C" __attribute__((noinline)) long read(int n) {
      volatile Wide local = {{1, 2, 3, 4, 5, 6}};
      return local.words[n] + twice(n) + table[n];
    }
    extern "C" int last(int n) { try { if (n) throw 3; return read(n); } catch (long code) { return code; } }
    extern "C" int pick(int n) {
      switch (n) {
        case 0: return 7;
        case 1: return 19;
        case 2: return 3;
        case 3: return 44;
        case 4: return 5;
        case 5: return 61;
        default: return 0;
      }
    }
    extern "C" void *handle() { return &__dso_handle; }
    int main() { return last(2) != 0 && handle(); }

    """

  private struct Program {
    let folder: URL
    let machine: String
    var object: String { folder.appendingPathComponent("one.o").path }
    var image: String { folder.appendingPathComponent("image").path }

    func compile(_ edit: Int) throws {
      let source = folder.appendingPathComponent("one.cc").path
      try Data(MachOImageAtomsTests.source.utf8).write(to: URL(fileURLWithPath: source))
      let flags = ["-target", "\(machine)-apple-none-macho", "-fPIC", "-ffreestanding", "-fexceptions", "-O1", "-w"]
      _ = try run("clang++", flags + ["-DEDIT=\(edit)", "-c", source, "-o", object])
    }

    func link(isChained: Bool) throws {
      let folder = try zigFolder()
      _ = try run(
        "ld64.lld",
        [
          "-arch", machine, "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign", "-headerpad", "0x400",
          isChained ? "-fixup_chains" : "-no_fixup_chains", "-undefined", "dynamic_lookup", "-o", image,
          "\(folder)/ziglang/lib/libc/darwin/libSystem.tbd", object,
        ])
    }

    /// A function that the assembler has no compact encoding for; and at 0 the image of it.
    func compileFrame(_ edit: Int) throws {
      let source = folder.appendingPathComponent("one.c").path
      let text = """
        __attribute__((noinline)) int odd(int n) { asm volatile(".cfi_escape 0x16, 0x13, 2, 0x70, 0"); return n + EDIT; }
        int main(void) { return odd(2); }

        """
      try Data(text.utf8).write(to: URL(fileURLWithPath: source))
      let zig = [try zigFolder() + "/ziglang/zig", "cc", "-target", "\(machine)-macos.12.0"]
      let flags = ["-O1", "-funwind-tables", "-fno-sanitize=all", "-DEDIT=\(edit)"]
      _ = try run("env", zig + flags + ["-c", source, "-o", object])
      if edit == 0 { _ = try run("env", zig + ["-Wl,-headerpad,0x400", "-o", image, object]) }
    }

    private func zigFolder() throws -> String {
      let script = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../scripts/install-python")
      let said = try run(script.standardizedFileURL.path, ["ziglang", "0.14.1"]).output
      return said.split(separator: "\n").last.map(String.init) ?? ""
    }

    func adopt(objects: [String]) throws -> JournalStore {
      try ImageAdoption.adopt(
        imageAt: image, objects: objects, preparedPath: image + ".hot", journalPath: image + ".hcsj",
        room: ArenaRoom(codeByteCount: 1 << 18)
      ).store
    }
  }

  private func program(
    _ machine: String = "arm64", isChained: Bool = true, _ body: (Program) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = Program(folder: folder, machine: machine)
    try program.compile(0)
    try program.link(isChained: isChained)
    try body(program)
  }

  private func notes(_ program: Program, in store: JournalStore) throws -> [LinkNote] {
    let linker = try IncrementalLinker(store: store, parent: store.base.digest)
    return try linker.link(objectsAt: [program.object], Self.description).notes
  }

  private func link(_ program: Program, in store: JournalStore) throws -> UpdateContent? {
    let linker = try IncrementalLinker(store: store, parent: store.base.digest)
    return try linker.link(objectsAt: [program.object], Self.description).content
  }

  private static let description = IncrementalLinker.Description(time: 0, author: "", message: "")

  @Test(
    "an object is known again in the image that it was linked into", arguments: ["arm64", "x86_64"], [true, false])
  func isKnownAgain(machine: String, isChained: Bool) throws {
    try program(machine, isChained: isChained) { program in
      let store = try program.adopt(objects: [program.object])
      let changes = try link(program, in: store)?.atoms ?? []
      #expect(changes == [])
    }
  }

  @Test func `without its objects an image's constants are compared as far as they go`() throws {
    try program { program in
      let store = try program.adopt(objects: [])
      let sizes = try store.baseSymbols(named: "_table").map(\.byteCount)
      #expect(sizes.allSatisfy { $0 > 12 } && sizes.count == 1, "\(sizes)")
      let none = try link(program, in: store)?.atoms ?? []
      #expect(none == [])
      try program.compile(1)
      let changes = try link(program, in: store)?.atoms ?? []
      #expect(changes.contains { $0.atom.name == "_table" && $0.change == .rewritten })
    }
  }

  @Test func `how long a constant is the objects tell, which nameless ones may follow`() throws {
    try program { program in
      let store = try program.adopt(objects: [program.object])
      let sizes = try store.baseSymbols(named: "_table").map(\.byteCount)
      #expect(sizes == [12])
      try program.compile(2)
      let changes = try link(program, in: store)?.atoms ?? []
      #expect(changes.map(\.atom.name) == ["_table"])
      #expect(changes.map(\.after?.body.byteCount) == [12])
    }
  }

  @Test(
    "a function whose frame only DWARF describes is named when it gets a new body", arguments: ["aarch64", "x86_64"])
  func untoldFrames(machine: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = Program(folder: folder, machine: machine)
    try program.compileFrame(0)
    let store = try program.adopt(objects: [program.object])
    try program.compileFrame(1)
    let told = try notes(program, in: store).filter { $0.kind == .frameUntold }
    #expect(told == [LinkNote(kind: .frameUntold, subject: "_odd")])
  }

  @Test func `exception tables, which are numbered by object, are no names that could be removed`() throws {
    try program { program in
      let store = try program.adopt(objects: [program.object])
      let tables = try store.baseSymbols(named: "GCC_except_table3")
      #expect(!tables.isEmpty)
      try program.compile(3)
      let names = try link(program, in: store)?.atoms.map(\.atom.name) ?? []
      #expect(!names.contains { $0.hasPrefix("GCC_except_table") }, "\(names)")
    }
  }
}
