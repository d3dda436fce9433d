import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// Imports of libraries that a task of Darwin has loaded, found as its dynamic loader finds them.
@Suite struct DarwinSymbolsTests {
  private static let places: [UInt64] = [0x1_4000_0000, 0x1_4100_0000, 0x1_4200_0000]

  private static let description = """
    --- !tapi-tbd
    tbd-version: 4
    targets: [ arm64-macos ]
    install-name: '/usr/lib/libinner.dylib'
    exports:
      - targets: [ arm64-macos ]
        symbols: [ _inner, _value ]
    ...

    """

  private struct Libraries {
    let inner: EmulatedProgram
    let outer: EmulatedProgram
    let local: EmulatedProgram
    let mach: SimulatedMach
  }

  /// libouter re-exports libinner; liblocal has a thread-local variable.
  private func libraries() throws -> Libraries {
    let images = try withTemporaryFolder { folder in
      let zig = try ToolRun.pythonPackage("ziglang", "0.14.1") + "/ziglang"
      func run(_ program: String, _ arguments: [String]) throws {
        let run = try ToolRun(program, arguments, in: folder)
        guard run.status == 0 else { throw EmulatedProgram.Odd(what: run.output) }
      }
      func link(_ name: String, _ text: String, _ more: [String]) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent("\(name).c"))
        try run(
          "clang",
          ["-target", "arm64-apple-none-macho", "-mcpu=apple-m1", "-fPIC", "-O1", "-ffreestanding", "-c", "\(name).c"])
        try run(
          "ld64.lld",
          [
            "-dylib", "-install_name", "/usr/lib/lib\(name).dylib", "-arch", "arm64", "-platform_version", "macos",
            "12.0",
            "12.0", "-o", "lib\(name).dylib", "\(name).o", "\(zig)/lib/libc/darwin/libSystem.tbd",
          ] + more)
      }
      try link("inner", "int value = 5; int inner(int n) { return n + value; }\n", [])
      // This linker takes no library that names the platform, but takes its description.
      try Data(Self.description.utf8).write(to: folder.appendingPathComponent("libinner.tbd"))
      try link("outer", "int outer(int n) { return n * 2; }\n", ["-reexport_library", "libinner.tbd"])
      try Data("_Thread_local int each = 3; int local(void) { return each; }\n".utf8)
        .write(to: folder.appendingPathComponent("local.c"))
      try run(
        "\(zig)/zig",
        [
          "cc", "-target", "aarch64-macos.12.0", "-O1", "-shared", "-o", "liblocal.dylib", "local.c",
          "-Wl,-install_name,/usr/lib/liblocal.dylib",
        ])
      return try ["outer", "inner", "local"].map {
        try EmulatedProgram(folder.appendingPathComponent("lib\($0).dylib").path)
      }
    }
    let mach = SimulatedMach.small()
    try mach.load(zip(images, Self.places).map { (image: $0, start: $1) })
    return Libraries(inner: images[1], outer: images[0], local: images[2], mach: mach)
  }

  @Test func `a symbol is found in the library that an import names, and in what that re-exports`() throws {
    let libraries = try libraries()
    let task = try libraries.mach.task(base: SimulatedMach.layout.base())
    func address(_ name: String, _ library: String?, addend: Int64 = 0) throws(ApplyError) -> UInt64 {
      let symbol = ImportedSymbol(name: name, version: nil, library: library.map { "/usr/lib/\($0)" }, addend: addend)
      return try task.address(of: symbol).rawValue
    }
    let inner = try libraries.inner.address("_inner").rawValue + Self.places[1]
    #expect(try address("_inner", "libinner.dylib") == inner)
    #expect(try address("_inner", "libouter.dylib") == inner)
    #expect(try address("_inner", nil) == inner)
    let value = try libraries.inner.address("_value").rawValue + Self.places[1]
    #expect(try address("_value", "libouter.dylib", addend: 2) == value + 2)
    let outer = try libraries.outer.address("_outer").rawValue + Self.places[0]
    #expect(try address("_outer", "libouter.dylib") == outer)
    for (name, library) in [("_outer", "libinner.dylib"), ("_nowhere", "libouter.dylib"), ("_inner", "libother.dylib")]
    {
      let error = failure { () throws(ApplyError) in try address(name, library) }
      #expect(error?.code == .importNotFound)
      #expect(error?.description.contains(library) == true)
    }
    let local = failure { () throws(ApplyError) in try address("_each", "liblocal.dylib") }
    #expect(local?.code == .importIsThreadLocal)
  }

  @Test func `a loader that is at work, or has not begun, is told apart from a symbol that is missing`() throws {
    let libraries = try libraries()
    let task = try libraries.mach.task(base: SimulatedMach.layout.base())
    let symbol = ImportedSymbol(name: "_inner", version: nil, library: nil)
    libraries.mach.poke(UInt64(0).bytes, at: SimulatedMach.loaderList + 8)
    let busy = failure { () throws(ApplyError) in try task.address(of: symbol) }
    #expect(busy?.code == .taskCallFailed)
    #expect(busy?.description.contains("try again") == true)
    libraries.mach.loader = nil
    #expect(failure { () throws(ApplyError) in try task.address(of: symbol) }?.code == .taskMemoryMalformed)
  }
}
