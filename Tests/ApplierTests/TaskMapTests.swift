import Addressing
import Testing

@testable import Applier

@Suite(.serialized)
struct TaskMapTests {
  /// Once the map has been read, it is asked; before that the kernel is, where it answers.
  @Test(arguments: [false, true])
  func `the mapping that holds a stack pointer is found in the map and by asking for it alone`(isRead: Bool) throws {
    let victim = try LinuxVictim("stale", ["stale"])
    let task = try victim.attach()
    try task.stopThreads()
    let map = TaskMap(task.process)
    let lines = try task.process.mapsLines()
    if isRead { _ = try map.lines() }
    let readable = lines.filter { $0.protection.contains(.read) && !$0.name.elementsEqual("[vsyscall]".utf8) }
    #expect(readable.count > 3)
    for line in readable {
      #expect(try map.stack(holding: line.range.start.rawValue) == line.range)
      #expect(try map.stack(holding: line.range.end.rawValue - 1) == line.range)
    }
    let stack = try #require(lines.first { $0.name.elementsEqual("[stack]".utf8) })
    #expect(try map.stack(holding: stack.range.start.rawValue - 4096) == stack.range, "it has yet to grow")
    let gap = try #require(zip(lines, lines.dropFirst()).first { $0.range.end < $1.range.start })
    #expect(try map.stack(holding: gap.0.range.end.rawValue) == nil)
    try task.resumeThreads()
  }
}
