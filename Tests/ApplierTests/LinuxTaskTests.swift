import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskTests {
  @Test func `the slide is that of the running image, and the identity its build-id in memory`() throws {
    let victim = try LinuxVictim("pages", flags: ["-Wl,--build-id=0x0123456789abcdef"])
    let task = try victim.attach()
    #expect(try task.identity() == [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef])
    let text = try task.read(try victim.address("answer"), 4)
    #expect(text != [0, 0, 0, 0])
    #expect(try LinuxProcess(victim.id).mainImage().slide == task.slide)
  }

  @Test(arguments: [[], ["-static"], ["-no-pie"], ["-static-pie", "-fPIE"]])
  func `an image of any kind is found in memory`(flags: [String]) throws {
    let victim = try LinuxVictim("pages", flags: flags)
    let task = try victim.attach()
    let isFixed = flags == ["-static"] || flags == ["-no-pie"]
    #expect((task.slide == .zero) == isFixed)
    #expect(try LinuxProcess(victim.id).mainImage().slide == task.slide)
    #expect(try task.identity().count == 20)
  }

  @Test func `an image without a build-id has an empty identity`() throws {
    let victim = try LinuxVictim("pages", flags: ["-Wl,--build-id=none"])
    let task = try victim.attach()
    #expect(try task.identity().isEmpty)
  }

  @Test func `attaching stops nothing, and a second applier is told who holds the process`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    let error = #expect(throws: ApplyError.self) { try victim.attach() }
    #expect(error?.code == .alreadyTraced)
    #expect(error?.process == ProcessInfo.processInfo.processIdentifier)
    #expect(try victim.advances("calls"))
    task.detach()
    #expect(throws: Never.self) { try victim.attach() }
  }

  @Test func `a process that is not there, or has ended, is refused by name`() throws {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/bin/true")
    try child.run()
    child.waitUntilExit()
    let gone = #expect(throws: ApplyError.self) { try LinuxProcess(child.processIdentifier) }
    #expect(gone?.code == .noSuchProcess)
  }

  @Test func `a zombie is refused by name`() throws {
    // A shell that becomes a program which never waits for its child.
    let parent = Process()
    parent.executableURL = URL(fileURLWithPath: "/bin/sh")
    parent.arguments = ["-c", "sleep 0 & echo $!; exec sleep 100"]
    let pipe = Pipe()
    parent.standardOutput = pipe
    try parent.run()
    // It may have inherited a mask that blocks gentler ones.
    defer { kill(parent.processIdentifier, SIGKILL) }
    let text = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
    let child = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    var codes: Set<ApplyError.Code> = []
    for _ in 0..<500 where !codes.contains(.processIsZombie) {
      do { _ = try LinuxProcess(child) } catch { codes.insert(error.code) }
      usleep(2000)
    }
    #expect(codes.contains(.processIsZombie))
  }

  @Test func `a thread's number is no process's, and this program does not hold itself`() throws {
    let victim = try LinuxVictim("threads", ["sleep"])
    let threads = try LinuxCalls.numberedEntries("/proc/\(victim.id)/task")
    let other = try #require(threads.first { $0 != victim.id })
    let error = #expect(throws: ApplyError.self) { try LinuxProcess(other) }
    #expect(error?.process == victim.id)
    let own = #expect(throws: ApplyError.self) { try LinuxProcess(ProcessInfo.processInfo.processIdentifier) }
    #expect(own?.code == .notPermitted)
  }

  @Test func `a 32-bit process is refused by name`() throws {
    let flags = ["-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector"]
    let victim = try LinuxVictim("narrow", flags: flags)
    let error = #expect(throws: ApplyError.self) { try LinuxProcess(victim.id) }
    #expect(error?.code == .processNot64Bit)
  }

  @Test func `a kernel's thread is refused`() throws {
    let error = #expect(throws: ApplyError.self) { try LinuxProcess(2) }
    #expect(error.map { [.notPermitted, .noSuchProcess].contains($0.code) } == true)
  }

  @Test func `a process is named for ever by its start time, and found among all`() throws {
    let victim = try LinuxVictim("pages")
    let process = try LinuxProcess(victim.id)
    #expect(process.startTime == (try LinuxProcess(victim.id)).startTime)
    #expect(process.startTime > 0)
    #expect(process.executablePath?.contains("pages") == true)
    #expect(LinuxProcess.all().contains { $0.id == victim.id })
  }
}
