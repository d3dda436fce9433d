import Foundation
import ObjectFile
import Testing

/// Mach-O files as each producer writes them, made from the sources in Tests/Fixtures/macho.
extension Specimen {
  func machO() async throws -> MachOFile { try MachOFile(MappedFile(path: await path())) }

  static let machO = machOObjects + machOLinked + machOIncremental

  static let machOObjects = [
    clang("arm64", "program.c", ["-O0", "-g", "-fcommon"]),
    clang("arm64", "program.c", ["-O2"]),
    clang("x86_64", "program.c", ["-O0", "-g", "-fcommon"]),
    clang("x86_64", "program.c", ["-O2"]),
    clang("arm64", "program.cc", ["-O1"]),
    clang("x86_64", "program.cc", ["-O1", "-g"]),
    clang("arm64", "arm64.s", []),
    clang("x86_64", "x86_64.s", []),
    clang("arm64", "whole.s", []),
    Specimen(
      "swiftc arm64 object", sources: fixtures(["program.swift"]),
      [
        [
          "swiftc", "-target", "arm64-apple-none-macho", "-enable-experimental-feature", "Embedded", "-wmo", "-O",
          "-parse-as-library", "-emit-object", "program.swift", "-o", "%o",
        ]
      ]),
  ]

  static let machOLinked = [
    lld("arm64", ["-fixup_chains", "-adhoc_codesign"]),
    lld("arm64", ["-no_fixup_chains", "-adhoc_codesign"]),
    lld("x86_64", ["-fixup_chains"]),
    lld("x86_64", ["-no_fixup_chains"]),
    lld("arm64", ["-dylib", "-install_name", "@rpath/libprogram.dylib", "-rpath", "@loader_path/lib"]),
    zigCC("aarch64", []),
    zigCC("x86_64", []),
  ]

  /// Images with room for the load commands of an arena; Zig's own linker leaves a page of it.
  static let machOPreparable =
    [
      lld("arm64", ["-fixup_chains", "-adhoc_codesign", "-headerpad", "0x400"]),
      lld("arm64", ["-no_fixup_chains", "-adhoc_codesign", "-headerpad", "0x400"]),
      lld("x86_64", ["-fixup_chains", "-headerpad", "0x400"]),
      lld("x86_64", ["-no_fixup_chains", "-headerpad", "0x400"]),
      zigCC("aarch64", ["-Wl,-headerpad,0x400"]),
      zigCC("x86_64", ["-Wl,-headerpad,0x400"]),
    ] + machOIncremental

  /// Functions of a preparable image that an emulator calls, with their arguments.
  var calls: [String] {
    if name.hasPrefix("zig 0.10") { return ["program.bar", "program.bar"] }
    // Zig throws `choose` away where it was inlined.
    let shared = ["_kept", "_answer:1", "_weak_one:4", "_main:1", "_main:2"]
    return name.hasPrefix("ld64")
      ? shared + ["_choose:0", "_choose:4", "_choose:4", "_twice:3"] : Array(shared.prefix(3))
  }

  /// The loader of Tests/EndToEnd.
  static let emulator = repository.appendingPathComponent("Tests/EndToEnd/support/run-macho.py").path

  /// What the self-hosted linker of Zig, which rewrites its output in place, writes first.
  static let machOIncremental = ["aarch64", "x86_64"].map { machine in
    Specimen(
      "zig 0.10 \(machine)", sources: fixtures(["program.zig"]),
      [
        [
          zig("0.10.1.post1"), "build-exe", "program.zig", "-target", "\(machine)-macos", "-fno-stage1", "-fno-LLVM",
          "-femit-bin=output", "--cache-dir", "cache",
        ]
      ])
  }

  private static func zigCC(_ machine: String, _ flags: [String]) -> Specimen {
    Specimen(
      (["zig cc", machine] + flags).joined(separator: " "), sources: fixtures(["program.c", "answer.c"]),
      [
        [zig("0.14.1"), "cc", "-target", "\(machine)-macos.12.0", "-O1", "-fcommon"] + flags
          + ["program.c", "answer.c", "-o", "%o"]
      ])
  }

  private static func clang(_ machine: String, _ source: String, _ flags: [String]) -> Specimen {
    Specimen(
      (["clang", machine, source] + flags).joined(separator: " "), sources: fixtures([source]),
      [["clang", "-target", "\(machine)-apple-macos12", "-c"] + flags + [source, "-o", "%o"]])
  }

  /// The toolchain's own linker refuses objects that name macOS.
  private static func lld(_ machine: String, _ flags: [String]) -> Specimen {
    let compiler = [
      "clang", "-target", "\(machine)-apple-none-macho", "-fPIC", "-fcommon", "-DNO_THREADS", "-O1", "-c",
    ]
    return Specimen(
      (["ld64.lld", machine] + flags).joined(separator: " "), sources: fixtures(["program.c", "answer.c"]),
      [
        compiler + (machine == "arm64" ? ["-mcpu=apple-m1"] : []) + ["program.c", "answer.c"],
        ["ld64.lld", "-arch", machine, "-platform_version", "macos", "12.0", "12.0"] + flags
          + ["-o", "%o", "program.o", "answer.o", systemLibraries],
      ])
  }

  /// What macOS programs are linked with, as Zig ships it. That of 0.17 ld64.lld does not read.
  static let systemLibraries = pythonPackage("ziglang-0.14.1") + "/ziglang/lib/libc/darwin/libSystem.tbd"

  /// The path of a source.
  static func fixture(_ name: String) -> String {
    repository.appendingPathComponent("Tests/Fixtures/macho/\(name)").path
  }

  private static func zig(_ version: String) -> String { pythonPackage("ziglang-\(version)") + "/ziglang/zig" }

  /// Where scripts/install-python puts a package.
  static func pythonPackage(_ name: String) -> String {
    repository.appendingPathComponent(".build-python/\(name)").path
  }

  private static func fixtures(_ names: [String]) -> [String: String] {
    names.reduce(into: [:]) { result, name in
      result[name] = try? String(contentsOfFile: fixture(name), encoding: .utf8)
    }
  }

  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../..").standardizedFileURL
}
