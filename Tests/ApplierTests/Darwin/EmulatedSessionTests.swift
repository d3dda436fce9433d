import Addressing
import Foundation
import Journal
import ObjectFile
import Testing

@testable import Applier

/// Updates that this project's linker made of Mach-O objects, applied to the running program at a slide of its own: at each of
/// twenty edits it computes what a clean link of the same objects does from the same state.
@Suite struct EmulatedSessionTests {
  /// A process of an image, and what calls its functions.
  private struct Running {
    private static let libraryStart: UInt64 = 0x7f_7000_0000

    let mach: SimulatedMach
    let emulator: Emulator
    let slide: UInt64

    init(_ program: EmulatedProgram, _ library: EmulatedProgram, slide: UInt64) throws {
      self.slide = slide
      mach = try program.started(slide: slide, libraries: [(library, Self.libraryStart)])
      emulator = try Emulator(mach)
    }

    func call(_ function: VirtualAddress, _ argument: UInt64) throws -> UInt64 {
      let pace = emulator.pace
      emulator.pace = 100_000
      defer { emulator.pace = pace }
      return try emulator.result(of: function.rawValue &+ slide, argument, on: mach)
    }

    func state(_ place: VirtualAddress, _ byteCount: Int) -> [UInt8] {
      mach.peek(place.rawValue &+ slide, byteCount)
    }
  }

  /// The program's variables at an edit; pointers are not among them, which lead into the image that has them.
  private static func variables(at edit: Int) -> [(name: String, byteCount: Int)] {
    [("_history", 64), ("_position", 4), ("_twist.count", 8), ("_rounds", 8)]
      + (edit >= 8 ? [("_seasons", 32), ("_turns", 8)] : [])
  }

  /// A process that follows a session.
  private struct Follower {
    let session: LinkedSession
    let library: EmulatedProgram
    let running: Running
    let target: LiveTask
    let task: DarwinTask
    var applier: UpdateApplier
    private var random: SplitMix
    var edit = 0

    init(_ session: LinkedSession, _ library: EmulatedProgram, isPrepared: Bool, seed: UInt64) throws {
      self.session = session
      self.library = library
      random = SplitMix(seed: seed)
      running = try Running(isPrepared ? session.prepared : session.image, library, slide: Self.slide(&random))
      task = try running.mach.task(base: session.base)
      target = try LiveTask(task, base: session.base)
      // The loop is seldom outside of what it calls.
      applier = UpdateApplier(base: session.base)
      applier.options.timeoutNanoseconds = 60_000_000_000
    }

    private static func slide(_ random: inout SplitMix) -> UInt64 {
      UInt64.random(in: 1..<0x1_0000, using: &random) * 0x4000
    }

    mutating func go(to next: Int) throws {
      let steps = session.updates.steps(from: edit, to: next)
      _ = try applier.apply(steps, to: session.updates.position(next, session.base), on: target)
      edit = next
      #expect(try applier.verify(session.updates.steps(from: 0, to: next), on: target) == [], "edit \(next)")
    }

    /// Calls the program, and a clean link of the same objects to which it has given its variables' values.
    mutating func compare() throws {
      let clean = try session.clean(edit)
      let other = try Running(clean, library, slide: Self.slide(&random))
      for (name, byteCount) in EmulatedSessionTests.variables(at: edit) {
        let place = try #require(try session.place(name, at: edit), "\(name) at \(edit)")
        other.mach.poke(running.state(place, byteCount), at: try clean.address(name).rawValue &+ other.slide)
      }
      for (name, arguments) in [("_result", [UInt64](0..<5) + [17, 23]), ("_rounds_until", [9])] {
        let function = try #require(try session.place(name, at: edit))
        for argument in arguments {
          let wanted = try other.call(try clean.address(name), argument)
          #expect(try running.call(function, argument) == wanted, "\(name)(\(argument)) at \(edit)")
        }
      }
    }

    /// How often the program has remembered something.
    func position() throws -> UInt32 {
      let place = try #require(try session.place("_position", at: edit))
      return UInt32(truncatingIfNeeded: UInt64(littleEndianBytes: running.state(place, 4) + [0, 0, 0, 0]))
    }
  }

  @Test(
    "A running program follows twenty edits and goes back", arguments: [MachOMachine.arm64, .x86_64], [true, false])
  func follows(machine: MachOMachine, compilesWithClang: Bool) throws {
    try withTemporaryFolder { folder in
      let objects = try SessionObjects(in: folder, compiledWithClang: compilesWithClang, for: machine)
      let library = try SessionObjects(in: folder, compiledWithClang: true, for: machine).library()
      for producer in LinkedSession.Producer.allCases where producer.compilesWithClang == compilesWithClang {
        let session = try LinkedSession(objects, producer)
        // One process of the prepared image, and one of the image as it was linked, which gets its arena at the first update.
        var followers = try [true, false].map {
          try Follower(session, library, isPrepared: $0, seed: $0 ? 31 : 32)
        }
        for edit in 1...LinkedSession.edits {
          _ = try session.record(edit)
          for index in followers.indices {
            try followers[index].go(to: edit)
            if edit == 8 {
              let place = try #require(try session.place("_seasons", at: edit))
              let first = followers[index].running.state(place, 32)
              #expect(first == [10, 20, 30, 40].flatMap { UInt64($0).bytes }, "a new variable has its first value")
            }
            try followers[index].compare()
          }
        }
        for edit in [13, 4, 0, 20] {
          for index in followers.indices {
            try followers[index].go(to: edit)
            try followers[index].compare()
          }
        }
        for follower in followers {
          #expect(follower.running.mach.crash == nil)
          follower.task.detach()
        }
      }
    }
  }

  @Test(
    "A loop that runs while all twenty edits come and go keeps its state", arguments: [MachOMachine.arm64, .x86_64])
  func loopGoesOn(machine: MachOMachine) throws {
    try withTemporaryFolder { folder in
      let objects = try SessionObjects(in: folder, compiledWithClang: true, for: machine)
      let session = try LinkedSession(objects, .lldChained)
      for edit in 1...LinkedSession.edits { _ = try session.record(edit) }
      var follower = try Follower(session, try objects.library(), isPrepared: true, seed: 33)
      let running = follower.running
      let turns: UInt64 = 3000
      let loop = try #require(try session.place("_rounds_until", at: 0))
      running.emulator.pace = 397
      running.emulator.call(loop.rawValue &+ running.slide, [turns], running.mach)
      for edit in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 15, 8, 3, 0] {
        let start = try follower.position()
        while try follower.position() < start + 20, running.mach.crash == nil { running.mach.letThreadsRun() }
        try follower.go(to: edit)
        try #require(running.emulator.isRunning, "the loop ended before edit \(edit)")
      }
      running.emulator.pace = 100_000
      try running.emulator.finish(running.mach)
      #expect(running.mach.crash == nil)
      // Every turn has added its number, divided by 3 or by 5 as the edit says: none was left out, none taken twice.
      let least = (0..<turns).reduce(0) { $0 + min($1 % 3, $1 % 5) }
      let most = (0..<turns).reduce(0) { $0 + max($1 % 3, $1 % 5) }
      let rounds = try #require(try session.place("_rounds", at: 0))
      #expect((least...most).contains(UInt64(littleEndianBytes: running.state(rounds, 8)) - 3))
      #expect(try UInt64(follower.position()) >= turns)
      follower.task.detach()
    }
  }
}
