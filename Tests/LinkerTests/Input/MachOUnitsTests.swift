import Addressing
import Foundation
import Journal
import ObjectFile
import Testing

@testable import Linker

/// Whose the local symbols of a Mach-O image are, and how long its atoms are.
@Suite struct MachOUnitsTests {
  /// Two files, each with a static function and a static variable of the same names, and what comes of them.
  private struct Twins {
    let folder: URL
    var objects: [String] { ["one", "two"].map { folder.appendingPathComponent("\($0).o").path } }
    var image: String { folder.appendingPathComponent("image").path }

    init(_ flags: [String], in folder: URL) throws {
      self.folder = folder
      for (index, name) in ["one", "two"].enumerated() { try compile(name, index + 1, flags) }
      let zig =
        try run("scripts/install-python", ["ziglang", "0.14.1"]).split(separator: "\n").last.map(String.init) ?? ""
      _ = try run(
        "ld64.lld",
        [
          "-arch", "arm64", "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign", "-headerpad", "0x400",
          "-o",
          image, "\(zig)/ziglang/lib/libc/darwin/libSystem.tbd",
        ] + objects)
    }

    func compile(_ name: String, _ value: Int, _ flags: [String], hasSpare: Bool = true) throws {
      let source = folder.appendingPathComponent("\(name).c")
      let text = """
        static int state = \(value);
        static char flag = \(value);
        __attribute__((noinline)) static int step(int by) { flag ^= 1; return state += by * \(value) + flag; }
        int \(name)(int n) { return step(n) + step(n + 1); }
        \(hasSpare ? "int spare_\(name) = 3; int unused_\(name)(void) { return spare_\(name); }" : "")
        \(name == "one" ? "int two(int); int main(void) { return one(1) + two(2); }" : "")

        """
      try Data(text.utf8).write(to: source)
      let target = ["-target", "arm64-apple-none-macho", "-mcpu=apple-m1", "-fPIC", "-ffreestanding", "-O1"]
      _ = try run("clang", target + flags + ["-c", source.path, "-o", folder.appendingPathComponent("\(name).o").path])
    }

    private func run(_ program: String, _ arguments: [String]) throws -> String {
      let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../..").standardizedFileURL
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [program] + arguments
      process.currentDirectoryURL = repository
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let said = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0, "\(program) \(arguments)")
      return String(decoding: said, as: UTF8.self)
    }
  }

  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func adopt(_ twins: Twins, objects: [String]) throws -> ImageAdoption.Outcome {
    try ImageAdoption.adopt(
      imageAt: twins.image, objects: objects, preparedPath: twins.image + ".hot", journalPath: twins.image + ".hcsj",
      room: ArenaRoom(codeByteCount: 1 << 18))
  }

  private func link(_ store: JournalStore, _ paths: [String]) throws(LinkError) -> UpdateContent? {
    let description = IncrementalLinker.Description(time: 0, author: "", message: "")
    return try IncrementalLinker(store: store, parent: store.base.digest).link(objectsAt: paths, description).content
  }

  @Test("the unit of a local symbol is told by the debug map, or by the objects", arguments: [["-g"], ["-g0"]])
  func units(flags: [String]) throws {
    try inFolder { folder in
      let twins = try Twins(flags, in: folder)
      let outcome = try adopt(twins, objects: twins.objects)
      let steps = try outcome.store.baseSymbols(named: "_step")
      #expect(Set(steps.map(\.unit)) == ["one.o", "two.o"])
      #expect(Set(steps.map(\.address)).count == 2)
      try twins.compile("two", 5, flags)
      let content = try #require(try link(outcome.store, [twins.objects[1]]))
      let changed = content.atoms.filter { $0.atom.name == "_step" }
      #expect(changed.map(\.atom.unit) == ["two.o"])
      // The first values of what the program has changed since are told, and the variables stay where they are.
      let states = content.atoms.filter { ["_state", "_flag"].contains($0.atom.name) }
      #expect(states.allSatisfy { $0.atom.unit == "two.o" })
      #expect(states.map(\.before?.body.byteCount) == states.map(\.after?.body.byteCount))
    }
  }

  @Test(arguments: [["-g"], ["-g0"]])
  func `what other files could see is told as removed, and as back again`(flags: [String]) throws {
    try inFolder { folder in
      let twins = try Twins(flags, in: folder)
      let store = try adopt(twins, objects: twins.objects).store
      #expect(try store.baseSymbols(named: "_unused_two").map(\.unit) == ["two.o"])
      #expect(try store.baseSymbols(named: "_main").map(\.unit) == ["one.o"])
      let names = ["_spare_two", "_unused_two"]
      func change(_ change: AtomChange.Kind, _ content: UpdateContent?) -> [String] {
        (content?.atoms ?? []).filter { $0.change == change }.map(\.atom.name).sorted()
      }
      try twins.compile("two", 5, flags, hasSpare: false)
      let gone = try #require(try link(store, [twins.objects[1]]))
      #expect(change(.removed, gone) == names)
      let update = try store.append(gone, parent: store.base.digest)
      try twins.compile("two", 2, flags)
      let description = IncrementalLinker.Description(time: 0, author: "", message: "")
      let back = try IncrementalLinker(store: store, parent: update.digest).link(
        objectsAt: [twins.objects[1]], description
      ).content
      #expect(change(.added, back) == names)
    }
  }

  @Test func `without either, two local symbols of one name are refused`() throws {
    try inFolder { folder in
      let twins = try Twins(["-g0"], in: folder)
      let outcome = try adopt(twins, objects: [])
      #expect(outcome.notes.contains { $0.kind == .unitsUnknown })
      try twins.compile("two", 5, ["-g0"])
      let error = #expect(throws: LinkError.self) { try link(outcome.store, [twins.objects[1]]) }
      #expect(error?.code == .ambiguousLocal)
    }
  }

  @Test func `atoms reach over padding in an image, and are as long as in the object all the same`() throws {
    try inFolder { folder in
      let twins = try Twins(["-g0"], in: folder)
      let store = try adopt(twins, objects: twins.objects).store
      // A byte, of which the symbol table says only that the next atom begins some bytes behind it.
      let flags = try store.baseSymbols(named: "_flag")
      #expect(flags.contains { $0.byteCount > 1 })
      #expect(try link(store, twins.objects) == nil)
    }
  }
}
