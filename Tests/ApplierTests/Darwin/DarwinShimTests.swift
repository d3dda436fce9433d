import Foundation
import Testing

@testable import Applier

/// The C target as a Mac builds it: against Apple's headers, linked with the symbols that its libSystem has.
@Suite struct DarwinShimTests {
  private static let sources = ToolRun.repository.appendingPathComponent("Sources/CDarwinTask").path
  private static let headers = ToolRun.repository.appendingPathComponent("Tests/ApplierTests/Darwin/headers").path

  private func link(_ target: String, _ text: String, _ folder: URL) throws -> ToolRun {
    let main = folder.appendingPathComponent("main.c")
    try Data(text.utf8).write(to: main)
    let zig = try ToolRun.pythonPackage("ziglang", "0.14.1") + "/ziglang/zig"
    return try ToolRun(
      zig,
      [
        "cc", "-target", target, "-Wall", "-Werror", "-I\(Self.sources)/include", "-idirafter", Self.headers,
        "\(Self.sources)/darwin_task.c", main.path, "-o", folder.appendingPathComponent("program").path,
      ])
  }

  /// What the Swift side has written down of Apple's headers, each line an assertion.
  private var assertions: String {
    let facts: [(String, Int64)] = [
      ("VM_PROT_READ", 1), ("VM_PROT_WRITE", 2), ("VM_PROT_EXECUTE", 4), ("VM_PROT_COPY", Int64(MachConstant.copy)),
      ("VM_MEMORY_STACK", Int64(MachRegion.stackTag)),
      ("KERN_INVALID_ADDRESS", Int64(MachCode.invalidAddress.rawValue)),
      ("KERN_PROTECTION_FAILURE", Int64(MachCode.protectionFailure.rawValue)),
      ("KERN_NO_SPACE", Int64(MachCode.noSpace.rawValue)),
      ("KERN_INVALID_ARGUMENT", Int64(MachCode.invalidArgument.rawValue)),
      ("KERN_FAILURE", Int64(MachCode.failure.rawValue)), ("KERN_TERMINATED", Int64(MachCode.terminated.rawValue)),
      ("KERN_NOT_SUPPORTED", Int64(MachCode.notSupported.rawValue)),
      ("MH_MAGIC_64", Int64(MachOTaskImage.Constant.magic64)),
      ("MH_EXECUTE", Int64(MachOTaskImage.Constant.executable)),
      ("LC_SEGMENT_64", Int64(MachOTaskImage.Constant.segment64)), ("LC_UUID", Int64(MachOTaskImage.Constant.uuid)),
      ("CPU_TYPE_X86_64", Int64(MachOTaskImage.Constant.cpuIntel)),
      ("CPU_TYPE_ARM64", Int64(MachOTaskImage.Constant.cpuARM)),
      ("CPU_SUBTYPE_ARM64E", Int64(MachOTaskImage.Constant.kindARM64E)),
      ("sizeof(struct mach_header_64)", Int64(MachOTaskImage.Constant.headerByteCount)),
      ("SZOMB", 5), ("P_LP64", 0x4), ("P_TRANSLATED", 0x2_0000), ("SIGCONT", 19), ("SIGKILL", 9),
    ]
    return facts.map { "_Static_assert((\($0.0)) == \($0.1), \"\($0.0)\");" }.joined(separator: "\n")
  }

  private static let includes = """
    #include "darwin_task.h"
    #include <mach/mach.h>
    #include <mach-o/loader.h>
    #include <signal.h>
    #include <sys/proc.h>

    """

  @Test("It compiles without a warning and links for each of Apple's processors", arguments: ["aarch64", "x86_64"])
  func links(processor: String) throws {
    let flavor = MachThreadState.flavor(processor == "aarch64" ? .arm64 : .x86_64)
    let names =
      processor == "aarch64"
      ? ("ARM_THREAD_STATE64", "ARM_THREAD_STATE64_COUNT") : ("x86_THREAD_STATE64", "x86_THREAD_STATE64_COUNT")
    let registers =
      "_Static_assert(\(names.0) == \(flavor.number) && \(names.1) == \(flavor.wordCount), \"thread state\");\n"
    let main = "\nint main(void) { return (int)darwin_task_page_size(); }\n"
    try withTemporaryFolder { folder in
      let run = try link("\(processor)-macos.12.0", Self.includes + assertions + "\n" + registers + main, folder)
      #expect(run.status == 0, "\(run.output)")
      let program = try Data(contentsOf: folder.appendingPathComponent("program"))
      #expect(program.prefix(4) == Data([0xcf, 0xfa, 0xed, 0xfe]))
    }
  }

  @Test func `a number that Apple's headers have otherwise is noticed`() throws {
    try withTemporaryFolder { folder in
      let text = Self.includes + "_Static_assert(VM_PROT_COPY == 0x20, \"wrong\");\nint main(void) { return 0; }\n"
      let run = try link("aarch64-macos.12.0", text, folder)
      #expect(run.status != 0)
      #expect(run.output.contains("static assertion failed"))
    }
  }

  @Test func `elsewhere than on Darwin every call fails`() {
    let calls = DarwinCalls()
    let failed = { (body: () throws(MachFailure) -> Void) -> MachFailure? in
      do throws(MachFailure) {
        try body()
        return nil
      } catch { return error }
    }
    #expect(failed { () throws(MachFailure) in _ = try calls.open(1) }?.isKernel(.notSupported) == true)
    #expect(failed { () throws(MachFailure) in _ = try calls.spawn("/bin/true", ["true"], [], isSlid: true) } != nil)
  }
}
