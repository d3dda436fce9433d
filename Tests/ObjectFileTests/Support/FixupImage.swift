import Foundation
import ObjectFile
import Testing

/// A Mach-O image of the program in Tests/Fixtures/macho/fixups.c (Zig's own linker: program.zig), by linker.
enum FixupImage: String, CaseIterable, Sendable {
  case lldChainsARM64, lldChainsX86, lldOpcodesARM64, lldOpcodesX86
  case zigARM64, zigX86, zigEntitlements, zigSelfHostedARM64, zigSelfHostedX86

  static let chained: [FixupImage] = [.lldChainsARM64, .lldChainsX86]
  static let withOpcodes = allCases.filter { !chained.contains($0) }
  static let selfHosted: [FixupImage] = [.zigSelfHostedARM64, .zigSelfHostedX86]
  static let ofLLD: [FixupImage] = [.lldChainsARM64, .lldChainsX86, .lldOpcodesARM64, .lldOpcodesX86]
  /// Zig signs what is for arm64 only.
  static let signed = allCases.filter { ![.zigX86, .zigSelfHostedX86].contains($0) }

  func path() async throws -> String { try await specimen.path() }

  func file() async throws -> MachOFile { try MachOFile(MappedFile(path: await path())) }

  private var specimen: Specimen {
    switch self {
    case .lldChainsARM64: lld("arm64", "-fixup_chains")
    case .lldChainsX86: lld("x86_64", "-fixup_chains")
    case .lldOpcodesARM64: lld("arm64", "-no_fixup_chains")
    case .lldOpcodesX86: lld("x86_64", "-no_fixup_chains")
    case .zigARM64: zig("0.14.1", ["cc", "-target", "aarch64-macos.12.0", "fixups.c", "-o", "%o"])
    case .zigX86: zig("0.14.1", ["cc", "-target", "x86_64-macos.12.0", "fixups.c", "-o", "%o"])
    case .zigEntitlements:
      zig(
        "0.14.1",
        [
          "build-exe", "fixups.c", "-lc", "-target", "aarch64-macos.12.0", "--entitlements", "entitlements.plist",
          "-femit-bin=output", "--cache-dir", "cache",
        ])
    case .zigSelfHostedARM64: zig("0.10.1.post1", Self.selfHosted("aarch64-macos"))
    case .zigSelfHostedX86: zig("0.10.1.post1", Self.selfHosted("x86_64-macos"))
    }
  }

  private static func selfHosted(_ target: String) -> [String] {
    [
      "build-exe", "program.zig", "-target", target, "-fno-stage1", "-fno-LLVM", "-femit-bin=output", "--cache-dir",
      "cache",
    ]
  }

  private func zig(_ version: String, _ arguments: [String]) -> Specimen {
    specimen([[Specimen.pythonPackage("ziglang-\(version)") + "/ziglang/zig"] + arguments])
  }

  /// The linker of the Swift toolchain refuses objects that name macOS.
  private func lld(_ machine: String, _ fixups: String) -> Specimen {
    let processor = machine == "arm64" ? ["-mcpu=apple-m1"] : []
    return specimen([
      ["clang", "-target", "\(machine)-apple-none-macho"] + processor
        + ["-fPIC", "-O1", "-ffreestanding", "-c", "fixups.c", "-o", "fixups.o"],
      [
        "ld64.lld", "-arch", machine, "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign", fixups,
        "-o", "%o", "fixups.o", Specimen.pythonPackage("ziglang-0.14.1") + "/ziglang/lib/libc/darwin/libSystem.tbd",
      ],
    ])
  }

  private func specimen(_ commands: [[String]]) -> Specimen {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Fixtures/macho")
    let names = ["fixups.c", "program.zig", "entitlements.plist"]
    let sources = names.reduce(into: [String: String]()) { result, name in
      result[name] = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }
    return Specimen("fixups, \(rawValue)", sources: sources, commands)
  }
}

/// What a Python program prints that uses the package `lief`.
func lief(_ program: String, _ arguments: [String]) throws -> [String] {
  let library = Specimen.pythonPackage("lief-1.0.0")
  let output = try Tool.run("python3", ["-c", "import sys; sys.path.insert(0, '\(library)')\n" + program] + arguments)
  return output.lines.filter { !$0.isEmpty }.map(String.init)
}

extension MachOFile {
  /// The bytes of a word, as the linker left them.
  func word(_ place: MachOFixupPlace) throws -> UInt64 {
    let offset = try #require(segmentPlaces.fileOffset(of: place))
    return try view.load(UInt64.self, at: Int(offset.rawValue))
  }

  /// The address of a word, as tools print it.
  func text(_ place: MachOFixupPlace) -> String { "0x" + hex(segmentPlaces.address(of: place)?.rawValue ?? 0) }
}
