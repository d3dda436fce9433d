import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// Images of the linkers in use, with either kind of fixups, executed at any slide and patched by what `record --observe` made of
/// the next one.
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
    try image(producer, "\(producer)\(added)", Self.source(added), folder)
  }

  private func image(
    _ producer: Producer, _ name: String, _ source: String, _ folder: URL
  ) throws -> EmulatedProgram {
    try Data(source.utf8).write(to: folder.appendingPathComponent("\(name).c"))
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
    let (images, session) = try withTemporaryFolder { folder in
      let images = try [1, 7].map { try image(producer, $0, folder) }
      let session = try ObservedSession(of: images[0].file.name)
      try session.record(images[1].file.name)
      return (images, session)
    }
    let (base, update) = (session.base, session.updates[0])
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

  /// Two tables: of functions of its own and of a library.
  private static func tables(_ first: (own: String, other: String), _ second: (own: String, other: String)) -> String {
    """
    extern int getpid(void), getppid(void);
    __attribute__((used)) static int bar(int n) { return n + 1; }
    __attribute__((used)) static int third(int n) { return n * 3; }
    int (*const table[2])(int) = {\(first.own), \(second.own)};
    int (*const asks[2])(void) = {\(first.other), \(second.other)};
    __attribute__((noinline, used)) int call(int which, int n) {
      return ((int (*volatile *)(int))table)[which & 1](n) * 100 + ((int (*volatile *)(void))asks)[which & 1]();
    }
    int main(void) { return call(0, 3); }

    """
  }

  @Test("Pointers and imports that change places are told by the loader's fixups", arguments: Producer.allCases)
  func fixupsChange(producer: Producer) throws {
    let (images, session, library) = try withTemporaryFolder { folder in
      let rows = [(own: "bar", other: "getpid"), (own: "third", other: "getppid")]
      let images = try [(rows[0], rows[1]), (rows[1], rows[0])].enumerated().map {
        try image(producer, "image\($0.offset)", Self.tables($0.element.0, $0.element.1), folder)
      }
      let session = try ObservedSession(of: images[0].file.name)
      try session.record(images[1].file.name)
      let library = try SessionObjects(in: folder, compiledWithClang: true).library()
      return (images, session, library)
    }
    let update = session.updates[0]
    let table = try images[0].address("_table")
    let pointers = update.content.operations.compactMap { if case .pointer(let pointer) = $0 { pointer } else { nil } }
    let targets = try [images[0].address("_bar"), images[0].address("_third")]
    #expect(pointers.map(\.cell) == [table, table.displaced(by: 8)])
    #expect(pointers.map(\.before) == targets)
    #expect(pointers.map(\.after) == targets.reversed())
    let binds = update.content.operations.compactMap { if case .bind(let bind) = $0 { bind } else { nil } }
    #expect(binds.map(\.before?.name) == ["_getpid", "_getppid"])
    #expect(binds.map(\.after?.name) == ["_getppid", "_getpid"])
    let file = try session.store.fileBytes(FileOffset(0), count: images[1].bytes.count, at: update.digest)
    #expect(file == images[1].bytes)

    let mach = try images[0].started(slide: 0x1234_0000, libraries: [(library, 0x1_7000_0000)])
    let emulator = try Emulator(mach)
    let call = try images[0].address("_call").rawValue &+ 0x1234_0000
    let task = try mach.task(base: session.base)
    let target = try LiveTask(task, base: session.base)
    let applier = UpdateApplier(base: session.base)
    func results() throws -> [UInt64] { try (0..<2).map { try emulator.result(of: call, $0, 10, on: mach) } }
    #expect(try results() == [1107, 3011])
    _ = try applier.apply([Step(update: update, direction: .forward)], to: update.position, on: target)
    #expect(try results() == [3011, 1107])
    _ = try applier.apply([Step(update: update, direction: .backward)], to: session.base.position, on: target)
    #expect(try results() == [1107, 3011])
    task.detach()
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
