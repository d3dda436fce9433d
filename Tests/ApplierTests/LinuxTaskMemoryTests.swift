import Addressing
import Foundation
import Testing

@testable import Applier

@Suite(.serialized)
struct LinuxTaskMemoryTests {
  static let methods = LinuxTask.WriteMethod.allCases

  /// Page by page: how the kernel cuts pages of one protection into mappings is its own affair.
  private func protections(_ task: LinuxTask) throws -> [UInt64: PageProtection] {
    var pages: [UInt64: PageProtection] = [:]
    for mapping in try task.mappings() where mapping.name != "[heap]" && mapping.name != "[stack]" {
      for page in stride(from: mapping.range.start.rawValue, to: mapping.range.end.rawValue, by: 4096) {
        pages[page] = mapping.protection
      }
    }
    return pages
  }

  @Test(arguments: methods, [true, false])
  func `every page can be written, and its protection comes back`(
    method: LinuxTask.WriteMethod, isHeld: Bool
  ) throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach(method)
    let before = try protections(task)
    if isHeld { try task.stopThreads() }
    // Its code is spoilt only while nobody runs it.
    for name in ["r--", "r-x", "rw-", "rwx", "constant"] + (isHeld ? ["answer"] : []) {
      let place = RuntimeAddress(rawValue: try victim.address(name).rawValue + (name.hasPrefix("r") ? 0xf00 : 0))
      let found = try task.read(place, 8)
      let bytes = found.map { ~$0 }
      try task.write(bytes, at: place)
      #expect(try task.read(place, 8) == bytes)
      try task.write(found, at: place)
      #expect(try protections(task) == before)
    }
    try task.resumeThreads()
    #expect(try victim.advances("calls"))
    #expect(try victim.value("last") == 41)
  }

  @Test(arguments: methods)
  func `a write over two protections gives each its own back`(method: LinuxTask.WriteMethod) throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach(method)
    let before = try protections(task)
    let place = RuntimeAddress(rawValue: try victim.address("pair").rawValue + 4090)
    try task.write([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], at: place)
    #expect(try task.read(place, 12) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    #expect(try protections(task) == before)
  }

  @Test(arguments: methods)
  func `code is replaced under a running program`(method: LinuxTask.WriteMethod) throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach(method)
    try task.stopThreads()
    // mov $42, %eax; ret
    try task.write([0xb8, 42, 0, 0, 0, 0xc3], at: victim.address("answer"))
    try task.resumeThreads()
    #expect(try victim.advances("calls"))
    #expect(try victim.advances("calls"))
    #expect(try victim.value("last") == 42)
  }

  @Test(arguments: methods)
  func `where nothing is mapped nothing is written, and the error names the address`(
    method: LinuxTask.WriteMethod
  ) throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach(method)
    let before = try protections(task)
    let hole = try victim.address("hole")
    let error = #expect(throws: ApplyError.self) { try task.write([1, 2, 3, 4], at: hole) }
    #expect(error?.code == .taskCallFailed)
    #expect(error?.runtimeAddress == hole)
    let wrapping = #expect(throws: ApplyError.self) {
      try task.write([1, 2, 3, 4], at: RuntimeAddress(rawValue: .max - 1))
    }
    #expect(wrapping != nil)
    #expect(throws: ApplyError.self) { try task.read(hole, 16) }
    #expect(try protections(task) == before)
  }

  @Test func `a running thread sees the old word or the new one, never a mix`() throws {
    let victim = try LinuxVictim("cell")
    let task = try victim.attach()
    let cell = try victim.address("cell")
    var round = 0
    // The watcher sees as many changes as it gets the processor for.
    while try round < 400_000 && (round % 1000 != 0 || victim.value("changes") < 20_000) {
      try task.storePointer(round % 2 == 0 ? 0xeeee_eeee_eeee_eeee : 0x1111_1111_1111_1111, at: cell)
      round += 1
    }
    #expect(try victim.value("changes") > 0)
    #expect(try victim.value("mixed") == 0)
    #expect(throws: ApplyError.self) { try task.storePointer(0, at: RuntimeAddress(rawValue: cell.rawValue + 4)) }
  }

  @Test(arguments: [true, false])
  func `room is mapped exactly where it is wanted, zeroed, with its protection`(isHeld: Bool) throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    if isHeld { try task.stopThreads() }
    let range = try #require(RuntimeRange(start: victim.address("hole"), byteCount: 65536))
    try task.map(range, [.read, .execute])
    let mapping = try #require(try task.mappings().first { $0.range.contains(range.start) })
    #expect(mapping.protection == [.read, .execute])
    #expect(try task.read(range.start, 65536).allSatisfy { $0 == 0 })
    try task.write([1, 2, 3], at: range.start)
    try task.resumeThreads()
    #expect(try victim.advances("calls"))
  }

  @Test func `room that is taken, even in part, is left alone`() throws {
    let victim = try LinuxVictim("pages")
    let task = try victim.attach()
    let before = try protections(task)
    let hole = try victim.address("hole").rawValue
    let range = try #require(RuntimeRange(start: RuntimeAddress(rawValue: hole - 4096), byteCount: 8192))
    let error = #expect(throws: ApplyError.self) { try task.map(range, [.read]) }
    #expect(error?.code == .arenaOccupied)
    #expect(try protections(task) == before)
  }
}
