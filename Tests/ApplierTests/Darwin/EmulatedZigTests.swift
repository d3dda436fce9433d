import Addressing
import Foundation
import Journal
import Testing

@testable import Applier

/// A real session of the compiler that this project began with, executed: its first image runs as a process, and the applier
/// takes that to each of the later ones and back.
@Suite struct EmulatedZigTests {
  /// The program with one body of `bar`, which `loop` calls by its cell.
  private static func source(_ body: String, more: String = "") -> String {
    """
    var counter: u64 = 0;
    \(more)
    fn add(a: u32, b: u32) u32 { return a + b; }
    export fn bar(n: u32) u32 { \(body) }
    export fn loop(n: u32) u32 {
        var i: u32 = 0;
        var sum: u32 = 0;
        while (i < n) {
            sum = sum + bar(i);
            counter = counter + 1;
            i = i + 1;
        }
        return sum;
    }
    pub fn main() void { _ = loop(3); }

    """
  }

  /// Sources of a session, and what `bar(n)` adds to n in each: it stays, grows and moves, grows and moves again, shrinks where it
  /// is, is written over.
  private static let edits: [(source: String, added: UInt64)] = [
    (source("return add(n, 1);"), 1),
    (source("var k: u32 = add(n, 2); k = add(k, 3); k = add(k, 4); return add(k, 5);"), 14),
    (
      source(
        "var k: u32 = add(n, 2); k = add(k, 3); k = add(k, 4); k = add(k, 5); k = add(k, 6); k = add(k, 7); "
          + "k = add(k, 8); k = add(k, 9); return add(k, 10);"), 54
    ),
    (source("return add(n, 11);"), 11),
    (source("return add(n, 12);"), 12),
    (source("return plus(n, 13);", more: "fn plus(n: u32, m: u32) u32 { return m + n; }"), 13),
  ]

  private struct Session {
    let images: [EmulatedProgram]
    let updates: [Update]
    let base: BaseImage

    /// The compiler writes, `record --observe` records.
    init() throws {
      (images, updates, base) = try withTemporaryFolder { folder in
        let zig = try ZigSession(in: folder)
        var images: [EmulatedProgram] = []
        var session: ObservedSession?
        for edit in EmulatedZigTests.edits {
          images.append(try zig.image(of: edit.source))
          if let session {
            try session.record(zig.output.path)
          } else {
            session = try ObservedSession(of: zig.output.path)
          }
        }
        guard let session else { throw EmulatedProgram.Odd(what: "no session") }
        return (images, session.updates, session.base)
      }
    }

    func position(_ index: Int) -> TargetHeader.Position { updates.position(index, base) }

    func steps(from start: Int, to end: Int) -> [Step] { updates.steps(from: start, to: end) }

    func entry(_ symbol: String, at index: Int) throws -> VirtualAddress { try images[index].address(symbol) }
  }

  private func slide(_ seed: UInt64) -> UInt64 {
    var random = SplitMix(seed: seed)
    return UInt64.random(in: 1..<0x1_0000, using: &random) * 0x4000
  }

  @Test("The function's result changes at each update and back at each roll back")
  func resultsFollow() throws {
    let session = try Session()
    let applier = UpdateApplier(base: session.base)
    for seed in UInt64(1)...2 {
      let slide = slide(seed)
      let mach = try session.images[0].started(slide: slide)
      let emulator = try Emulator(mach)
      let task = try mach.task(base: session.base)
      let target = try LiveTask(task, base: session.base)
      let loop = try session.entry("_loop", at: 0).rawValue &+ slide
      var index = 0
      var count: UInt64 = 0
      for next in [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0, 5, 2, 0] {
        if next != index {
          _ = try applier.apply(session.steps(from: index, to: next), to: session.position(next), on: target)
        }
        index = next
        #expect(try applier.verify(session.steps(from: 0, to: next), on: target) == [])
        // 0 + 1 + … + 9 = 45.
        #expect(try emulator.result(of: loop, 10, on: mach) == 45 + 10 * Self.edits[next].added)
        count += 10
        let bar = try session.entry("_bar", at: next).rawValue &+ slide
        let found = try emulator.result(of: bar, 1000, on: mach)
        #expect(found == 1000 + Self.edits[next].added, "update \(next)")
      }
      // The program's own state was its own all the time.
      let counter = try session.entry("program.counter", at: 0)
      #expect(UInt64(littleEndianBytes: mach.peek(counter.rawValue &+ slide, 8)) == count)
      #expect(mach.crash == nil)
      task.detach()
    }
  }

  @Test("A loop that is patched while it runs keeps its state", arguments: [UInt64(11), 12])
  func loopsGoOn(seed: UInt64) throws {
    let session = try Session()
    let slide = slide(seed)
    let mach = try session.images[0].started(slide: slide)
    let emulator = try Emulator(mach)
    let task = try mach.task(base: session.base)
    let target = try LiveTask(task, base: session.base)
    let applier = UpdateApplier(base: session.base)
    let turns: UInt64 = 3000
    emulator.call(try session.entry("_loop", at: 0).rawValue &+ slide, [turns], mach)
    let counter = try session.entry("program.counter", at: 0).rawValue &+ slide
    let done = { UInt64(littleEndianBytes: mach.peek(counter, 8)) }
    // The least and the most that the sum can be: a turn is old or new while an update is on its way.
    var least: UInt64 = turns * (turns - 1) / 2
    var most = least
    var index = 0
    var before: UInt64 = 0
    for next in [1, 2, 3, 1, 0, 5] {
      while done() < before + 300 { mach.letThreadsRun() }
      let start = done()
      _ = try applier.apply(session.steps(from: index, to: next), to: session.position(next), on: target)
      #expect(emulator.isRunning)
      let between = done() - start + 1
      let pair = (Self.edits[index].added, Self.edits[next].added)
      least += (start - before) * pair.0 + between * min(pair.0, pair.1)
      most += (start - before) * pair.0 + between * max(pair.0, pair.1)
      before = start + between
      index = next
    }
    try emulator.finish(mach)
    least += (turns - before) * Self.edits[index].added
    most += (turns - before) * Self.edits[index].added
    #expect((least...most).contains(emulator.result))
    #expect(done() == turns)
    #expect(mach.crash == nil)
    task.detach()
  }
}
