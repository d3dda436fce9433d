import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// Images of the linkers in use, with either kind of fixups, executed at any slide and patched where functions stand.
@Suite struct EmulatedLinkTests {
  enum Producer: CaseIterable {
    case lldChained
    case lldOpcodes
    case zig
  }

  private static func source(_ added: Int) -> String {
    """
    static int counter;
    __attribute__((noinline)) int bar(int n) { return n + \(added); }
    __attribute__((noinline)) int other(int n) { return n * 3; }
    int (*const table[2])(int) = {bar, other};
    __attribute__((noinline, used)) int loop(int n, int which) {
      int sum = 0;
      for (int i = 0; i < n; i++) {
        sum += ((int (*volatile *)(int))table)[which & 1](i);
        ++*(volatile int *)&counter;
      }
      return sum + *(volatile int *)&counter - n;
    }
    int main(void) { return loop(3, 0); }

    """
  }

  private func image(_ producer: Producer, _ added: Int, _ folder: URL) throws -> EmulatedProgram {
    let name = "\(producer)\(added)"
    try Data(Self.source(added).utf8).write(to: folder.appendingPathComponent("\(name).c"))
    let zig = try ToolRun.pythonPackage("ziglang", "0.14.1") + "/ziglang"
    func run(_ program: String, _ arguments: [String]) throws {
      let run = try ToolRun(program, arguments, in: folder)
      guard run.status == 0 else { throw EmulatedProgram.Odd(what: run.output) }
    }
    if producer == .zig {
      try run("\(zig)/zig", ["cc", "-target", "aarch64-macos.12.0", "-O1", "\(name).c", "-o", name])
    } else {
      try run(
        "clang",
        ["-target", "arm64-apple-none-macho", "-mcpu=apple-m1", "-fPIC", "-O1", "-ffreestanding", "-c", "\(name).c"])
      try run(
        "ld64.lld",
        [
          "-arch", "arm64", "-platform_version", "macos", "12.0", "12.0", "-adhoc_codesign",
          producer == .lldChained ? "-fixup_chains" : "-no_fixup_chains", "-o", name, "\(name).o",
          "\(zig)/lib/libc/darwin/libSystem.tbd",
        ])
    }
    return try EmulatedProgram(folder.appendingPathComponent(name).path)
  }

  @Test(
    "A function called through a pointer in data changes while a loop calls it, and back", arguments: Producer.allCases)
  func functionsChange(producer: Producer) throws {
    let images = try withTemporaryFolder { folder in try [1, 7].map { try image(producer, $0, folder) } }
    let base = images[0].base
    let update = try ImageDifference(before: images[0], after: images[1]).update(1, on: base.digest)
    let applier = UpdateApplier(base: base)
    var random = SplitMix(seed: 21)
    for _ in 0..<3 {
      let slide = UInt64.random(in: 1..<0x1_0000, using: &random) * 0x4000
      let mach = try images[0].started(slide: slide)
      let emulator = try Emulator(mach)
      let task = try mach.task(base: base)
      let target = try LiveTask(task, base: base)
      let loop = try images[0].address("_loop").rawValue &+ slide
      #expect(try emulator.result(of: loop, 10, 0, on: mach) == 55)
      #expect(try emulator.result(of: loop, 10, 1, on: mach) == 135 + 10)
      emulator.call(loop, [1000, 0], mach)
      for _ in 0..<50 { mach.letThreadsRun() }
      let protections = mach.protections
      _ = try applier.apply([Step(update: update, direction: .forward)], to: update.position, on: target)
      #expect(protections.allSatisfy { mach.protections[$0.key] == $0.value })
      #expect(emulator.isRunning)
      try emulator.finish(mach)
      // 0 + … + 999, and 1 or 7 for each turn; the 20 turns before count in the end.
      let old: UInt64 = 499_500 + 1000 + 20
      #expect(emulator.result > old && emulator.result < old + 6000)
      #expect((emulator.result - old) % 6 == 0)
      #expect(try emulator.result(of: loop, 10, 0, on: mach) == 45 + 70 + 1020)
      _ = try applier.apply([Step(update: update, direction: .backward)], to: base.position, on: target)
      #expect(try emulator.result(of: loop, 10, 0, on: mach) == 45 + 10 + 1030)
      #expect(mach.crash == nil)
      task.detach()
    }
  }

  @Test func `a pointer without the slide, and code that is not there, are found out at once`() throws {
    let program = try withTemporaryFolder { folder in try image(.lldOpcodes, 1, folder) }
    let slide: UInt64 = 0x1234_0000
    let mach = try program.started(slide: slide)
    let emulator = try Emulator(mach)
    let table = try program.address("_table").rawValue &+ slide
    let loop = try program.address("_loop").rawValue &+ slide
    mach.poke(try program.address("_bar").rawValue.bytes, at: table)
    #expect(throws: (any Error).self) { try emulator.result(of: loop, 3, 0, on: mach) }
    #expect(mach.crash?.contains("fetch") == true)
  }
}
