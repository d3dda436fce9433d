import Foundation
import ObjectFile
import Testing

/// A file that a real compiler or linker makes, or one that the system has.
struct Specimen: Sendable, CustomTestStringConvertible {
  let name: String
  /// Programs without which it cannot be made.
  let tools: [String]
  /// Contents by name, written before the commands run.
  fileprivate let sources: [String: String]
  /// `%o` stands for the output; nil names a file that exists already.
  fileprivate let commands: [[String]]
  fileprivate let existing: String?

  var testDescription: String { name }

  init(
    _ name: String, source: String = programSource, as sourceName: String = "program.c", _ commands: [String]...
  ) {
    self.init(name, sources: [sourceName: source, "versions.map": versionScript], commands)
  }

  init(_ name: String, sources: [String: String], _ commands: [[String]]) {
    self.name = name
    self.sources = sources
    self.commands = commands
    self.tools = commands.compactMap(\.first) + commands.joined().compactMap(Self.linker)
    existing = nil
  }

  init(system path: String) {
    (name, sources, commands, tools, existing) = (path, [:], [], [], path)
  }

  private static func linker(_ argument: String) -> String? {
    guard argument.hasPrefix("-fuse-ld=") else { return nil }
    return argument == "-fuse-ld=mold" ? "mold" : "ld." + argument.dropFirst("-fuse-ld=".count)
  }

  /// What this machine lacks to make it.
  fileprivate var missing: String? {
    if let existing { return FileManager.default.fileExists(atPath: existing) ? nil : existing }
    return tools.first { !Tool.isInstalled($0) }
  }
}

/// Made once for all the tests that look at it.
actor SpecimenShelf {
  static let shared = SpecimenShelf()
  private var made: [String: (path: String, folder: TemporaryFolder?)] = [:]

  func path(of specimen: Specimen) throws -> String {
    if let path = made[specimen.name]?.path ?? specimen.existing { return path }
    let folder = try TemporaryFolder()
    for (name, text) in specimen.sources { _ = try folder.write(text, to: name) }
    for command in specimen.commands {
      let arguments = command.dropFirst().map { $0 == "%o" ? "output" : $0 }
      try Tool.run(command[0], arguments, in: folder.path)
    }
    made[specimen.name] = (folder.path + "/output", folder)
    return folder.path + "/output"
  }
}

extension Specimen {
  /// Cancels the test, and says why, where the machine lacks a compiler or linker.
  func path() async throws -> String {
    if let missing { try Test.cancel("\(missing) is not installed") }
    return try await SpecimenShelf.shared.path(of: self)
  }

  func file() async throws -> ELFFile { try ELFFile(MappedFile(path: await path())) }

  static let all: [Specimen] = objects + linked + executables + system

  static let objects = [
    Specimen("clang -O0 object", ["clang", "-c", "-O0", "-g", "-fcommon", "program.c", "-o", "%o"]),
    Specimen("clang -O2 object", ["clang", "-c", "-O2", "-ffunction-sections", "-fPIC", "program.c", "-o", "%o"]),
    Specimen("gcc -O0 object", ["gcc", "-c", "-O0", "-g", "-fcommon", "program.c", "-o", "%o"]),
    Specimen(
      "gcc -O2 object", ["gcc", "-c", "-O2", "-ffunction-sections", "-fdata-sections", "program.c", "-o", "%o"]),
    Specimen(
      "clang++ object", source: cxxSource, as: "program.cc", ["clang++", "-c", "-O1", "program.cc", "-o", "%o"]),
    Specimen("g++ object", source: cxxSource, as: "program.cc", ["g++", "-c", "-O1", "-g", "program.cc", "-o", "%o"]),
    Specimen(
      "swiftc object", source: swiftSource, as: "program.swift",
      ["swiftc", "-emit-object", "-O", "-wmo", "-parse-as-library", "program.swift", "-o", "%o"]),
    Specimen(
      "rustc object", source: rustSource, as: "program.rs",
      ["rustc", "--crate-type=lib", "--emit=obj=output", "-g", "program.rs"]),
    Specimen(
      "zig object", source: zigSource, as: "program.zig",
      ["zig", "build-obj", "program.zig", "-target", "x86_64-linux-gnu", "-femit-bin=output", "--cache-dir", "cache"]),
    Specimen(
      "aarch64 object", ["clang", "-target", "aarch64-linux-gnu", "-c", "-O1", "-g", "program.c", "-o", "%o"]),
  ]

