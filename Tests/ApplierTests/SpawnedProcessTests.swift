import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct SpawnedProcessTests {
  /// A program to be started, and where it tells how it was.
  private struct Program {
    let path: String
    let entryPoint: VirtualAddress
    let output: URL

    init(flags: [String] = []) throws {
      path = try VictimCompiler.executable("spawned", flags: flags, libraries: []).path
      let head = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(64)
      entryPoint = VirtualAddress(UInt64(littleEndianBytes: Array(head[24..<32])))
      output = FileManager.default.temporaryDirectory.appending(path: "hcs-spawned-\(UUID().uuidString)")
    }

    func start(_ arguments: [String], isSlid: Bool = true) throws -> SpawnedProcess {
      try SpawnedProcess.start(
        path, arguments: ["victim"] + arguments, environment: ["VICTIM_OUTPUT=\(output.path)"], isSlid: isSlid,
        entryPoint: entryPoint)
    }

    func report() throws -> [String] {
      try String(contentsOf: output, encoding: .utf8).split(separator: "\n").map(String.init)
    }
  }

  @Test(arguments: [[], ["-static"], ["-static-pie", "-fPIE"], ["-no-pie"]])
  func `a program runs with its arguments and environment, and its status comes back`(flags: [String]) throws {
    let program = try Program(flags: flags)
    let spawned = try program.start(["exit", "7"])
    #expect(try spawned.wait().exitStatus == 7)
    #expect(try program.report().prefix(3) == ["arguments 3", "first victim", "constructed 1"])
  }

  @Test func `without ASLR two starts are alike, with it they differ`() throws {
    let program = try Program()
    func slide(_ isSlid: Bool) throws -> Slide {
      let spawned = try program.start(["exit", "0"], isSlid: isSlid)
      let slide = spawned.task.slide
      #expect(try spawned.wait().exitStatus == 0)
      return slide
    }
    #expect(try slide(false) == slide(false))
    #expect(Set([try slide(true), try slide(true), try slide(true)]).count > 1)
  }

  @Test(arguments: LinuxTask.WriteMethod.allCases)
  func `what is written at the entry point is there when constructors run`(method: LinuxTask.WriteMethod) throws {
    let program = try Program(flags: ["-no-pie"])
    let spawned = try program.start(["exit", "0"])
    spawned.task.writeMethod = method
    let patched = try symbol("patched", in: program.path)
    try spawned.task.stopThreads()
    try spawned.task.write([9, 0, 0, 0], at: RuntimeAddress(rawValue: patched))
    try spawned.task.resumeThreads()
    #expect(try spawned.wait().exitStatus == 0)
    #expect(try program.report().contains("constructed 9"))
  }

  @Test func `the first instruction is as it was when the program is held at its entry point`() throws {
    let program = try Program(flags: ["-no-pie"])
    let spawned = try program.start(["exit", "0"])
    let bytes = try spawned.task.read(RuntimeAddress(rawValue: program.entryPoint.rawValue), 4)
    #expect(bytes[0] != 0xcc)
    #expect(spawned.task.threads[spawned.id]?.registers?[.rip] == program.entryPoint.rawValue)
    // Symbols of libraries are there: the loader has done its work.
    #expect(throws: Never.self) {
      try spawned.task.address(of: .init(name: "memcpy", version: "GLIBC_2.14", library: nil))
    }
    #expect(try spawned.wait().exitStatus == 0)
  }

  @Test func `a program that ends by a signal gives 128 more than its number`() throws {
    let program = try Program()
    #expect(try program.start(["signal", "6"]).wait().exitStatus == 134)
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGUSR1])
  func `a signal for us is passed on to the program`(signal: Int32) throws {
    // Pending from the moment it is sent, whether or not the wait has begun by then.
    var mask = sigset_t()
    var found = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, signal)
    pthread_sigmask(SIG_BLOCK, &mask, &found)
    defer { pthread_sigmask(SIG_SETMASK, &found, nil) }
    let program = try Program()
    let spawned = try program.start(["wait", "\(signal)"])
    let id = spawned.id
    let output = program.output
    let waiter = pthread_self()
    Thread.detachNewThread {
      while (try? String(contentsOf: output, encoding: .utf8))?.contains("waiting") != true { usleep(1000) }
      pthread_kill(waiter, signal)
    }
    #expect(try spawned.wait().exitStatus == 40 + signal)
    #expect(kill(id, 0) == -1)
  }

  @Test func `a program that is not there, or is none, is refused with the reason`() throws {
    for path in ["/no/such/program", "/etc/passwd"] {
      let error = #expect(throws: ApplyError.self) {
        try SpawnedProcess.start(
          path, arguments: ["x"], environment: [], isSlid: true, entryPoint: VirtualAddress(0))
      }
      #expect(error?.code == .spawnFailed)
      #expect(error?.call == "execve")
    }
  }

  @Test func `a program that was never let go ends with its holder`() throws {
    let program = try Program()
    var spawned: SpawnedProcess? = try program.start(["wait", "15"])
    let id = try #require(spawned?.id)
    spawned = nil
    var status: Int32 = 0
    #expect(waitpid(id, &status, 0) == id)
    #expect(status & 0x7f == SIGKILL)
  }

  private func symbol(_ name: String, in path: String) throws -> UInt64 {
    let nm = Process()
    nm.executableURL = URL(fileURLWithPath: "/usr/bin/nm")
    nm.arguments = [path]
    let pipe = Pipe()
    nm.standardOutput = pipe
    try nm.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    nm.waitUntilExit()
    let line = try #require(text.split(separator: "\n").first { $0.hasSuffix(" \(name)") })
    return try #require(UInt64(line.prefix(16), radix: 16))
  }
}
