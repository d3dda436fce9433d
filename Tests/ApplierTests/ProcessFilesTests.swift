import Addressing
import Testing

@testable import Applier

struct ProcessFilesTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func `a line of the memory map gives range, protection and a name with blanks`() throws {
    let lines = try #require(
      MapsLine.parse(
        bytes(
          """
          55d0c0000000-55d0c0001000 r-xp 00000000 08:01 1234                       /tmp/a program (deleted)
          7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
          7f0000000000-7f0000001000 ---s 00001000 00:00 0

          """)))
    let mappings = lines.map(TaskMapping.init)
    #expect(mappings.map(\.name) == ["/tmp/a program (deleted)", "[stack]", ""])
    #expect(mappings.map(\.protection) == [[.read, .execute], [.read, .write], []])
    #expect(mappings[0].range == RuntimeRange(start: RuntimeAddress(rawValue: 0x55d0_c000_0000), byteCount: 0x1000))
  }

  @Test(arguments: [
    "nonsense", "1000-2000", "2000-1000 r-xp 0 0 0", "1000-1z00 r-xp 0 0 0", "-2000 r-xp 0 0 0",
    "11111111111111111-11111111111111112 r-xp 0 0 0", "1000-2000 rx", "1000-2000 r-xp 0 0 0\n\nrest",
  ])
  func `a memory map that is not as known is refused whole`(text: String) {
    #expect(MapsLine.parse(bytes(text)) == nil)
  }

  @Test func `a program's name may hold what separates fields`() throws {
    let fields = (3...30).map { $0 == 22 ? "4711" : "0" }.joined(separator: " ")
    let stat = try #require(ProcessStat(bytes("12 (a) R (b c) \(fields)\n")))
    #expect(stat.name == "a) R (b c")
    #expect(stat.startTime == 4711)
    #expect(ProcessStat(bytes("12 (a) R 1 2 3")) == nil)
    #expect(ProcessStat(bytes("12 )a( R")) == nil)
    #expect(ProcessStat([]) == nil)
  }

  private func status(_ changes: [String: String] = [:]) -> ProcessStatus? {
    var lines = [
      "Name": "x", "State": "S (sleeping)", "Tgid": "12", "TracerPid": "0", "Uid": "1\t2\t3\t4",
      "SigPnd": "0000000000000000", "ShdPnd": "0000000000000000", "SigBlk": "0000000000000000",
      "SigIgn": "0000000000000000", "SigCgt": "0000000000000000",
    ]
    lines.merge(changes) { $1 }
    return ProcessStatus(bytes(lines.map { "\($0):\t\($1)" }.joined(separator: "\n")))
  }

  @Test func `the status tells the effective user, the tracer and the group`() throws {
    let status = try #require(self.status(["TracerPid": "77"]))
    #expect(status.effectiveUser == 2)
    #expect(status.tracer == 77)
    #expect(status.threadGroup == 12)
    #expect(!status.isZombie)
    #expect(self.status(["State": "Z (zombie)"])?.isZombie == true)
  }

  @Test(arguments: ["State", "Tgid", "TracerPid", "Uid", "SigBlk", "SigCgt"])
  func `a status without a line that matters is refused`(key: String) {
    #expect(status([key: ""]) == nil)
  }

  @Test func `a signal that waits but is blocked is none that will be delivered`() throws {
    #expect(status(["SigPnd": "0000000000000002", "SigBlk": "0000000000000002"])?.hasDeliverableSignal == false)
    #expect(status(["ShdPnd": "0000000000000003", "SigBlk": "0000000000000002"])?.hasDeliverableSignal == true)
  }

  @Test func `a program passes over what it ignores, by its own will or by default, unless it has a handler`() throws {
    let ordinary = try #require(self.status())
    #expect(ordinary.passesOver(17) && ordinary.passesOver(23) && ordinary.passesOver(28))
    #expect(!ordinary.passesOver(15) && !ordinary.passesOver(18) && !ordinary.passesOver(0) && !ordinary.passesOver(65))
    #expect(status(["SigIgn": "0000000000004000"])?.passesOver(15) == true)
    #expect(status(["SigCgt": "0000000000010000"])?.passesOver(17) == false)
  }

  @Test func `the auxiliary vector ends where it says, or where the bytes end`() {
    let words: [UInt64] = [3, 100, 9, 200, 3, 999, 0, 0, 5, 7]
    let vector = AuxiliaryVector(words.flatMap(\.littleEndianBytes))
    #expect(vector[.programHeaders] == 100)
    #expect(vector[.entryPoint] == 200)
    #expect(vector[.programHeaderCount] == nil)
    #expect(AuxiliaryVector([1, 2, 3])[.entryPoint] == nil)
  }

  @Test func `a build-id is found behind other notes, and a note that runs over the end ends the search`() {
    func note(_ type: UInt32, _ name: String, _ contents: [UInt8]) -> [UInt8] {
      let name = Array(name.utf8) + [0]
      func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
      return UInt32(name.count).littleEndianBytes + UInt32(contents.count).littleEndianBytes + type.littleEndianBytes
        + padded(name) + padded(contents)
    }
    let both = note(1, "GNU", [9, 9, 9, 9, 9]) + note(3, "Go", [8]) + note(3, "GNU", [1, 2, 3])
    #expect(NoteReader(TaskBytes(both), alignment: 4).buildID == [1, 2, 3])
    #expect(NoteReader(TaskBytes(Array(both.dropLast(4))), alignment: 4).buildID == nil)
    let huge = UInt32.max.littleEndianBytes + UInt32.max.littleEndianBytes + UInt32(3).littleEndianBytes
    #expect(NoteReader(TaskBytes(huge), alignment: 8).buildID == nil)
  }

  @Test func `a wait status is read as wait(2) writes it`() {
    #expect(WaitStatus(rawValue: 7 << 8).kind == .exited(status: 7))
    #expect(WaitStatus(rawValue: 9).kind == .killed(signal: 9))
    #expect(WaitStatus(rawValue: 0x86).kind == .killed(signal: 6))
    #expect(WaitStatus(rawValue: 10 << 8 | 0x7f).kind == .signal(10))
    #expect(WaitStatus(rawValue: 0x85 << 8 | 0x7f).kind == .systemCall)
    #expect(WaitStatus(rawValue: 128 << 16 | 5 << 8 | 0x7f).kind == .interrupted)
    #expect(WaitStatus(rawValue: 128 << 16 | 19 << 8 | 0x7f).kind == .groupStop)
    #expect(WaitStatus(rawValue: 3 << 16 | 5 << 8 | 0x7f).kind == .event(.clone))
    #expect(WaitStatus(rawValue: 6 << 16 | 5 << 8 | 0x7f).kind == .event(nil))
  }
}