  static let linked = [
    Specimen("gcc and ld, PIE", ["gcc", "-fuse-ld=bfd", "-Wl,--build-id", "program.c", "-o", "%o"]),
    Specimen("gcc and ld, fixed", ["gcc", "-no-pie", "-fuse-ld=bfd", "-Wl,-z,now", "program.c", "-o", "%o"]),
    Specimen("gcc, static", ["gcc", "-static", "program.c", "-o", "%o"]),
    Specimen("gcc, static PIE", ["gcc", "-static-pie", "program.c", "-o", "%o"]),
    Specimen("clang and lld, PIE", ["clang", "-fuse-ld=lld", "-Wl,--build-id=sha1", "program.c", "-o", "%o"]),
    Specimen("gcc and gold, PIE", ["gcc", "-fuse-ld=gold", "program.c", "-o", "%o"]),
    Specimen("gcc and mold, PIE", ["gcc", "-fuse-ld=mold", "program.c", "-o", "%o"]),
    Specimen(
      "lld library with RELR and versions",
      [
        "clang", "-fuse-ld=lld", "-shared", "-fPIC", "-nostdlib", "-Wl,-z,pack-relative-relocs",
        "-Wl,--version-script=versions.map", "-Wl,--undefined-version", "-Wl,--hash-style=both",
        "-Wl,-soname,libprogram.so.1", "program.c",
        "-o", "%o",
      ]),
    Specimen(
      "ld library with the old hash table",
      [
        "gcc", "-fuse-ld=bfd", "-shared", "-fPIC", "-Wl,--hash-style=sysv", "-Wl,--version-script=versions.map",
        "-Wl,-rpath,/nowhere/lib", "program.c", "-o", "%o",
      ]),
  ]

  /// Small enough to be read again with each of their bytes changed.
  static let tiny = [
    Specimen("tiny object", source: tinySource, ["gcc", "-c", "-O1", "-ffunction-sections", "program.c", "-o", "%o"]),
    Specimen(
      "tiny library", source: tinySource,
      [
        "clang", "-O1", "-fuse-ld=lld", "-shared", "-fPIC", "-nostdlib", "-Wl,-z,pack-relative-relocs", "-Wl,-s",
        "-Wl,--version-script=versions.map", "-Wl,--undefined-version", "-Wl,--hash-style=both",
        "-Wl,-z,noseparate-code",
        "-Wl,-z,max-page-size=16", "program.c", "-o", "%o",
      ]),
  ]

  static let executables = [
    Specimen(
      "swiftc executable", source: swiftSource + "\n@main struct Main { static func main() { print(boxed(3).value) } }",
      as: "program.swift", ["swiftc", "-O", "-parse-as-library", "program.swift", "-o", "%o"]),
    Specimen(
      "rustc executable", source: rustSource + "\nfn main() { println!(\"{:?}\", count(&[\"a\"])); }",
      as: "program.rs", ["rustc", "program.rs", "-o", "%o"]),
    Specimen(
      "zig executable", source: zigSource + "\npub fn main() void { _ = bump(1); }", as: "program.zig",
      [
        "zig", "build-exe", "program.zig", "-target", "x86_64-linux", "-fno-llvm", "-fno-lld", "-femit-bin=output",
        "--cache-dir", "cache",
      ]),
  ]

  static let system = [
    Specimen(system: "/lib/x86_64-linux-gnu/libc.so.6"),
    Specimen(system: "/lib/x86_64-linux-gnu/libstdc++.so.6"),
    Specimen(system: "/bin/bash"),
  ]
}

private let versionScript = """
  V1 { global: main; twice; };
  V2 { global: words; remembered; local: *; } V1;
  """

private let programSource = """
  __thread int remembered = 4;
  static __thread int own;
  int shared_common;
  int weak_one(void) __attribute__((weak));
  static int times(int x) { own++; return x * 3; }
  int twice(int x) { return times(x) + remembered + (weak_one ? weak_one() : 0) + shared_common; }
  const char *words[] = { "alpha", "beta", "a longer string that is merged" };
  static int (*const table[])(int) = { times, twice };
  static int counter = 7;
  static int from_resolver(void) { return 1; }
  static int (*resolve(void))(void) { return from_resolver; }
  int indirect(void) __attribute__((ifunc("resolve")));
  int main(int argc, char **argv) {
    static int calls;
    double d = argc * 2.5;
    return table[argc & 1](counter + calls++ + (int)d) + indirect() + (words[0][0] == 'a');
  }
  """

private let tinySource = """
  extern int far(const char *);
  const char *words[] = { "alpha", "beta" };
  static int times(int x) { return x * 3; }
  int (*twice)(int) = times;
  int main(void) { return far(words[0]); }
  """

private let cxxSource = """
  inline int once() { static int n; return n++; }
  template <class T> T pick(T a) { return a + once(); }
  struct Base { virtual ~Base() {} virtual int f() { return pick(1); } };
  struct Derived : Base { int f() override { return pick(2); } };
  int raise(int x) { if (x) throw x; return 0; }
  int use(Base *b) { try { return b->f() + raise(1); } catch (int &i) { return i; } }
  Base *make() { return new Derived; }
  """

private let swiftSource = """
  public struct Point { public var x = 1.0, y = 2.0 }
  public func total(_ points: [Point]) -> Double { points.reduce(0) { $0 + $1.x + $1.y } }
  public final class Box<T> { public var value: T; public init(_ value: T) { self.value = value } }
  public func boxed(_ n: Int) -> Box<String> { Box("number \\(n)") }
  """

private let rustSource = """
  use std::collections::HashMap;
  pub fn count(words: &[&str]) -> HashMap<String, usize> {
      let mut m = HashMap::new();
      for w in words { *m.entry(w.to_string()).or_insert(0) += 1; }
      m
  }
  """

private let zigSource = """
  const std = @import("std");
  var counter: u32 = 3;
  export fn bump(n: u32) u32 { counter += n; return counter; }
  """
