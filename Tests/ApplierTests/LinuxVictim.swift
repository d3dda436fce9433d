import Addressing
import Foundation
import Testing

@testable import Applier

/// A small C program of `Tests/Fixtures/victims`, built and running, that tells addresses of its own on its output.
final class LinuxVictim {
  let process: Process
  /// What it printed as `NAME 0xADDRESS`, before `ready`.
  private(set) var addresses: [String: UInt64] = [:]
  private(set) var lines: [String] = []
  private let output: FileHandle

  struct NotReady: Error { var lines: [String] }

  init(
    _ source: String, _ arguments: [String] = [], flags: [String] = [], libraries: [String] = [],
    environment: [String: String] = [:]
  ) throws {
    let executable = try VictimCompiler.executable(source, flags: flags, libraries: libraries)
    process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    output = pipe.fileHandleForReading
    try process.run()
    try pipe.fileHandleForWriting.close()
    try waitUntilReady()
  }

  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  var id: Int32 { process.processIdentifier }

  func address(_ name: String) throws -> RuntimeAddress {
    guard let address = addresses[name] else { throw NotReady(lines: lines) }
    return RuntimeAddress(rawValue: address)
  }

  /// A `long` of the victim's, read while it runs.
  func value(_ name: String) throws -> Int64 {
    let bytes = try LinuxProcess(id).read(try address(name), 8)
    return Int64(bitPattern: UInt64(littleEndianBytes: bytes))
  }

  /// Whether the value changes soon: that the victim is alive and gets on.
  func advances(_ name: String) throws -> Bool {
    let before = try value(name)
    try patiently { try value(name) != before }
    return try value(name) != before
  }

  /// The states of its threads, as proc(5) has them.
  func states() throws -> Set<Character> {
    let process = try LinuxProcess(id)
    let threads = try LinuxCalls.numberedEntries("/proc/\(id)/task")
    return Set(try threads.compactMap { try process.status(ofThread: $0).map { Character(Unicode.Scalar($0.state)) } })
  }

  /// e_entry of its executable, for there is no journal to ask.
  func entryPoint() throws -> VirtualAddress {
    guard let executable = process.executableURL else { throw NotReady(lines: lines) }
    let head = try Data(contentsOf: executable, options: .alwaysMapped).prefix(64)
    return VirtualAddress(UInt64(littleEndianBytes: Array(head[24..<32])))
  }

  /// With the patience that a busy machine may need.
  func attach(_ method: LinuxTask.WriteMethod = .forced) throws -> LinuxTask {
    try LinuxTask(
      attachingTo: id, entryPoint: entryPoint(), writeMethod: method, patienceNanoseconds: 60_000_000_000)
  }

  private func waitUntilReady() throws {
    var text = ""
    while !text.contains("ready\n") {
      let chunk = output.availableData
      if chunk.isEmpty { throw NotReady(lines: [text]) }
      text += String(decoding: chunk, as: UTF8.self)
    }
    lines = text.split(separator: "\n").map(String.init)
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count == 2, words[1].hasPrefix("0x") else { continue }
      addresses[String(words[0])] = UInt64(words[1].dropFirst(2), radix: 16)
    }
  }
}

/// Builds each victim once a test run.
enum VictimCompiler {
  struct Failed: Error { var message: String }

  private static let folder = FileManager.default.temporaryDirectory.appending(
    path: "hcs-victims-\(ProcessInfo.processInfo.processIdentifier)")
  private static let lock = NSLock()

  static func source(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/victims/\(name)")
  }

  static func executable(_ name: String, flags: [String], libraries: [String]) throws -> URL {
    try lock.withLock {
      let shared = try libraries.map {
        try build($0, flags: ["-shared", "-fPIC", "-Wl,-soname,lib\($0).so"] + scriptFlags($0), to: "lib\($0).so").path
      }
      let suffix = flags.joined().filter { $0.isLetter || $0.isNumber }
      // Static executables that slide refuse to start with a run path (glibc, elf_get_dynamic_info).
      let links = shared.isEmpty ? [] : shared + ["-Wl,-rpath,\(folder.path)"]
      return try build(name, flags: ["-pthread"] + flags, after: links, to: name + suffix)
    }
  }

  private static func scriptFlags(_ name: String) -> [String] {
    let script = source("\(name).map").path
    return FileManager.default.fileExists(atPath: script) ? ["-Wl,--version-script=\(script)"] : []
  }

  private static func build(
    _ name: String, flags: [String], after: [String] = [], to output: String
  ) throws -> URL {
    let result = folder.appending(path: output)
    if FileManager.default.fileExists(atPath: result.path) { return result }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/gcc")
    compiler.arguments = ["-O1", "-g0", "-o", result.path, source("\(name).c").path] + flags + after
    let messages = Pipe()
    compiler.standardError = messages
    try compiler.run()
    let text = messages.fileHandleForReading.readDataToEndOfFile()
    compiler.waitUntilExit()
    guard compiler.terminationStatus == 0 else { throw Failed(message: String(decoding: text, as: UTF8.self)) }
    return result
  }
}

/// Until it is so, for as long as a machine under load may need; the check that follows tells.
func patiently(until isSo: () throws -> Bool) rethrows { try patiently(until: isSo, meanwhile: {}) }

func patiently(until isSo: () throws -> Bool, meanwhile: () throws -> Void) rethrows {
  for _ in 0..<20_000 {
    if try isSo() { return }
    try meanwhile()
    usleep(1000)
  }
}

/// Runs on a thread of its own, which ends with it: for the kernel, a tracer that has gone.
func onOwnThread(_ body: @escaping () throws -> Void) throws {
  let outcome = Outcome()
  nonisolated(unsafe) let body = body
  let hasRun = DispatchSemaphore(value: 0)
  let thread = Thread {
    outcome.thread = LinuxCalls.thread
    outcome.result = Result { try body() }
    hasRun.signal()
  }
  thread.stackSize = 4 << 20
  thread.start()
  // Not `isFinished`, which orders none of what the thread wrote before what is read here.
  hasRun.wait()
  // The block has run; the system's thread under it ends a moment later, and gives up what it traces before it goes
  // from this list (kernel/exit.c, exit_notify).
  let place = "/proc/self/task/\(outcome.thread)"
  patiently { !FileManager.default.fileExists(atPath: place) }
  try outcome.result?.get()
}

/// Written by one thread, read by another that has waited for it.
private final class Outcome: @unchecked Sendable {
  var thread: Int32 = 0
  var result: Result<Void, any Error>?
}

/// Waits for a value to become what it should, and says what it is if it does not.
func expectSoon(_ expected: Int64, _ value: () throws -> Int64) throws {
  try patiently { try value() == expected }
  #expect(try value() == expected)
}

/// SIGRTMIN is a call of glibc's that Swift does not import: the kernel's first, 32, and 33 are its own.
let firstRealTimeSignal: Int32 = 34
